//! Commands.

use super::{
    inputs::{
        CancelOrderInput, CartItemInput, CreateOrderRequest, DeliveryInput, PackagingInput, ProductInput,
        ReturnInput, StockReceiptInput, UpdatePackagingProductInput, UpdatePaymentInput,
    },
    outputs::{AgeVerification, Cart, CartItem, OrderResponse, Product, Response, StockLevel, word},
    place_order::{self, CreateOrderResponse},
    query::{anonymous_cart, behind, no_cart},
};
use crate::{
    clients::{Clients, Report},
    error::failed,
    session::{Session, SignedIn, StaffOf},
};
use async_graphql::{Context, ID, Object, Result};
use contracts::{
    Code, FieldError, Order, OrderId,
    bodies::{
        delivery::DeliveryReport,
        orders::{CancelRequest, PaymentRequest, ReturnRequest},
        users::CartView,
    },
    events::ProductUnits,
};
use futures::future::try_join_all;
use platform::{ApiError, Caller, calls::CallError};

/// The currency of an empty cart.
const CURRENCY: &str = "USD";
/// The reason of a failure that staff gave no reason for.
const NO_REASON: &str = "no reason given";

/// What can be commanded.
pub(crate) struct MutationRoot;

#[Object(name = "Mutation")]
impl MutationRoot {
    /// Makes an order. `success: true` is a promise: the order survives the loss of any one continent.
    #[graphql(guard = "SignedIn")]
    async fn create_order(
        &self,
        ctx: &Context<'_>,
        order: CreateOrderRequest,
    ) -> Result<CreateOrderResponse> {
        let (clients, session) = behind(ctx)?;
        place_order::place(clients, session, order).await
    }

    /// Cancels an order. Once it is being packed a customer can only ask for that.
    #[graphql(guard = "SignedIn")]
    async fn cancel_order(&self, ctx: &Context<'_>, input: CancelOrderInput) -> Result<OrderResponse> {
        let (clients, session) = behind(ctx)?;
        let Ok(id) = input.order_id.parse() else { return Ok(OrderResponse::no_such_order()) };
        let body = CancelRequest { reason: input.reason };
        Ok(changed(session, clients.change_order(id, "cancel", &body, &input.idempotency_key, session).await))
    }

    /// Pays an order whose payment failed with another token.
    #[graphql(guard = "SignedIn")]
    async fn update_payment(&self, ctx: &Context<'_>, input: UpdatePaymentInput) -> Result<OrderResponse> {
        let (clients, session) = behind(ctx)?;
        let Ok(id) = input.order_id.parse() else { return Ok(OrderResponse::no_such_order()) };
        let body = PaymentRequest { payment_token: input.payment_token };
        Ok(changed(
            session,
            clients.change_order(id, "payment", &body, &input.idempotency_key, session).await,
        ))
    }

    /// Asks to send goods of a fulfilled order back.
    #[graphql(guard = "SignedIn")]
    async fn request_return(&self, ctx: &Context<'_>, input: ReturnInput) -> Result<OrderResponse> {
        let (clients, session) = behind(ctx)?;
        let Ok(id) = input.order_id.parse() else { return Ok(OrderResponse::no_such_order()) };
        let lines = input.lines.iter().map(|line| line.units()).collect();
        let lines: Vec<ProductUnits> = match lines {
            Some(lines) => lines,
            None => return Ok(OrderResponse::refused(Code::ValidationFailed, "A line names no product")),
        };
        let body = ReturnRequest { lines, reason: input.reason };
        Ok(changed(
            session,
            clients.change_order(id, "returns", &body, &input.idempotency_key, session).await,
        ))
    }

    /// Lays units of a product into a cart; none take it out. Whoever has not signed in gets an anonymous cart, and names
    /// it from then on: whoever knows its id may use it for a day.
    async fn put_cart_item(&self, ctx: &Context<'_>, input: CartItemInput) -> Result<Cart> {
        let (clients, session) = behind(ctx)?;
        let anonymous = anonymous_cart(session, input.cart_id.as_ref())?;
        let product_id = input.product_id.parse();
        let product_id = product_id
            .map_err(|_| failed(session, ApiError::new(Code::NotFound, "There is no such product")))?;
        let item = ProductUnits { product_id, quantity: input.quantity };
        let begins = anonymous.is_none() && !matches!(session.caller, Caller::Person(_));
        let cart = match begins {
            true => clients.begin_cart(&item, session).await,
            false => clients.put_in_cart(anonymous, &item, session).await,
        };
        cart_of(clients, session, cart.map_err(|error| failed(session, error))?).await
    }

    /// Lays what is in an anonymous cart into the caller's, and empties it; of each product the greater number counts.
    #[graphql(guard = "SignedIn")]
    async fn merge_cart(&self, ctx: &Context<'_>, anonymous_cart_id: ID) -> Result<Cart> {
        let (clients, session) = behind(ctx)?;
        let anonymous = anonymous_cart_id.parse().map_err(|_| no_cart(session))?;
        let cart = clients.merge_cart(anonymous, session).await.map_err(|error| failed(session, error))?;
        cart_of(clients, session, cart).await
    }

    /// Has the caller told by `myNotices` when a product comes in again, once; with `on: false`, no longer. One can wait for
    /// 50 products.
    #[graphql(guard = "SignedIn")]
    async fn notify_when_back(
        &self,
        ctx: &Context<'_>,
        product_id: ID,
        on: Option<bool>,
    ) -> Result<Response> {
        let (clients, session) = behind(ctx)?;
        let Ok(id) = product_id.parse() else { return Ok(no_such("There is no such product")) };
        Ok(outcome(session, clients.notify_when_back(id, on.unwrap_or(true), session).await))
    }

    /// Where the caller can have their age verified.
    #[graphql(guard = "SignedIn")]
    async fn start_age_verification(&self, ctx: &Context<'_>) -> Result<AgeVerification> {
        let (clients, session) = behind(ctx)?;
        let begun = clients.start_age_verification(session).await.map_err(|error| failed(session, error))?;
        Ok(AgeVerification { state: word(&begun.state), url: begun.url })
    }

    /// A picker begins.
    #[graphql(guard = "StaffOf(\"warehouse\")")]
    async fn start_packaging(&self, ctx: &Context<'_>, input: PackagingInput) -> Result<Response> {
        report_packaging(ctx, Report::Start, input).await
    }

    /// A picker puts units in the package.
    #[graphql(guard = "StaffOf(\"warehouse\")")]
    async fn update_packaging_product(
        &self,
        ctx: &Context<'_>,
        input: UpdatePackagingProductInput,
    ) -> Result<Response> {
        let (clients, session) = behind(ctx)?;
        let (Ok(order), Ok(product)) = (input.order_id.parse(), input.product_id.parse()) else {
            return Ok(no_such_order());
        };
        Ok(outcome(session, clients.put_in_package(order, product, input.quantity, session).await))
    }

    /// A picker is done.
    #[graphql(guard = "StaffOf(\"warehouse\")")]
    async fn complete_packaging(&self, ctx: &Context<'_>, input: PackagingInput) -> Result<Response> {
        report_packaging(ctx, Report::Complete, input).await
    }

    /// A picker gives up.
    #[graphql(guard = "StaffOf(\"warehouse\")")]
    async fn fail_packaging(&self, ctx: &Context<'_>, input: PackagingInput) -> Result<Response> {
        report_packaging(ctx, Report::Fail, input).await
    }

    /// Books goods that came into a warehouse, once for each reference.
    #[graphql(guard = "StaffOf(\"warehouse\")")]
    async fn receive_stock(&self, ctx: &Context<'_>, input: StockReceiptInput) -> Result<StockLevel> {
        let (clients, session) = behind(ctx)?;
        let receipt = input.receipt().ok_or_else(|| no_product_id(session))?;
        let level = clients.receive_stock(&receipt, session).await;
        Ok(level.map_err(|error| failed(session, error))?.into())
    }

    /// A courier takes a parcel.
    #[graphql(guard = "StaffOf(\"delivery\")")]
    async fn start_delivery(&self, ctx: &Context<'_>, input: DeliveryInput) -> Result<Response> {
        report_delivery(ctx, Report::Start, input).await
    }

    /// A courier hands a parcel over.
    #[graphql(guard = "StaffOf(\"delivery\")")]
    async fn complete_delivery(&self, ctx: &Context<'_>, input: DeliveryInput) -> Result<Response> {
        report_delivery(ctx, Report::Complete, input).await
    }

    /// A courier brings a parcel back.
    #[graphql(guard = "StaffOf(\"delivery\")")]
    async fn fail_delivery(&self, ctx: &Context<'_>, input: DeliveryInput) -> Result<Response> {
        report_delivery(ctx, Report::Fail, input).await
    }

    /// Lists a product, or changes the one that has this version.
    #[graphql(guard = "StaffOf(\"admin\")")]
    async fn put_product(
        &self,
        ctx: &Context<'_>,
        product: ProductInput,
        if_version: Option<u64>,
    ) -> Result<Product> {
        let (clients, session) = behind(ctx)?;
        let (id, draft) = product.draft().ok_or_else(|| no_product_id(session))?;
        let product = clients.put_product(id, &draft, if_version, session).await;
        Ok(product.map_err(|error| failed(session, error))?.into())
    }

    /// Takes a product that has this version out of the catalogue, for good.
    #[graphql(guard = "StaffOf(\"admin\")")]
    async fn delete_product(&self, ctx: &Context<'_>, product_id: ID, if_version: u64) -> Result<Response> {
        let (clients, session) = behind(ctx)?;
        let Ok(id) = product_id.parse() else { return Ok(no_such("There is no such product")) };
        Ok(outcome(session, clients.delete_product(id, if_version, session).await))
    }
}

async fn report_packaging(ctx: &Context<'_>, report: Report, input: PackagingInput) -> Result<Response> {
    let (clients, session) = behind(ctx)?;
    let Ok(order_id) = input.order_id.parse::<OrderId>() else { return Ok(no_such_order()) };
    let reason = input.reason.unwrap_or_else(|| NO_REASON.into());
    Ok(outcome(session, clients.report_packaging(report, order_id, reason, session).await))
}

async fn report_delivery(ctx: &Context<'_>, report: Report, input: DeliveryInput) -> Result<Response> {
    let (clients, session) = behind(ctx)?;
    let Ok(order_id) = input.order_id.parse::<OrderId>() else { return Ok(no_such_order()) };
    let said = DeliveryReport { adult_signature: input.adult_signature, reason: input.reason };
    Ok(outcome(session, clients.report_delivery(report, order_id, &said, session).await))
}

fn outcome(session: &Session, done: Result<(), CallError>) -> Response {
    match done.map_err(ApiError::from) {
        Ok(()) => Response { success: true, message: None, code: None },
        Err(error) => {
            session.note(error.code());
            let (message, code) = (error.body().message.clone(), error.code().to_string());
            Response { success: false, message: Some(message), code: Some(code) }
        }
    }
}

fn changed(session: &Session, done: Result<Order, CallError>) -> OrderResponse {
    match done.map_err(ApiError::from) {
        Ok(order) => OrderResponse::done(order),
        Err(error) => {
            session.note(error.code());
            OrderResponse::refused(error.code(), &error.body().message)
        }
    }
}

fn no_product_id(session: &Session) -> async_graphql::Error {
    failed(session, ApiError::invalid(vec![FieldError::new("productId", "ID", "must be an id")]))
}

fn no_such_order() -> Response {
    no_such("There is no such order")
}

fn no_such(message: &str) -> Response {
    Response { success: false, message: Some(message.into()), code: Some(Code::NotFound.to_string()) }
}

/// A cart with its products as the catalogue has them now. What is no longer sold is not in it.
pub(super) async fn cart_of(clients: &Clients, session: &Session, cart: CartView) -> Result<Cart> {
    let products = cart.items.iter().map(|item| clients.product(item.product_id, session));
    let products = try_join_all(products).await.map_err(|error| failed(session, error))?;
    let sold = cart.items.iter().zip(products).filter_map(|(item, product)| Some((item.quantity, product?)));
    let items: Vec<CartItem> =
        sold.map(|(quantity, product)| CartItem { product: product.into(), quantity }).collect();
    let price = |item: &CartItem| item.product.price.saturating_mul(i64::from(item.quantity));
    let currency = items.first().and_then(|item| item.product.currency.clone());
    Ok(Cart {
        cart_id: ID(cart.cart_id),
        total: items.iter().map(price).fold(0, i64::saturating_add),
        currency: currency.unwrap_or_else(|| CURRENCY.into()),
        items,
    })
}
