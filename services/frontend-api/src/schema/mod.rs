//! The schema: types, fields and arguments as the contract names them.

mod additions;
mod inputs;
mod mutation;
mod outputs;
mod place_order;
mod query;
mod subscription;

use crate::{clients::Clients, shelves::Shelves};
use async_graphql::SchemaBuilder;
use mutation::MutationRoot;
use platform::Platform;
use query::QueryRoot;
use subscription::{Streams, SubscriptionRoot};

/// The schema of the public door.
pub(crate) type Schema = async_graphql::Schema<QueryRoot, MutationRoot, SubscriptionRoot>;

/// Levels of a query at the most.
const DEPTH_MAX: usize = 8;
/// Fields of a query at the most.
const COMPLEXITY_MAX: usize = 300;
/// The same for questions about the schema itself, which are deep and cost no service anything.
const INTROSPECTION_DEPTH_MAX: usize = 20;
/// See [`INTROSPECTION_DEPTH_MAX`].
const INTROSPECTION_COMPLEXITY_MAX: usize = 1_000;

/// The schema over the services.
pub(crate) fn over(platform: &Platform) -> Schema {
    let clients = Clients::new(platform);
    let shelves = Shelves::new(&clients);
    limited(builder().data(clients).data(shelves).data(Streams::default()))
}

/// The schema without anything behind it: for its text and for questions about it.
pub(crate) fn empty() -> Schema {
    builder().limit_depth(INTROSPECTION_DEPTH_MAX).limit_complexity(INTROSPECTION_COMPLEXITY_MAX).finish()
}

fn builder() -> SchemaBuilder<QueryRoot, MutationRoot, SubscriptionRoot> {
    Schema::build(QueryRoot, MutationRoot, SubscriptionRoot)
}

fn limited(builder: SchemaBuilder<QueryRoot, MutationRoot, SubscriptionRoot>) -> Schema {
    builder.limit_depth(DEPTH_MAX).limit_complexity(COMPLEXITY_MAX).finish()
}

#[cfg(test)]
mod tests;
