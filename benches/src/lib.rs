//! What the platform's parts cost.
