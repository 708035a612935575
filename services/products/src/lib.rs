//! The catalogue: what is sold and at what price.
