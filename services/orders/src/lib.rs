//! Orders: the durable promise, and the saga that keeps it.
