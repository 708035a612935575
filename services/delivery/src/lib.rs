//! Delivery prices and shipments.
