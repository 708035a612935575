//! Stock where it physically is, reservations and packaging.
