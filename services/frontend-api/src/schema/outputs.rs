//! What the schema gives.

use crate::{
    domain::{
        Availability,
        estimate::{self, Way},
    },
    session,
    shelves::Shelves,
};
use async_graphql::{ComplexObject, Context, ID, InputObject, Result, SimpleObject};
use contracts::{
    Code, ProductId,
    bodies::{delivery::DeliveryView, warehouse::PackagingView},
    order::StatusChange as Step,
};

/// Outer size in millimetres and weight in grams.
#[derive(Clone, Copy, SimpleObject, InputObject)]
#[graphql(input_name = "PackageInput")]
pub(crate) struct Package {
    width: Option<u32>,
    length: Option<u32>,
    height: Option<u32>,
    weight: Option<u32>,
}

impl From<contracts::Package> for Package {
    fn from(package: contracts::Package) -> Self {
        Package {
            width: Some(package.width),
            length: Some(package.length),
            height: Some(package.height),
            weight: Some(package.weight),
        }
    }
}

impl From<Package> for contracts::Package {
    fn from(package: Package) -> Self {
        contracts::Package {
            width: package.width.unwrap_or_default(),
            length: package.length.unwrap_or_default(),
            height: package.height.unwrap_or_default(),
            weight: package.weight.unwrap_or_default(),
        }
    }
}

/// A postal address.
#[derive(Clone, SimpleObject, InputObject)]
#[graphql(input_name = "AddressInput")]
pub(crate) struct Address {
    name: String,
    company_name: Option<String>,
    street_address: String,
    post_code: Option<String>,
    city: String,
    state: Option<String>,
    /// ISO 3166-1 alpha-2.
    country: String,
    phone_number: String,
}

impl From<contracts::Address> for Address {
    fn from(address: contracts::Address) -> Self {
        Address {
            name: address.name,
            company_name: address.company_name,
            street_address: address.street_address,
            post_code: address.post_code,
            city: address.city,
            state: address.state,
            country: address.country,
            phone_number: address.phone_number,
        }
    }
}

impl From<Address> for contracts::Address {
    fn from(address: Address) -> Self {
        contracts::Address {
            name: address.name,
            company_name: address.company_name,
            street_address: address.street_address,
            post_code: address.post_code,
            city: address.city,
            state: address.state,
            country: address.country,
            phone_number: address.phone_number,
        }
    }
}

/// A product of the catalogue, or a line of an order.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Product {
    #[graphql(skip)]
    id: ProductId,
    /// Whether it can be ordered, as far as is known.
    #[graphql(skip)]
    sold: bool,
    created_date: Option<String>,
    modified_date: Option<String>,
    name: String,
    package: Package,
    category: Option<String>,
    tags: Option<Vec<Option<String>>>,
    pictures: Option<Vec<Option<String>>>,
    /// One unit, minor units.
    pub(super) price: i64,
    quantity: Option<u32>,
    pub(super) currency: Option<String>,
    version: Option<u64>,
    age_restricted: Option<bool>,
}

#[ComplexObject]
impl Product {
    async fn product_id(&self) -> ID {
        ID(self.id.to_string())
    }

    /// How well it is to be had, as of a moment ago.
    async fn availability(&self, ctx: &Context<'_>) -> Result<Option<Availability>> {
        let shelves = ctx.data::<Shelves>()?;
        Ok(shelves.availability(self.id, self.sold, session::of(ctx)?.deadline).await)
    }
}

impl From<contracts::Product> for Product {
    fn from(product: contracts::Product) -> Self {
        let texts = |texts: Vec<String>| Some(texts.into_iter().map(Some).collect());
        Product {
            id: product.product_id,
            sold: product.active,
            created_date: Some(product.created_date.to_string()),
            modified_date: Some(product.modified_date.to_string()),
            name: product.name,
            package: product.package.into(),
            category: Some(product.category),
            tags: texts(product.tags),
            pictures: texts(product.pictures),
            price: product.price,
            quantity: None,
            currency: Some(product.currency),
            version: Some(product.version),
            age_restricted: Some(product.age_restricted),
        }
    }
}

/// A line as the customer accepted it: what the catalogue says now is not part of it.
fn line(line: contracts::OrderLine, currency: &str) -> Product {
    Product {
        id: line.product_id,
        sold: false,
        created_date: None,
        modified_date: None,
        name: line.name,
        package: line.package.into(),
        category: None,
        tags: None,
        pictures: None,
        price: line.price,
        quantity: Some(line.quantity),
        currency: Some(currency.to_owned()),
        version: None,
        age_restricted: None,
    }
}

/// An order.
#[derive(Clone, SimpleObject)]
#[graphql(complex)]
pub(crate) struct Order {
    /// From the warehouse to the customer, while that is known.
    #[graphql(skip)]
    pub(super) way: Option<Way>,
    order_id: ID,
    user_id: String,
    created_date: String,
    modified_date: String,
    status: String,
    products: Vec<Product>,
    address: Address,
    delivery_price: i64,
    total: i64,
    version: u64,
    currency: String,
    payment_state: String,
    stock_state: String,
    tracking_id: Option<String>,
    cancellable: bool,
    history: Vec<StatusChange>,
}

impl From<contracts::Order> for Order {
    fn from(order: contracts::Order) -> Self {
        let (cancellable, way) = (order.cancellable(), estimate::way(&order));
        let products = order.products.into_iter().map(|product| line(product, &order.currency));
        Order {
            way,
            order_id: ID(order.order_id.to_string()),
            user_id: order.user_id.0,
            created_date: order.created_date.to_string(),
            modified_date: order.modified_date.to_string(),
            status: order.status.to_string(),
            products: products.collect(),
            address: order.address.into(),
            delivery_price: order.delivery_price,
            total: order.total,
            version: order.version,
            currency: order.currency.clone(),
            payment_state: order.payment_state.to_string(),
            stock_state: order.stock_state.to_string(),
            tracking_id: order.tracking_id,
            cancellable,
            history: order.history.into_iter().map(StatusChange::from).collect(),
        }
    }
}

/// What came of a request about an order.
#[derive(SimpleObject)]
pub(crate) struct OrderResponse {
    success: bool,
    message: Option<String>,
    code: Option<String>,
    order: Option<Order>,
}

impl OrderResponse {
    /// It is done.
    pub(super) fn done(order: contracts::Order) -> Self {
        OrderResponse { success: true, message: None, code: None, order: Some(order.into()) }
    }

    /// It is not.
    pub(super) fn refused(code: Code, message: &str) -> Self {
        let (message, code) = (Some(message.to_owned()), Some(code.to_string()));
        OrderResponse { success: false, message, code, order: None }
    }

    /// There is nothing to do it to.
    pub(super) fn no_such_order() -> Self {
        OrderResponse::refused(Code::NotFound, "There is no such order")
    }
}

/// One step of an order's life.
#[derive(Clone, SimpleObject)]
pub(crate) struct StatusChange {
    version: u64,
    status: String,
    at: String,
    reason: Option<String>,
}

impl From<Step> for StatusChange {
    fn from(step: Step) -> Self {
        let (status, at) = (step.status.to_string(), step.at.to_string());
        StatusChange { version: step.version, status, at, reason: step.reason }
    }
}

/// A region, as another one sees it.
#[derive(SimpleObject)]
pub(crate) struct RegionStatus {
    region: String,
    continent: String,
    /// What operators decided: ACTIVE, DRAINED or EVACUATED.
    state: String,
    /// Counts the decisions.
    epoch: u64,
    /// How long its oldest event has been waiting for the bus, milliseconds. Of a region that does not say: as far as
    /// others know.
    outbox_lag_ms: u64,
}

impl RegionStatus {
    /// What is known of a region; nothing, where a table does not answer.
    pub(super) fn of(status: contracts::bodies::ops::RegionStatus) -> Option<Self> {
        Some(RegionStatus {
            region: status.region.0,
            continent: status.continent.0,
            state: status.state.to_string(),
            epoch: status.epoch,
            outbox_lag_ms: status.outbox_lag_ms?,
        })
    }
}

/// A page of orders.
#[derive(SimpleObject)]
pub(crate) struct PaginatedOrders {
    pub(super) orders: Vec<Order>,
    pub(super) next_token: Option<String>,
}

/// A page of products.
#[derive(SimpleObject)]
pub(crate) struct PaginatedProducts {
    products: Vec<Product>,
    next_token: Option<String>,
}

impl From<contracts::bodies::products::ProductPage> for PaginatedProducts {
    fn from(page: contracts::bodies::products::ProductPage) -> Self {
        let products = page.products.into_iter().map(Product::from).collect();
        PaginatedProducts { products, next_token: page.next_token }
    }
}

/// A delivery.
#[derive(SimpleObject)]
pub(crate) struct Delivery {
    order_id: String,
    address: Address,
    status: Option<String>,
    tracking_id: Option<String>,
    requires_adult_signature: Option<bool>,
}

impl From<DeliveryView> for Delivery {
    fn from(view: DeliveryView) -> Self {
        Delivery {
            order_id: view.order_id.to_string(),
            address: view.address.into(),
            status: Some(word(&view.status)),
            tracking_id: view.tracking_id,
            requires_adult_signature: Some(view.requires_adult_signature),
        }
    }
}

/// A page of deliveries.
#[derive(SimpleObject)]
pub(crate) struct PaginatedDeliveries {
    pub(super) deliveries: Vec<Delivery>,
    pub(super) next_token: Option<String>,
}

/// The price of a delivery.
#[derive(SimpleObject)]
pub(crate) struct DeliveryPricingResponse {
    /// Minor units.
    pub(super) pricing: i64,
    pub(super) currency: Option<String>,
}

/// What a picker packs.
#[derive(SimpleObject)]
pub(crate) struct PackagingRequest {
    order_id: String,
    status: String,
    products: Vec<PackagingRequestProduct>,
    warehouse_id: Option<String>,
}

/// A line of what a picker packs.
#[derive(SimpleObject)]
pub(crate) struct PackagingRequestProduct {
    product_id: String,
    quantity: u32,
    packaged_quantity: Option<u32>,
}

impl From<PackagingView> for PackagingRequest {
    fn from(view: PackagingView) -> Self {
        let products = view.products.into_iter().map(|line| PackagingRequestProduct {
            product_id: line.product_id.to_string(),
            quantity: line.quantity,
            packaged_quantity: Some(line.packaged_quantity),
        });
        PackagingRequest {
            order_id: view.order_id.to_string(),
            status: word(&view.status),
            products: products.collect(),
            warehouse_id: Some(view.warehouse_id.0),
        }
    }
}

/// A page of orders that wait for a picker.
#[derive(SimpleObject)]
pub(crate) struct PaginatedPackagingRequestIds {
    pub(super) packaging_request_ids: Vec<String>,
    pub(super) next_token: Option<String>,
}

/// Stock of a product in a warehouse.
#[derive(SimpleObject)]
pub(crate) struct StockLevel {
    product_id: ID,
    warehouse_id: ID,
    on_hand: i64,
    reserved: i64,
    available: i64,
    version: u64,
}

impl From<contracts::stock::StockLevel> for StockLevel {
    fn from(level: contracts::stock::StockLevel) -> Self {
        StockLevel {
            product_id: ID(level.product_id.to_string()),
            warehouse_id: ID(level.warehouse_id.0),
            on_hand: level.on_hand,
            reserved: level.reserved,
            available: level.on_hand - level.reserved,
            version: level.version,
        }
    }
}

/// The caller.
#[derive(SimpleObject)]
pub(crate) struct Me {
    pub(super) user_id: ID,
    pub(super) age_verdict: String,
}

/// Where a customer's verification stands.
#[derive(SimpleObject)]
pub(crate) struct AgeVerification {
    /// `PASSED`, `FAILED` or `PENDING`.
    pub(super) state: String,
    /// The page of the age checker, where there is something to verify.
    pub(super) url: Option<String>,
}

/// What a customer means to buy.
#[derive(SimpleObject)]
pub(crate) struct Cart {
    pub(super) cart_id: ID,
    pub(super) items: Vec<CartItem>,
    /// Minor units.
    pub(super) total: i64,
    pub(super) currency: String,
}

/// A product of a cart.
#[derive(SimpleObject)]
pub(crate) struct CartItem {
    pub(super) product: Product,
    pub(super) quantity: u32,
}

/// The outcome of a command.
#[derive(SimpleObject)]
pub(crate) struct Response {
    pub(super) success: bool,
    pub(super) message: Option<String>,
    pub(super) code: Option<String>,
}

/// A word of the contract, as it stands on the wire.
pub(super) fn word(value: &impl serde::Serialize) -> String {
    match async_graphql::to_value(value) {
        Ok(async_graphql::Value::String(word)) => word,
        Ok(async_graphql::Value::Enum(word)) => word.to_string(),
        _ => String::new(),
    }
}
