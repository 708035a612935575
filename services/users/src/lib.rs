//! Customers: who they are and whether they are of age.
