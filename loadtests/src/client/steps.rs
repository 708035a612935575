//! Each step of a customer: the request, and the fields of the answer that the customer reads.

use super::wire::{Reply, Request, Trouble};
use crate::basket::CatalogueItem;
use contracts::{
    Address, Code,
    bodies::orders::CreateOrderRequest,
    events::ProductUnits,
    graphql,
    ids::{OrderId, ProductId, UserId},
    order::OrderLine,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A page of the catalogue.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Products {
    /// What is on it.
    pub products: Vec<CatalogueItem>,
    /// Where the next page begins.
    pub next_token: Option<String>,
}

/// One product.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductSeen {
    /// Its id.
    pub product_id: ProductId,
    /// Price of one unit, minor units.
    pub price: i64,
}

/// The price of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Delivery {
    /// Minor units.
    pub pricing: i64,
    /// ISO 4217.
    pub currency: Option<String>,
}

/// An order as its buyer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderSeen {
    /// Its id.
    pub order_id: OrderId,
    /// Whose it is, where it was asked for.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// Where it stands.
    pub status: String,
    /// Minor units.
    pub total: i64,
    /// Its version.
    pub version: u64,
}

/// A cart.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CartSeen {
    /// What lies in it.
    pub items: Vec<CartItem>,
    /// Minor units.
    pub total: i64,
}

/// A line of a cart.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CartItem {
    /// The product.
    pub product: ProductSeen,
    /// Units.
    pub quantity: u32,
}

/// Asks for a page of the catalogue.
pub fn products(token: &str, next_token: Option<&str>, limit: u32) -> Request {
    Request::graphql(token, graphql::GET_PRODUCTS, &json!({ "nextToken": next_token, "limit": limit }))
}

/// The page; one without products is not what a customer wanted.
pub fn products_seen(reply: Reply<'_>) -> Result<Products, Trouble> {
    let page: Products = field(reply, "getProducts")?;
    if page.products.is_empty() { Err(Trouble::unknown("the page is empty")) } else { Ok(page) }
}

/// Asks for one product.
pub fn product(token: &str, product_id: ProductId) -> Request {
    Request::graphql(token, graphql::GET_PRODUCT, &json!({ "productId": product_id }))
}

/// The product.
pub fn product_seen(reply: Reply<'_>, product_id: ProductId) -> Result<ProductSeen, Trouble> {
    let seen: ProductSeen = wanted(reply, "getProduct")?;
    same(seen.product_id == product_id, "another product came").map(|()| seen)
}

/// Looks for products.
pub fn search(token: &str, query: &str) -> Request {
    Request::graphql(token, graphql::SEARCH_PRODUCTS, &json!({ "query": query }))
}

/// What was found, which may be nothing.
pub fn search_seen(reply: Reply<'_>) -> Result<Products, Trouble> {
    field(reply, "searchProducts")
}

/// Lays so many units of a product into the customer's own cart.
pub fn put_cart_item(token: &str, product_id: ProductId, quantity: u32, key: &str) -> Request {
    let variables = json!({ "input": { "productId": product_id, "quantity": quantity } });
    Request::graphql(token, graphql::PUT_CART_ITEM, &variables).with_key(key)
}

/// The cart, with those units in it.
pub fn cart_seen(reply: Reply<'_>, product_id: ProductId, quantity: u32) -> Result<CartSeen, Trouble> {
    let cart: CartSeen = field(reply, "putCartItem")?;
    let held = cart.items.iter().find(|item| item.product.product_id == product_id);
    same(held.is_some_and(|item| item.quantity == quantity), "the cart does not hold it").map(|()| cart)
}

/// Asks what the delivery costs.
pub fn delivery_price(token: &str, lines: &[OrderLine], address: &Address) -> Request {
    let variables = json!({ "input": { "products": lines, "address": address } });
    Request::graphql(token, graphql::GET_DELIVERY_PRICING, &variables)
}

/// The price.
pub fn delivery_priced(reply: Reply<'_>) -> Result<Delivery, Trouble> {
    let price: Delivery = field(reply, "getDeliveryPricing")?;
    same(price.pricing >= 0, "the price is below zero").map(|()| price)
}

/// Orders. The key goes into the header and the body; see [`super::order_answer`] for the answer.
pub fn create_order(token: &str, order: &CreateOrderRequest, key: &str) -> Request {
    create_order_with(token, json!(order), key)
}

/// The same with a body that no honest customer would send.
pub fn create_order_with(token: &str, mut order: Value, key: &str) -> Request {
    order["idempotencyKey"] = Value::from(key);
    Request::graphql(token, graphql::CREATE_ORDER, &json!({ "order": order })).with_key(key)
}

/// What came of a request about an order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Whether it is done: then it is as durable as the order.
    pub success: bool,
    /// For a person.
    pub message: Option<String>,
    /// For a program.
    pub code: Option<Code>,
    /// The order after it.
    pub order: Option<OrderSeen>,
}

/// Why a customer cancels or sends back. It names the key, so that the order's history tells which request made a step.
pub fn reason(key: &str) -> String {
    format!("changed my mind ({key})")
}

/// Asks to cancel an order; see [`super::cancel_answer`] for the answer.
pub fn cancel_order(token: &str, order_id: OrderId, key: &str) -> Request {
    let input = json!({ "orderId": order_id, "reason": reason(key), "idempotencyKey": key });
    Request::graphql(token, graphql::CANCEL_ORDER, &json!({ "input": input })).with_key(key)
}

/// What came of it.
pub fn cancelled(reply: Reply<'_>) -> Result<Changed, Trouble> {
    field(reply, "cancelOrder")
}

/// Pays an order with another token.
pub fn update_payment(token: &str, order_id: OrderId, payment_token: &str, key: &str) -> Request {
    let input = json!({ "orderId": order_id, "paymentToken": payment_token, "idempotencyKey": key });
    Request::graphql(token, graphql::UPDATE_PAYMENT, &json!({ "input": input })).with_key(key)
}

/// What came of it.
pub fn payment_updated(reply: Reply<'_>) -> Result<Changed, Trouble> {
    field(reply, "updatePayment")
}

/// Asks to send goods back; see [`super::return_answer`] for the answer.
pub fn request_return(token: &str, order_id: OrderId, lines: &[ProductUnits], key: &str) -> Request {
    let reason = reason(key);
    let input = json!({ "orderId": order_id, "lines": lines, "reason": reason, "idempotencyKey": key });
    Request::graphql(token, graphql::REQUEST_RETURN, &json!({ "input": input })).with_key(key)
}

/// What came of it.
pub fn return_requested(reply: Reply<'_>) -> Result<Changed, Trouble> {
    field(reply, "requestReturn")
}

/// The way to a proof of age.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Begun {
    /// The verdict as of now.
    pub state: String,
    /// The age checker's page, where there is something to verify.
    pub url: Option<String>,
}

/// Asks where to have one's age verified.
pub fn start_age_verification(token: &str) -> Request {
    Request::graphql(token, graphql::START_AGE_VERIFICATION, &json!({}))
}

/// Where to go.
pub fn age_verification_started(reply: Reply<'_>) -> Result<Begun, Trouble> {
    field(reply, "startAgeVerification")
}

/// Shows papers on the age checker's page, whose address is the whole of the way. The platform never sees them.
pub fn show_papers<P: Serialize>(papers: &P) -> Request {
    let headers = vec![("content-type", "application/json".to_owned())];
    Request { path: String::new(), headers, body: json!({ "papers": papers }).to_string() }
}

/// Asks for one of the customer's orders, not older than a version.
pub fn order(token: &str, order_id: OrderId, min_version: Option<u64>) -> Request {
    let variables = json!({ "orderId": order_id, "minVersion": min_version });
    Request::graphql(token, graphql::GET_ORDER, &variables)
}

/// The order.
pub fn order_seen(reply: Reply<'_>, order_id: OrderId) -> Result<OrderSeen, Trouble> {
    let seen: OrderSeen = wanted(reply, "getOrder")?;
    same(seen.order_id == order_id, "another order came").map(|()| seen)
}

/// Asks for one of the customer's orders, with everything that was ordered.
pub fn order_in_full(token: &str, order_id: OrderId) -> Request {
    Request::graphql(token, graphql::GET_ORDER_IN_FULL, &json!({ "orderId": order_id }))
}

/// The order, as whoever asks reads it; none, where the shop says that there is none.
pub fn order_in_full_seen<T: serde::de::DeserializeOwned>(reply: Reply<'_>) -> Result<Option<T>, Trouble> {
    field(reply, "getOrder")
}

/// Asks for the order that an attempt made.
pub fn order_by_key(token: &str, key: &str) -> Request {
    Request::graphql(token, graphql::GET_ORDER_BY_KEY, &json!({ "idempotencyKey": key }))
}

/// The order, if the attempt made one.
pub fn order_by_key_seen(reply: Reply<'_>) -> Result<Option<OrderSeen>, Trouble> {
    field(reply, "getOrderByKey")
}

/// A page of the customer's orders, newest first.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Orders {
    /// What is on it, which may be nothing.
    pub orders: Vec<OrderSeen>,
    /// Where the next page begins.
    #[serde(default)]
    pub next_token: Option<String>,
}

/// Asks for the customer's newest orders.
pub fn orders(token: &str, limit: u32) -> Request {
    orders_from(token, None, limit)
}

/// Asks for a page of the customer's orders.
pub fn orders_from(token: &str, next_token: Option<&str>, limit: u32) -> Request {
    Request::graphql(token, graphql::GET_ORDERS, &json!({ "nextToken": next_token, "limit": limit }))
}

/// The orders, which may be none.
pub fn orders_seen(reply: Reply<'_>) -> Result<Vec<OrderSeen>, Trouble> {
    orders_page(reply).map(|page| page.orders)
}

/// The page.
pub fn orders_page(reply: Reply<'_>) -> Result<Orders, Trouble> {
    field(reply, "getOrders")
}

/// One field of the data, of the wanted shape.
pub(super) fn field<T: serde::de::DeserializeOwned>(reply: Reply<'_>, name: &str) -> Result<T, Trouble> {
    let mut data: Value = reply.data()?;
    let value = data.get_mut(name).map(Value::take);
    let value = value.ok_or_else(|| Trouble::unknown(format!("the answer has no {name}")))?;
    serde_json::from_value(value).map_err(|fault| Trouble::unknown(format!("{name} cannot be read: {fault}")))
}

/// The same where `null` means that there is no such thing, for a thing that must be there.
fn wanted<T: serde::de::DeserializeOwned>(reply: Reply<'_>, name: &str) -> Result<T, Trouble> {
    field::<Option<T>>(reply, name)?.ok_or_else(|| Trouble::unknown("it was not found"))
}

fn same(is: bool, otherwise: &str) -> Result<(), Trouble> {
    if is { Ok(()) } else { Err(Trouble::unknown(otherwise)) }
}
