//! Payment checks, captures, voids and refunds, once each.
