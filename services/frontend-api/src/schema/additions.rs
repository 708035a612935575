//! What the schema gives beyond the base contract: recommendations, notices, and when an order may arrive.

use super::{
    outputs::{Order, Product},
    query::behind,
};
use crate::domain::estimate::{Window, arrival};
use async_graphql::{ComplexObject, Context, ID, Result, SimpleObject};
use contracts::bodies::products;

/// Days, UTC, between which something arrives, as `YYYY-MM-DD`.
#[derive(SimpleObject)]
pub(crate) struct DeliveryEstimate {
    earliest: String,
    latest: String,
}

impl From<Window> for DeliveryEstimate {
    fn from(window: Window) -> Self {
        DeliveryEstimate { earliest: window.earliest.date(), latest: window.latest.date() }
    }
}

#[ComplexObject]
impl Order {
    /// When it may arrive, from what is known of it now. Absent while nobody knows when and where it will be packed,
    /// and once it has arrived or never will. An estimate, not a promise.
    async fn delivery_estimate(&self, ctx: &Context<'_>) -> Result<Option<DeliveryEstimate>> {
        let Some(way) = &self.way else { return Ok(None) };
        let (clients, _) = behind(ctx)?;
        let warehouse = clients.platform().config.warehouse(&way.from);
        Ok(warehouse.and_then(|known| arrival(way, &known.continent)).map(Into::into))
    }
}

/// A product that the caller waited for came in again.
#[derive(SimpleObject)]
pub(crate) struct Notice {
    product_id: ID,
    /// When it came in.
    at: String,
    /// As the catalogue has it now; absent where it is no longer sold.
    product: Option<Product>,
}

impl From<products::Notice> for Notice {
    fn from(notice: products::Notice) -> Self {
        Notice {
            product_id: ID(notice.product_id.to_string()),
            at: notice.at.to_string(),
            product: notice.product.map(Into::into),
        }
    }
}
