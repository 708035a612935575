//! What the schema takes.

use super::outputs::{Address, Package};
use async_graphql::{ID, InputObject};
use contracts::{
    FieldError, OrderLine, ProductId,
    bodies::{
        products::{CURRENCY, ProductDraft},
        warehouse::StockReceipt,
    },
    events::ProductUnits,
};

/// A line of an order.
#[derive(InputObject)]
pub(crate) struct ProductInput {
    product_id: ID,
    created_date: Option<String>,
    modified_date: Option<String>,
    name: String,
    package: Package,
    category: Option<String>,
    tags: Option<Vec<Option<String>>>,
    pictures: Option<Vec<Option<String>>>,
    price: i64,
    /// One, where absent.
    quantity: Option<i64>,
}

impl ProductInput {
    fn line(self, index: usize) -> Result<OrderLine, FieldError> {
        let field = |name: &str| format!("products[{index}].{name}");
        let product_id = self.product_id.parse::<ProductId>();
        let product_id =
            product_id.map_err(|_| FieldError::new(field("productId"), "ID", "must be an id"))?;
        let quantity = u32::try_from(self.quantity.unwrap_or(1));
        let quantity =
            quantity.map_err(|_| FieldError::new(field("quantity"), "RANGE", "must be 1 to 99"))?;
        Ok(OrderLine {
            product_id,
            name: self.name,
            package: self.package.into(),
            price: self.price,
            quantity,
        })
    }

    /// The product that it describes, and its id, where that is one. Quantity and dates are no part of it.
    pub(super) fn draft(self) -> Option<(ProductId, ProductDraft)> {
        let product_id = self.product_id.parse().ok()?;
        let texts = |texts: Option<Vec<Option<String>>>| texts.into_iter().flatten().flatten().collect();
        let draft = ProductDraft {
            product_id: Some(product_id),
            name: self.name,
            package: self.package.into(),
            category: self.category.unwrap_or_default(),
            tags: texts(self.tags),
            pictures: texts(self.pictures),
            price: self.price,
            currency: CURRENCY.into(),
        };
        Some((product_id, draft))
    }
}

/// The lines of an order, or what is wrong with them, line by line.
pub(super) fn lines(products: Vec<ProductInput>) -> Result<Vec<OrderLine>, Vec<FieldError>> {
    let (mut lines, mut faults) = (Vec::with_capacity(products.len()), Vec::new());
    for (index, product) in products.into_iter().enumerate() {
        match product.line(index) {
            Ok(line) => lines.push(line),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

/// An order to make.
#[derive(InputObject)]
pub(crate) struct CreateOrderRequest {
    pub(super) products: Vec<ProductInput>,
    pub(super) address: Address,
    /// Minor units.
    pub(super) delivery_price: i64,
    pub(super) payment_token: String,
    /// Names the attempt: repeat it to learn what became of an answer that got lost.
    pub(super) idempotency_key: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) allow_backorder: Option<bool>,
    pub(super) accept_partial: Option<bool>,
    pub(super) cart_id: Option<ID>,
}

/// An order to cancel.
#[derive(InputObject)]
pub(crate) struct CancelOrderInput {
    pub(super) order_id: ID,
    pub(super) reason: Option<String>,
    /// Names the request: repeat it where the answer got lost.
    pub(super) idempotency_key: String,
}

/// Another payment for an order.
#[derive(InputObject)]
pub(crate) struct UpdatePaymentInput {
    pub(super) order_id: ID,
    pub(super) payment_token: String,
    /// Names the request: repeat it where the answer got lost.
    pub(super) idempotency_key: String,
}

/// Goods to send back.
#[derive(InputObject)]
pub(crate) struct ReturnInput {
    pub(super) order_id: ID,
    pub(super) lines: Vec<ReturnLineInput>,
    pub(super) reason: Option<String>,
    /// Names the request: repeat it where the answer got lost.
    pub(super) idempotency_key: String,
}

/// Units of a product to send back.
#[derive(InputObject)]
pub(crate) struct ReturnLineInput {
    product_id: ID,
    quantity: u32,
}

impl ReturnLineInput {
    /// The same, where the id is one.
    pub(super) fn units(&self) -> Option<ProductUnits> {
        Some(ProductUnits { product_id: self.product_id.parse().ok()?, quantity: self.quantity })
    }
}

/// A delivery to price.
#[derive(InputObject)]
pub(crate) struct DeliveryPricingInput {
    pub(super) products: Vec<ProductInput>,
    pub(super) address: Address,
}

/// A delivery, and what became of it.
#[derive(InputObject)]
pub(crate) struct DeliveryInput {
    pub(super) order_id: String,
    tracking_id: Option<String>,
    pub(super) adult_signature: Option<bool>,
    pub(super) reason: Option<String>,
}

/// A packaging request, and what became of it.
#[derive(InputObject)]
pub(crate) struct PackagingInput {
    pub(super) order_id: String,
    pub(super) reason: Option<String>,
}

/// Units in a package.
#[derive(InputObject)]
pub(crate) struct UpdatePackagingProductInput {
    pub(super) order_id: String,
    pub(super) product_id: String,
    pub(super) quantity: u32,
}

/// Units in a cart.
#[derive(InputObject)]
pub(crate) struct CartItemInput {
    pub(super) cart_id: Option<ID>,
    pub(super) product_id: ID,
    pub(super) quantity: u32,
}

/// Goods that came in.
#[derive(InputObject)]
pub(crate) struct StockReceiptInput {
    product_id: ID,
    warehouse_id: ID,
    quantity: u32,
    /// The document that came with them: booked once for each.
    reference: String,
}

impl StockReceiptInput {
    /// The same, where the product's id is one.
    pub(super) fn receipt(self) -> Option<StockReceipt> {
        Some(StockReceipt {
            product_id: self.product_id.parse().ok()?,
            warehouse_id: self.warehouse_id.as_str().into(),
            quantity: self.quantity,
            reference: self.reference,
        })
    }
}
