//! The customer's side of one step: the request as bytes, and what the answer means.
//!
//! Nothing here opens a connection, so that Goose and the open-loop driver say and understand the same.

mod judge;
mod sign_in;
mod steps;
#[cfg(test)]
mod tests;
mod wire;

pub use judge::{Acknowledged, OrderAnswer, cancel_answer, order_answer, return_answer};
pub use sign_in::{PreAuthorised, pre_authorise, pre_authorised, sign_in, signed_in};
pub use steps::{
    Begun, CartSeen, Changed, Delivery, OrderSeen, Orders, ProductSeen, Products, age_verification_started,
    cancel_order, cancelled, cart_seen, create_order, create_order_with, delivery_price, delivery_priced,
    order, order_by_key, order_by_key_seen, order_in_full, order_in_full_seen, order_seen, orders,
    orders_from, orders_page, orders_seen, payment_updated, product, product_seen, products, products_seen,
    put_cart_item, reason, request_return, return_requested, search, search_seen, show_papers,
    start_age_verification, update_payment,
};
pub use wire::{EdgeNotes, Reply, Request, Trouble};
