//! GraphQL documents that clients of the public door send, with the fields they read.

/// A page of the catalogue.
pub const GET_PRODUCTS: &str = "query GetProducts($nextToken: String, $limit: Int) { getProducts(nextToken: $nextToken, limit: $limit) { products { productId name price currency package { width length height weight } category availability } nextToken } }";
/// One product.
pub const GET_PRODUCT: &str = "query GetProduct($productId: ID!) { getProduct(productId: $productId) { productId name price currency package { width length height weight } category version } }";
/// Products whose text matches.
pub const SEARCH_PRODUCTS: &str = "query SearchProducts($query: String!, $category: String, $nextToken: String) { searchProducts(query: $query, category: $category, nextToken: $nextToken) { products { productId name price currency package { width length height weight } category availability } nextToken } }";
/// What goes with a product.
pub const GET_RECOMMENDATIONS: &str = "query GetRecommendations($productId: ID!, $limit: Int) { getRecommendations(productId: $productId, limit: $limit) { productId name price currency category availability } }";
/// Waits for a product to come in again, or no longer.
pub const NOTIFY_WHEN_BACK: &str = "mutation NotifyWhenBack($productId: ID!, $on: Boolean) { notifyWhenBack(productId: $productId, on: $on) { success message code } }";
/// What came in again of what the caller waited for.
pub const MY_NOTICES: &str = "query MyNotices { myNotices { productId at product { name price } } }";
/// When one of the caller's orders may arrive.
pub const GET_DELIVERY_ESTIMATE: &str = "query GetDeliveryEstimate($orderId: ID!) { getOrder(orderId: $orderId) { status deliveryEstimate { earliest latest } } }";
/// Sets how many units of a product lie in the caller's cart.
pub const PUT_CART_ITEM: &str = "mutation PutCartItem($input: CartItemInput!) { putCartItem(input: $input) { cartId items { product { productId price } quantity } total currency } }";
/// What lies in a cart.
pub const GET_CART: &str = "query GetCart($cartId: ID) { getCart(cartId: $cartId) { cartId items { product { productId price } quantity } total currency } }";
/// Lays what is in an anonymous cart into the caller's.
pub const MERGE_CART: &str = "mutation MergeCart($anonymousCartId: ID!) { mergeCart(anonymousCartId: $anonymousCartId) { cartId items { product { productId price } quantity } total currency } }";
/// Where the caller can have their age verified.
pub const START_AGE_VERIFICATION: &str =
    "mutation StartAgeVerification { startAgeVerification { state url } }";
/// Who the caller is.
pub const ME: &str = "query Me { me { userId ageVerdict } }";
/// The price of a delivery.
pub const GET_DELIVERY_PRICING: &str = "query GetDeliveryPricing($input: DeliveryPricingInput!) { getDeliveryPricing(input: $input) { pricing currency } }";
/// Make an order.
pub const CREATE_ORDER: &str = "mutation CreateOrder($order: CreateOrderRequest!) { createOrder(order: $order) { success message errors code retryable durability order { orderId userId status total version currency deliveryPrice products { productId quantity price } address { country } } } }";
/// Cancel an order.
pub const CANCEL_ORDER: &str = "mutation CancelOrder($input: CancelOrderInput!) { cancelOrder(input: $input) { success message code order { orderId userId status total version } } }";
/// Pay an order with another token.
pub const UPDATE_PAYMENT: &str = "mutation UpdatePayment($input: UpdatePaymentInput!) { updatePayment(input: $input) { success message code order { orderId userId status total version } } }";
/// Ask to send goods back.
pub const REQUEST_RETURN: &str = "mutation RequestReturn($input: ReturnInput!) { requestReturn(input: $input) { success message code order { orderId userId status total version } } }";
/// One of the caller's orders.
pub const GET_ORDER: &str = "query GetOrder($orderId: ID!, $minVersion: Int) { getOrder(orderId: $orderId, minVersion: $minVersion) { orderId userId status total version paymentState stockState trackingId history { version status } } }";
/// One of the caller's orders, with everything that was ordered.
pub const GET_ORDER_IN_FULL: &str = "query GetOrderInFull($orderId: ID!) { getOrder(orderId: $orderId) { orderId userId status total version currency deliveryPrice products { productId quantity price } address { country } history { version status } } }";
/// The order that an attempt made.
pub const GET_ORDER_BY_KEY: &str = "query GetOrderByKey($idempotencyKey: String!) { getOrderByKey(idempotencyKey: $idempotencyKey) { orderId userId status total version } }";
/// The caller's orders.
pub const GET_ORDERS: &str = "query GetOrders($nextToken: String, $limit: Int) { getOrders(nextToken: $nextToken, limit: $limit) { orders { orderId status total version } nextToken } }";
/// Orders that a person must look at.
pub const GET_ORDERS_NEEDING_ATTENTION: &str = "query GetOrdersNeedingAttention($nextToken: String) { getOrdersNeedingAttention(nextToken: $nextToken) { orders { orderId status total version paymentState stockState history { version status reason } } nextToken } }";
/// All regions, as operators see them.
pub const GET_REGIONS: &str = "query GetRegions { getRegions { region continent state epoch outboxLagMs } }";
/// Orders that wait for a picker.
pub const GET_NEW_PACKAGING: &str = "query GetNewPackagingRequestIds($nextToken: String) { getNewPackagingRequestIds(nextToken: $nextToken) { packagingRequestIds nextToken } }";
/// What to pick.
pub const GET_PACKAGING: &str = "query GetPackagingRequest($input: PackagingInput!) { getPackagingRequest(input: $input) { orderId status warehouseId products { productId quantity packagedQuantity } } }";
/// A picker begins.
pub const START_PACKAGING: &str = "mutation StartPackaging($input: PackagingInput!) { startPackaging(input: $input) { success message code } }";
/// A picker puts units in the package.
pub const UPDATE_PACKAGING: &str = "mutation UpdatePackagingProduct($input: UpdatePackagingProductInput!) { updatePackagingProduct(input: $input) { success message code } }";
/// A picker is done.
pub const COMPLETE_PACKAGING: &str = "mutation CompletePackaging($input: PackagingInput!) { completePackaging(input: $input) { success message code } }";
/// A picker gives up.
pub const FAIL_PACKAGING: &str = "mutation FailPackaging($input: PackagingInput!) { failPackaging(input: $input) { success message code } }";
/// Book goods that came in.
pub const RECEIVE_STOCK: &str = "mutation ReceiveStock($input: StockReceiptInput!) { receiveStock(input: $input) { productId warehouseId onHand reserved available version } }";
/// Lists a product, or changes one that has this version.
pub const PUT_PRODUCT: &str = "mutation PutProduct($product: ProductInput!, $ifVersion: Int) { putProduct(product: $product, ifVersion: $ifVersion) { productId name price currency package { width length height weight } category version } }";
/// Takes a product that has this version out of the catalogue.
pub const DELETE_PRODUCT: &str = "mutation DeleteProduct($productId: ID!, $ifVersion: Int!) { deleteProduct(productId: $productId, ifVersion: $ifVersion) { success message code } }";
/// Deliveries that wait for a courier.
pub const GET_NEW_DELIVERIES: &str = "query GetNewDeliveries($nextToken: String) { getNewDeliveries(nextToken: $nextToken) { deliveries { orderId status requiresAdultSignature } nextToken } }";
/// A courier takes a parcel.
pub const START_DELIVERY: &str = "mutation StartDelivery($input: DeliveryInput!) { startDelivery(input: $input) { success message code } }";
/// A courier hands a parcel over.
pub const COMPLETE_DELIVERY: &str = "mutation CompleteDelivery($input: DeliveryInput!) { completeDelivery(input: $input) { success message code } }";
/// A courier brings a parcel back.
pub const FAIL_DELIVERY: &str =
    "mutation FailDelivery($input: DeliveryInput!) { failDelivery(input: $input) { success message code } }";
