//! Calls to the services of this region.

use crate::{NAME, session::Session};
use contracts::{
    CartId, Code, Order, OrderId, Product, ProductId, WarehouseId,
    bodies::{
        delivery::{DeliveryPage, DeliveryReport, DeliveryView, PricingRequest, PricingResponse},
        ops::RegionsView,
        orders::{CreateOrderRequest, CreateOrderResponse, OrderPage},
        products::{NoticeList, NoticeRequest, ProductDraft, ProductPage, Recommendations},
        users::{AgeVerification, CartView, Me, MergeRequest},
        warehouse::{PackagedUnits, PackagingFailure, PackagingPage, PackagingView, StockReceipt},
    },
    events::ProductUnits,
    stock::StockLevel,
};
use http::Method;
use platform::{
    Deadline, Platform,
    calls::{CallError, Credential},
    request::etag,
};
use serde::{Serialize, de::DeserializeOwned, de::IgnoredAny};
use std::fmt::Write;

type Answer<T> = Result<T, CallError>;

/// The services behind the door.
#[derive(Clone)]
pub(crate) struct Clients {
    platform: Platform,
}

/// Which page of a list is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paging {
    pub(crate) next_token: Option<String>,
    pub(crate) limit: Option<i64>,
}

impl Paging {
    fn query(&self) -> Vec<(&'static str, String)> {
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        let token = self.next_token.clone().map(|token| ("nextToken", token));
        limit.into_iter().chain(token).collect()
    }
}

/// What a picker or courier reports.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Report {
    Start,
    Complete,
    Fail,
}

impl Report {
    fn path(self, place: &str, order_id: OrderId) -> String {
        let word = match self {
            Report::Start => "start",
            Report::Complete => "complete",
            Report::Fail => "fail",
        };
        format!("{place}/{order_id}/{word}")
    }
}

impl Clients {
    pub(crate) fn new(platform: &Platform) -> Self {
        Clients { platform: platform.clone() }
    }

    pub(crate) fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Reads in the caller's name.
    async fn get<T: DeserializeOwned>(&self, service: &str, path: &str, session: &Session) -> Answer<T> {
        let call = self.platform.calls.here(service);
        call.get(session.credential(), path, session.deadline).await
    }

    /// Commands in the caller's name. What the service answers beside success does not matter.
    async fn command(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: &impl Serialize,
        session: &Session,
    ) -> Answer<()> {
        let call = self.platform.calls.here(service);
        let done = call.send(session.credential(), method, path, Some(body), session.deadline);
        done.await.map(|IgnoredAny| ())
    }

    pub(crate) async fn products(&self, paging: &Paging, session: &Session) -> Answer<ProductPage> {
        self.get("products", &with_query("", &paging.query()), session).await
    }

    pub(crate) async fn products_in(
        &self,
        category: &str,
        paging: &Paging,
        session: &Session,
    ) -> Answer<ProductPage> {
        let path = format!("/category/{}", encoded(category));
        self.get("products", &with_query(&path, &paging.query()), session).await
    }

    pub(crate) async fn search(
        &self,
        text: &str,
        category: Option<&str>,
        paging: &Paging,
        session: &Session,
    ) -> Answer<ProductPage> {
        let mut query = paging.query();
        query.push(("q", text.to_owned()));
        query.extend(category.map(|category| ("category", category.to_owned())));
        self.get("products", &with_query("/search", &query), session).await
    }

    pub(crate) async fn product(&self, id: ProductId, session: &Session) -> Answer<Option<Product>> {
        found(self.get("products", &format!("/{id}"), session).await)
    }

    pub(crate) async fn recommendations(
        &self,
        id: ProductId,
        limit: Option<i64>,
        session: &Session,
    ) -> Answer<Option<Recommendations>> {
        let paging = Paging { next_token: None, limit };
        let path = with_query(&format!("/{id}/recommendations"), &paging.query());
        found(self.get("products", &path, session).await)
    }

    pub(crate) async fn notices(&self, session: &Session) -> Answer<NoticeList> {
        self.get("products", "/notices", session).await
    }

    pub(crate) async fn notify_when_back(&self, id: ProductId, on: bool, session: &Session) -> Answer<()> {
        let path = format!("/notices/{id}");
        self.command("products", Method::PUT, &path, &NoticeRequest { on }, session).await
    }

    /// Lists a product, or changes one that has a version.
    pub(crate) async fn put_product(
        &self,
        id: ProductId,
        draft: &ProductDraft,
        if_version: Option<u64>,
        session: &Session,
    ) -> Answer<Product> {
        let mut call = self.platform.calls.here("products");
        if let Some(version) = if_version {
            call = call.header("if-match", etag(version));
        }
        let path = format!("/admin/{id}");
        call.send(session.credential(), Method::PUT, &path, Some(draft), session.deadline).await
    }

    pub(crate) async fn delete_product(
        &self,
        id: ProductId,
        if_version: u64,
        session: &Session,
    ) -> Answer<()> {
        let call = self.platform.calls.here("products").header("if-match", etag(if_version));
        let path = format!("/admin/{id}");
        let done = call.send(session.credential(), Method::DELETE, &path, None::<&()>, session.deadline);
        done.await.map(|IgnoredAny| ())
    }

    pub(crate) async fn pricing(
        &self,
        request: &PricingRequest,
        session: &Session,
    ) -> Answer<PricingResponse> {
        let call = self.platform.calls.here("delivery");
        call.post(Credential::Service(NAME), "/backend/pricing", request, session.deadline).await
    }

    pub(crate) async fn create_order(
        &self,
        request: &CreateOrderRequest,
        key: &str,
        session: &Session,
    ) -> Answer<CreateOrderResponse> {
        self.command_orders("", request, key, session).await
    }

    /// Asks something of an order: to be cancelled, paid anew or taken back.
    pub(crate) async fn change_order(
        &self,
        id: OrderId,
        verb: &str,
        body: &impl Serialize,
        key: &str,
        session: &Session,
    ) -> Answer<Order> {
        self.command_orders(&format!("/{id}/{verb}"), body, key, session).await
    }

    /// A command under a key, which may have been given before.
    async fn command_orders<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        key: &str,
        session: &Session,
    ) -> Answer<T> {
        let call = self.platform.calls.here("orders").header("idempotency-key", key);
        let answer = call.exchange(session.credential(), Method::POST, path, Some(body), session.deadline);
        Ok(session.opened(answer.await?.into()))
    }

    pub(crate) async fn orders(&self, paging: &Paging, session: &Session) -> Answer<OrderPage> {
        self.get("orders", &with_query("", &paging.query()), session).await
    }

    pub(crate) async fn orders_needing_attention(
        &self,
        paging: &Paging,
        session: &Session,
    ) -> Answer<OrderPage> {
        self.get("orders", &with_query("/attention", &paging.query()), session).await
    }

    pub(crate) async fn regions(&self, session: &Session) -> Answer<RegionsView> {
        self.get("platform", "/backend/regions", session).await
    }

    pub(crate) async fn order(
        &self,
        id: OrderId,
        min_version: Option<u64>,
        session: &Session,
    ) -> Answer<Option<Order>> {
        let query: Vec<_> =
            min_version.map(|version| ("minVersion", version.to_string())).into_iter().collect();
        found(self.get("orders", &with_query(&format!("/{id}"), &query), session).await)
    }

    pub(crate) async fn order_by_key(&self, key: &str, session: &Session) -> Answer<Option<Order>> {
        found(self.get("orders", &format!("/by-key/{}", encoded(key)), session).await)
    }

    pub(crate) async fn me(&self, session: &Session) -> Answer<Me> {
        self.get("users", "/me", session).await
    }

    pub(crate) async fn start_age_verification(&self, session: &Session) -> Answer<AgeVerification> {
        let call = self.platform.calls.here("users");
        call.post(session.credential(), "/me/age-verification", &(), session.deadline).await
    }

    /// An anonymous cart, or the caller's own.
    pub(crate) async fn cart(&self, anonymous: Option<CartId>, session: &Session) -> Answer<CartView> {
        self.get("users", &cart_path(anonymous), session).await
    }

    /// As [`Clients::cart`].
    pub(crate) async fn put_in_cart(
        &self,
        anonymous: Option<CartId>,
        item: &ProductUnits,
        session: &Session,
    ) -> Answer<CartView> {
        let (call, path) = (self.platform.calls.here("users"), cart_path(anonymous) + "/items");
        call.send(session.credential(), Method::PUT, &path, Some(item), session.deadline).await
    }

    /// Begins an anonymous cart.
    pub(crate) async fn begin_cart(&self, item: &ProductUnits, session: &Session) -> Answer<CartView> {
        self.platform.calls.here("users").post(Credential::None, "/carts", item, session.deadline).await
    }

    /// Lays what is in an anonymous cart into the caller's.
    pub(crate) async fn merge_cart(&self, anonymous: CartId, session: &Session) -> Answer<CartView> {
        let (call, body) = (self.platform.calls.here("users"), MergeRequest { anonymous_cart_id: anonymous });
        call.post(session.credential(), "/cart/merge", &body, session.deadline).await
    }

    pub(crate) async fn new_packaging(&self, paging: &Paging, session: &Session) -> Answer<PackagingPage> {
        self.get("warehouse", &with_query("/packaging/new", &paging.query()), session).await
    }

    pub(crate) async fn packaging(&self, id: OrderId, session: &Session) -> Answer<Option<PackagingView>> {
        found(self.get("warehouse", &format!("/packaging/{id}"), session).await)
    }

    pub(crate) async fn report_packaging(
        &self,
        report: Report,
        id: OrderId,
        reason: String,
        session: &Session,
    ) -> Answer<()> {
        let path = report.path("/packaging", id);
        self.command("warehouse", Method::POST, &path, &PackagingFailure { reason }, session).await
    }

    pub(crate) async fn put_in_package(
        &self,
        order: OrderId,
        product: ProductId,
        quantity: u32,
        session: &Session,
    ) -> Answer<()> {
        let path = format!("/packaging/{order}/products/{product}");
        self.command("warehouse", Method::PUT, &path, &PackagedUnits { quantity }, session).await
    }

    pub(crate) async fn stock_of(&self, id: ProductId, session: &Session) -> Answer<Vec<StockLevel>> {
        self.get("warehouse", &format!("/backend/stock/{id}"), session).await
    }

    /// Books goods that came in, where they did.
    pub(crate) async fn receive_stock(
        &self,
        receipt: &StockReceipt,
        session: &Session,
    ) -> Answer<StockLevel> {
        let config = &self.platform.config;
        let home = config.warehouse(&receipt.warehouse_id).map_or(&config.region, |known| &known.region);
        let call = self.platform.calls.in_region(home, "warehouse");
        call.post(session.credential(), "/admin/stock/receipts", receipt, session.deadline).await
    }

    pub(crate) async fn stock_in(&self, id: &WarehouseId, deadline: Deadline) -> Answer<Vec<StockLevel>> {
        let path = format!("/backend/warehouses/{}/stock", encoded(id.as_str()));
        let call = self.platform.calls.here("warehouse");
        call.get(Credential::Service(NAME), &path, deadline).await
    }

    pub(crate) async fn new_deliveries(&self, paging: &Paging, session: &Session) -> Answer<DeliveryPage> {
        self.get("delivery", &with_query("/new", &paging.query()), session).await
    }

    pub(crate) async fn delivery(&self, id: OrderId, session: &Session) -> Answer<Option<DeliveryView>> {
        found(self.get("delivery", &format!("/{id}"), session).await)
    }

    pub(crate) async fn report_delivery(
        &self,
        report: Report,
        id: OrderId,
        said: &DeliveryReport,
        session: &Session,
    ) -> Answer<()> {
        self.command("delivery", Method::POST, &report.path("", id), said, session).await
    }
}

fn cart_path(anonymous: Option<CartId>) -> String {
    anonymous.map_or_else(|| "/cart".to_owned(), |id| format!("/carts/{id}"))
}

/// Nothing, where the service says that there is no such thing, or not for this caller.
fn found<T>(answer: Answer<T>) -> Answer<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code() == Some(Code::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn with_query(path: &str, query: &[(&str, String)]) -> String {
    let query = query.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    match query.reduce(|all, next| format!("{all}&{next}")) {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

/// Percent-encodes everything that may mean something in an address.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => drop(write!(encoded, "%{byte:02X}")), // writing to a String never fails
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_write_stays_inside_its_parameter() {
        assert_eq!(encoded("a/b?c&d=é"), "a%2Fb%3Fc%26d%3D%C3%A9");
        let paging = Paging { next_token: Some("x&limit=9".into()), limit: Some(3) };
        assert_eq!(with_query("", &paging.query()), "?limit=3&nextToken=x%26limit%3D9");
        assert_eq!(with_query("/new", &[]), "/new");
    }
}
