//! Questions.

use super::{
    additions::Notice,
    inputs::{DeliveryInput, DeliveryPricingInput, PackagingInput, lines},
    mutation::cart_of,
    outputs::{
        Cart, Delivery, DeliveryPricingResponse, Me, Order, PackagingRequest, PaginatedDeliveries,
        PaginatedOrders, PaginatedPackagingRequestIds, PaginatedProducts, Product, RegionStatus, StockLevel,
        word,
    },
};
use crate::{
    clients::{Clients, Paging},
    error::failed,
    session::{self, Session, SignedIn, StaffOf},
};
use async_graphql::{Context, Error, ID, Object, Result};
use contracts::{CartId, Code, bodies::delivery::PricingRequest, keys};
use platform::{ApiError, Caller};

/// What can be asked.
pub(crate) struct QueryRoot;

pub(super) fn behind<'a>(ctx: &Context<'a>) -> Result<(&'a Clients, &'a Session)> {
    Ok((ctx.data::<Clients>()?, session::of(ctx)?))
}

/// What can be asked. Additions to the base contract, which its clients need not know: `Query.getRecommendations`,
/// `Query.myNotices`, `Mutation.notifyWhenBack` and `Order.deliveryEstimate`.
#[Object(name = "Query")]
impl QueryRoot {
    /// A page of the catalogue.
    async fn get_products(
        &self,
        ctx: &Context<'_>,
        next_token: Option<String>,
        limit: Option<i64>,
    ) -> Result<PaginatedProducts> {
        let (clients, session) = behind(ctx)?;
        let page = clients.products(&Paging { next_token, limit }, session).await;
        page.map(Into::into).map_err(|error| failed(session, error))
    }

    /// One product.
    async fn get_product(&self, ctx: &Context<'_>, product_id: ID) -> Result<Option<Product>> {
        let (clients, session) = behind(ctx)?;
        let Ok(product_id) = product_id.parse() else { return Ok(None) };
        let product = clients.product(product_id, session).await;
        Ok(product.map_err(|error| failed(session, error))?.map(Into::into))
    }

    /// A page of the products of a category.
    async fn get_products_by_category(
        &self,
        ctx: &Context<'_>,
        category: String,
        next_token: Option<String>,
        limit: Option<i64>,
    ) -> Result<PaginatedProducts> {
        let (clients, session) = behind(ctx)?;
        let page = clients.products_in(&category, &Paging { next_token, limit }, session).await;
        page.map(Into::into).map_err(|error| failed(session, error))
    }

    /// Products whose text matches.
    async fn search_products(
        &self,
        ctx: &Context<'_>,
        query: String,
        category: Option<String>,
        next_token: Option<String>,
    ) -> Result<PaginatedProducts> {
        let (clients, session) = behind(ctx)?;
        let paging = Paging { next_token, limit: None };
        let page = clients.search(&query, category.as_deref(), &paging, session).await;
        page.map(Into::into).map_err(|error| failed(session, error))
    }

    /// What goes with a product, best first: what is bought together with it, then what sells best. At most 50, and 10
    /// where no limit is given.
    async fn get_recommendations(
        &self,
        ctx: &Context<'_>,
        product_id: ID,
        limit: Option<i64>,
    ) -> Result<Vec<Product>> {
        let (clients, session) = behind(ctx)?;
        let Ok(product_id) = product_id.parse() else { return Ok(Vec::new()) };
        let found = clients.recommendations(product_id, limit, session).await;
        let found = found.map_err(|error| failed(session, error))?;
        Ok(found.into_iter().flat_map(|found| found.products).map(Product::from).collect())
    }

    /// What came in again of what the caller waited for, newest first; at most 100.
    #[graphql(guard = "SignedIn")]
    async fn my_notices(&self, ctx: &Context<'_>) -> Result<Vec<Notice>> {
        let (clients, session) = behind(ctx)?;
        let list = clients.notices(session).await.map_err(|error| failed(session, error))?;
        Ok(list.notices.into_iter().map(Notice::from).collect())
    }

    /// What a delivery costs.
    #[graphql(guard = "SignedIn")]
    async fn get_delivery_pricing(
        &self,
        ctx: &Context<'_>,
        input: DeliveryPricingInput,
    ) -> Result<DeliveryPricingResponse> {
        let (clients, session) = behind(ctx)?;
        let products = lines(input.products).map_err(|faults| failed(session, ApiError::invalid(faults)))?;
        let request = PricingRequest { products, address: input.address.into() };
        let price = clients.pricing(&request, session).await.map_err(|error| failed(session, error))?;
        Ok(DeliveryPricingResponse { pricing: price.pricing, currency: Some(price.currency) })
    }

    /// The caller's orders, newest first.
    #[graphql(guard = "SignedIn")]
    async fn get_orders(
        &self,
        ctx: &Context<'_>,
        next_token: Option<String>,
        limit: Option<i64>,
    ) -> Result<PaginatedOrders> {
        let (clients, session) = behind(ctx)?;
        let page = clients.orders(&Paging { next_token, limit }, session).await;
        let page = page.map_err(|error| failed(session, error))?;
        let orders = page.orders.into_iter().map(Order::from).collect();
        Ok(PaginatedOrders { orders, next_token: page.next_token })
    }

    /// One of the caller's orders, at least as new as `minVersion`.
    #[graphql(guard = "SignedIn")]
    async fn get_order(
        &self,
        ctx: &Context<'_>,
        order_id: ID,
        min_version: Option<u64>,
    ) -> Result<Option<Order>> {
        let (clients, session) = behind(ctx)?;
        let Ok(order_id) = order_id.parse() else { return Ok(None) };
        let order = clients.order(order_id, min_version, session).await;
        let order = order.map_err(|error| failed(session, error))?;
        Ok(own(session, order)?.map(Into::into))
    }

    /// The order that an attempt of the caller's made, if it made one.
    #[graphql(guard = "SignedIn")]
    async fn get_order_by_key(&self, ctx: &Context<'_>, idempotency_key: String) -> Result<Option<Order>> {
        let (clients, session) = behind(ctx)?;
        if !keys::valid_idempotency_key(&idempotency_key) {
            return Ok(None);
        }
        let order = clients.order_by_key(&idempotency_key, session).await;
        let order = order.map_err(|error| failed(session, error))?;
        Ok(own(session, order)?.map(Into::into))
    }

    /// What lies in the caller's cart, or in the anonymous one of whoever has not signed in and knows its id.
    async fn get_cart(&self, ctx: &Context<'_>, cart_id: Option<ID>) -> Result<Cart> {
        let (clients, session) = behind(ctx)?;
        let anonymous = anonymous_cart(session, cart_id.as_ref())?;
        if anonymous.is_none() {
            session.person()?;
        }
        let cart = clients.cart(anonymous, session).await.map_err(|error| failed(session, error))?;
        cart_of(clients, session, cart).await
    }

    /// Who the caller is.
    #[graphql(guard = "SignedIn")]
    async fn me(&self, ctx: &Context<'_>) -> Result<Me> {
        let (clients, session) = behind(ctx)?;
        let me = clients.me(session).await.map_err(|error| failed(session, error))?;
        Ok(Me { user_id: ID(me.user_id.0), age_verdict: word(&me.age_verdict) })
    }

    /// Deliveries that wait for a courier.
    #[graphql(guard = "StaffOf(\"delivery\")")]
    async fn get_new_deliveries(
        &self,
        ctx: &Context<'_>,
        next_token: Option<String>,
    ) -> Result<PaginatedDeliveries> {
        let (clients, session) = behind(ctx)?;
        let page = clients.new_deliveries(&Paging { next_token, limit: None }, session).await;
        let page = page.map_err(|error| failed(session, error))?;
        let deliveries = page.deliveries.into_iter().map(Delivery::from).collect();
        Ok(PaginatedDeliveries { deliveries, next_token: page.next_token })
    }

    /// One delivery.
    #[graphql(guard = "StaffOf(\"delivery\")")]
    async fn get_delivery(&self, ctx: &Context<'_>, input: DeliveryInput) -> Result<Option<Delivery>> {
        let (clients, session) = behind(ctx)?;
        let Ok(order_id) = input.order_id.parse() else { return Ok(None) };
        let delivery = clients.delivery(order_id, session).await;
        Ok(delivery.map_err(|error| failed(session, error))?.map(Into::into))
    }

    /// Orders that wait for a picker in this region's warehouses.
    #[graphql(guard = "StaffOf(\"warehouse\")")]
    async fn get_new_packaging_request_ids(
        &self,
        ctx: &Context<'_>,
        next_token: Option<String>,
    ) -> Result<PaginatedPackagingRequestIds> {
        let (clients, session) = behind(ctx)?;
        let page = clients.new_packaging(&Paging { next_token, limit: None }, session).await;
        let page = page.map_err(|error| failed(session, error))?;
        let packaging_request_ids = page.packaging_request_ids.iter().map(ToString::to_string).collect();
        Ok(PaginatedPackagingRequestIds { packaging_request_ids, next_token: page.next_token })
    }

    /// What to pack.
    #[graphql(guard = "StaffOf(\"warehouse\")")]
    async fn get_packaging_request(
        &self,
        ctx: &Context<'_>,
        input: PackagingInput,
    ) -> Result<Option<PackagingRequest>> {
        let (clients, session) = behind(ctx)?;
        let Ok(order_id) = input.order_id.parse() else { return Ok(None) };
        let request = clients.packaging(order_id, session).await;
        Ok(request.map_err(|error| failed(session, error))?.map(Into::into))
    }

    /// What lies where.
    #[graphql(guard = "StaffOf(\"warehouse\")")]
    async fn get_stock(&self, ctx: &Context<'_>, product_id: ID) -> Result<Vec<StockLevel>> {
        let (clients, session) = behind(ctx)?;
        let Ok(product_id) = product_id.parse() else { return Ok(Vec::new()) };
        let levels = clients.stock_of(product_id, session).await;
        Ok(levels.map_err(|error| failed(session, error))?.into_iter().map(StockLevel::from).collect())
    }

    /// Orders that a person must look at, oldest first.
    #[graphql(guard = "StaffOf(\"admin\")")]
    async fn get_orders_needing_attention(
        &self,
        ctx: &Context<'_>,
        next_token: Option<String>,
    ) -> Result<PaginatedOrders> {
        let (clients, session) = behind(ctx)?;
        let page = clients.orders_needing_attention(&Paging { next_token, limit: None }, session).await;
        let page = page.map_err(|error| failed(session, error))?;
        let orders = page.orders.into_iter().map(Order::from).collect();
        Ok(PaginatedOrders { orders, next_token: page.next_token })
    }

    /// All regions, as the one that answers sees them.
    #[graphql(guard = "StaffOf(\"admin\")")]
    async fn get_regions(&self, ctx: &Context<'_>) -> Result<Vec<RegionStatus>> {
        let (clients, session) = behind(ctx)?;
        let view = clients.regions(session).await.map_err(|error| failed(session, error))?;
        let regions = view.regions.into_iter().map(RegionStatus::of).collect::<Option<Vec<_>>>();
        let silent = || ApiError::new(Code::Deadline, "An outbox does not say how far behind it is");
        regions.ok_or_else(|| failed(session, silent()))
    }
}

/// The order, where it is the caller's: the orders service sees to it, and so does the door.
pub(super) fn own(
    session: &Session,
    order: Option<contracts::Order>,
) -> Result<Option<contracts::Order>, Error> {
    let caller = &session.person()?.user_id;
    Ok(order.filter(|order| order.user_id == *caller))
}

/// The anonymous cart that is meant, where one is. A signed-in customer has one cart, which bears their own id.
pub(super) fn anonymous_cart(session: &Session, cart_id: Option<&ID>) -> Result<Option<CartId>, Error> {
    match (&session.caller, cart_id) {
        (Caller::Person(person), Some(id)) if id.as_str() != person.user_id.as_str() => Err(no_cart(session)),
        (Caller::Person(_), _) | (_, None) => Ok(None),
        (_, Some(id)) => id.parse().map(Some).map_err(|_| no_cart(session)),
    }
}

pub(super) fn no_cart(session: &Session) -> Error {
    failed(session, ApiError::new(Code::NotFound, "There is no such cart"))
}
