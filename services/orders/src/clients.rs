//! What orders asks of the other services. A validator that does not answer well-formed and in time has
//! failed.

use crate::{
    NAME,
    domain::create::{self, Age},
    error::OrdersError,
};
use contracts::{
    Code, Order, OrderId, Region, UserId, WarehouseId,
    bodies::{
        Forgotten,
        delivery::{DeliveryView, PricingRequest, PricingResponse, ReleaseRequest},
        orders::CreateOrderRequest,
        payment::{EffectRequest, PaymentView, ValidateRequest, ValidateResponse},
        products,
        users::{AgeVerdict, AgeView},
        warehouse::{PackageView, ReservationStep, ReserveRequest, ReserveResponse},
    },
    journal::EffectKind,
};
use futures::future::join_all;
use http::Method;
use platform::{
    Deadline, Platform,
    calls::{CallError, Credential, Target},
};
use std::time::Duration;

/// Our own calls end this much before the caller's budget does.
const MARGIN: Duration = Duration::from_millis(15);

/// Calls to the other services.
#[derive(Clone)]
pub struct Clients {
    platform: Platform,
}

impl Clients {
    /// Calls from this region.
    pub fn new(platform: &Platform) -> Self {
        Clients { platform: platform.clone() }
    }

    /// Whether the lines are what the catalogue says.
    ///
    /// # Errors
    /// With every difference, or when the catalogue does not answer.
    pub async fn check_products(
        &self,
        request: &CreateOrderRequest,
        deadline: Deadline,
    ) -> Result<(), OrdersError> {
        let body = products::ValidateRequest { products: request.products.clone() };
        let call = self.platform.calls.here("products");
        let answer: products::ValidateResponse = call
            .post(Credential::Service(NAME), "/backend/validate", &body, deadline.earlier(MARGIN))
            .await?;
        if answer.message == products::ALL_VALID && answer.products.is_none() {
            Ok(())
        } else {
            Err(OrdersError::Refused { code: Code::ValidationFailed, message: answer.message })
        }
    }

    /// Whether the delivery price is the one that delivery asks.
    ///
    /// # Errors
    /// When it is not, or delivery does not answer.
    pub async fn check_delivery_price(
        &self,
        request: &CreateOrderRequest,
        deadline: Deadline,
    ) -> Result<(), OrdersError> {
        let body = PricingRequest { products: request.products.clone(), address: request.address.clone() };
        let call = self.platform.calls.here("delivery");
        let answer: PricingResponse =
            call.post(Credential::Service(NAME), "/backend/pricing", &body, deadline.earlier(MARGIN)).await?;
        if answer.pricing == request.delivery_price {
            Ok(())
        } else {
            let message = format!("The delivery price is {}", answer.pricing);
            Err(OrdersError::Refused { code: Code::ValidationFailed, message })
        }
    }

    /// Whether the customer is of age: whether that is known already.
    ///
    /// # Errors
    /// When the customer is known not to be, or users does not answer.
    pub async fn check_age(&self, user: &UserId, deadline: Deadline) -> Result<Age, OrdersError> {
        age_of(self.verdict(self.platform.calls.here("users"), user, deadline).await?)
    }

    /// The same, as any region knows it: a verdict may have reached another one only before the region that gave it was
    /// lost.
    ///
    /// # Errors
    /// As [`Clients::check_age`].
    pub async fn find_age(&self, user: &UserId, deadline: Deadline) -> Result<Age, OrdersError> {
        let (config, liveness) = (&self.platform.config, &self.platform.liveness);
        let regions = config.regions.iter().map(|region| &region.name);
        let heard = regions.filter(|region| !liveness.suspected(region));
        let asked =
            heard.map(|region| self.verdict(self.platform.calls.in_region(region, "users"), user, deadline));
        let mut verdicts = join_all(asked).await.into_iter().flatten();
        age_of(verdicts.find(|verdict| *verdict != AgeVerdict::Pending).unwrap_or(AgeVerdict::Pending))
    }

    async fn verdict(
        &self,
        users: Target<'_>,
        user: &UserId,
        deadline: Deadline,
    ) -> Result<AgeVerdict, CallError> {
        let path = format!("/backend/{user}/age");
        let answer: AgeView = users.get(Credential::Service(NAME), &path, deadline.earlier(MARGIN)).await?;
        Ok(answer.verdict)
    }

    /// Whether the token covers the total; gives the sealed token.
    ///
    /// # Errors
    /// When it does not, or the provider does not answer.
    pub async fn check_payment(
        &self,
        request: &CreateOrderRequest,
        order_id: OrderId,
        deadline: Deadline,
    ) -> Result<String, OrdersError> {
        let total = Order::computed_total(&request.products, request.delivery_price).unwrap_or(i64::MAX);
        let currency = request.currency.clone().unwrap_or_else(|| create::CURRENCY.to_owned());
        self.check_token(&request.payment_token, total, currency, order_id, deadline).await
    }

    /// The same for any total.
    ///
    /// # Errors
    /// As [`Clients::check_payment`].
    pub async fn check_token(
        &self,
        payment_token: &str,
        total: i64,
        currency: String,
        order_id: OrderId,
        deadline: Deadline,
    ) -> Result<String, OrdersError> {
        let (payment_token, currency) = (payment_token.to_owned(), Some(currency));
        let body = ValidateRequest { payment_token, total, order_id: Some(order_id), currency };
        let call = self.platform.calls.here("payment");
        let answer: ValidateResponse = call
            .post(Credential::Service(NAME), "/backend/validate", &body, deadline.earlier(MARGIN))
            .await?;
        match (answer.ok, answer.payment_ref) {
            (true, Some(payment_ref)) => Ok(payment_ref),
            _ => {
                let message = "The payment token does not cover the order".into();
                Err(OrdersError::Refused { code: Code::PaymentRefused, message })
            }
        }
    }

    /// Reserves goods in a warehouse.
    ///
    /// # Errors
    /// When the warehouse's region does not answer.
    pub async fn reserve(
        &self,
        request: &ReserveRequest,
        deadline: Deadline,
    ) -> Result<ReserveResponse, CallError> {
        let region = self.home_of(&request.warehouse_id);
        let call = self.platform.calls.in_region(&region, "warehouse");
        call.post(Credential::Service(NAME), "/backend/reservations", request, deadline.earlier(MARGIN)).await
    }

    /// Gives reserved goods back.
    ///
    /// # Errors
    /// When the warehouse's region does not answer.
    pub async fn release_stock(
        &self,
        order_id: OrderId,
        step: &ReservationStep,
        deadline: Deadline,
    ) -> Result<(), CallError> {
        let region = self.home_of(&step.warehouse_id);
        let call = self.platform.calls.in_region(&region, "warehouse");
        let path = format!("/backend/reservations/{order_id}");
        let done = call
            .send::<serde_json::Value>(Credential::Service(NAME), Method::DELETE, &path, Some(step), deadline)
            .await;
        done.map(drop)
    }

    /// Takes reserved goods off the stock.
    ///
    /// # Errors
    /// When the warehouse's region does not answer.
    pub async fn consume_stock(
        &self,
        order_id: OrderId,
        step: &ReservationStep,
        deadline: Deadline,
    ) -> Result<(), CallError> {
        let region = self.home_of(&step.warehouse_id);
        let call = self.platform.calls.in_region(&region, "warehouse");
        let path = format!("/backend/reservations/{order_id}/consume");
        call.post::<serde_json::Value>(Credential::Service(NAME), &path, step, deadline).await.map(drop)
    }

    /// How far an order's package is; nothing where nobody has asked for one.
    ///
    /// # Errors
    /// When the warehouse's region does not answer.
    pub async fn package(&self, order: &Order, deadline: Deadline) -> Result<Option<PackageView>, CallError> {
        let call = self.platform.calls.in_region(&self.home_of(&order.warehouse_id), "warehouse");
        let path = format!("/backend/packages/{}", order.order_id);
        match call.get(Credential::Service(NAME), &path, deadline).await {
            Ok(package) => Ok(Some(package)),
            Err(refused) if refused.code() == Some(Code::NotFound) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// Asks for an effect on an order's money.
    ///
    /// # Errors
    /// When its outcome is not known yet, or it is refused.
    pub async fn pay(
        &self,
        order_id: OrderId,
        effect: EffectKind,
        request: &EffectRequest,
        deadline: Deadline,
    ) -> Result<PaymentView, CallError> {
        let call = self.platform.calls.here("payment");
        let path = format!("/backend/{order_id}/{effect}");
        call.post(Credential::Service(NAME), &path, request, deadline).await
    }

    /// What is known of an order's money.
    ///
    /// # Errors
    /// When payment does not answer, or knows nothing of it.
    pub async fn payment(&self, order_id: OrderId, deadline: Deadline) -> Result<PaymentView, CallError> {
        let call = self.platform.calls.here("payment");
        call.get(Credential::Service(NAME), &format!("/backend/{order_id}"), deadline).await
    }

    /// Lets a paid order go.
    ///
    /// # Errors
    /// When delivery or the carrier does not answer.
    pub async fn release_delivery(
        &self,
        order_id: OrderId,
        request: &ReleaseRequest,
        deadline: Deadline,
    ) -> Result<DeliveryView, CallError> {
        let call = self.platform.calls.here("delivery");
        let path = format!("/backend/{order_id}/release");
        call.post(Credential::Service(NAME), &path, request, deadline).await
    }

    /// Has another region forget whose an order was. Says whether nothing is left there.
    ///
    /// # Errors
    /// When the region does not answer.
    pub async fn forget_in(
        &self,
        region: &Region,
        order_id: OrderId,
        deadline: Deadline,
    ) -> Result<bool, CallError> {
        let call = self.platform.calls.in_region(region, NAME);
        self.forget(call, order_id, deadline).await
    }

    /// Has this region's deliveries forget whose an order was. Says whether nothing is left there.
    ///
    /// # Errors
    /// When delivery does not answer.
    pub async fn forget_delivery(&self, order_id: OrderId, deadline: Deadline) -> Result<bool, CallError> {
        self.forget(self.platform.calls.here("delivery"), order_id, deadline).await
    }

    async fn forget(
        &self,
        call: Target<'_>,
        order_id: OrderId,
        deadline: Deadline,
    ) -> Result<bool, CallError> {
        let path = format!("/backend/{order_id}/forget");
        let answer: Forgotten = call.post(Credential::Service(NAME), &path, &(), deadline).await?;
        Ok(answer.everything)
    }

    fn home_of(&self, warehouse_id: &WarehouseId) -> Region {
        let config = &self.platform.config;
        config.warehouse(warehouse_id).map_or_else(|| config.region.clone(), |known| known.region.clone())
    }
}

fn age_of(verdict: AgeVerdict) -> Result<Age, OrdersError> {
    match verdict {
        AgeVerdict::Passed => Ok(Age::Verified),
        AgeVerdict::Pending => Ok(Age::InReview),
        AgeVerdict::Failed => {
            let message = "The customer's age is not verified".into();
            Err(OrdersError::Refused { code: Code::AgeNotVerified, message })
        }
    }
}
