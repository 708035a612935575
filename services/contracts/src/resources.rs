//! What a service needs from its region's cloud: tables, and the events it listens to.
//!
//! Each service declares its own in `store.rs` and `events.rs`; the simulator's embedded cloud, the
//! contract tests and the infrastructure are made from the same declarations.

/// How the rows of a table reach other regions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replication {
    /// A global table: every write is copied to all regions after it was acknowledged, last writer wins.
    Global,
    /// Rows stay in their region; where they must survive it, the application copies them itself.
    Regional,
}

/// The type of a key attribute, with DynamoDB's letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// A string, `S`.
    Text,
    /// A number, `N`.
    Number,
}

/// One attribute of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The attribute's name.
    pub name: &'static str,
    /// Its type.
    pub kind: KeyType,
}

impl Key {
    /// A string key attribute.
    pub const fn text(name: &'static str) -> Self {
        Key { name, kind: KeyType::Text }
    }

    /// A number key attribute.
    pub const fn number(name: &'static str) -> Self {
        Key { name, kind: KeyType::Number }
    }
}

/// A secondary index that projects all attributes. Sparse where its keys are optional attributes. Global; but local, and so
/// to be read consistently, where its partition key is the table's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexSpec {
    /// The index's name.
    pub name: &'static str,
    /// Its partition key.
    pub partition: Key,
    /// Its sort key.
    pub sort: Key,
}

/// A table of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// The owning service.
    pub service: &'static str,
    /// Distinguishes a service's further tables; empty for its main one.
    pub table: &'static str,
    /// The partition key.
    pub partition: Key,
    /// The sort key, where there is one.
    pub sort: Option<Key>,
    /// Secondary indexes.
    pub indexes: &'static [IndexSpec],
    /// How its rows reach other regions.
    pub replication: Replication,
}

impl TableSpec {
    /// Whether an index of the table is a local one.
    pub fn is_local(&self, index: &IndexSpec) -> bool {
        index.partition == self.partition
    }

    /// The table's physical name in an environment: `ecommerce-{env}-{service}[-{table}]`.
    pub fn physical_name(&self, env: &str) -> String {
        match self.table {
            "" => format!("ecommerce-{env}-{}", self.service),
            table => format!("ecommerce-{env}-{}-{table}", self.service),
        }
    }
}

/// The events a consumer listens to: one rule on the bus, one queue with a dead-letter queue behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The consuming service; names its queue.
    pub consumer: &'static str,
    /// What it wants, as in the rule's pattern.
    pub events: &'static [Interest],
}

/// Events of one source that a consumer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// The event source.
    pub source: &'static str,
    /// The detail types.
    pub kinds: &'static [&'static str],
    /// Only those whose detail has such a field. The others never reach the queue, which costs less than to receive
    /// and to ignore them.
    pub only: Option<FieldFilter>,
}

/// A field of an event's detail, and the values of which it has one. A list has one where one of its elements is it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldFilter {
    /// The names that lead to it.
    pub path: &'static [&'static str],
    /// The values.
    pub values: &'static [&'static str],
}

impl Interest {
    /// All events of these types.
    pub const fn all(source: &'static str, kinds: &'static [&'static str]) -> Self {
        Interest { source, kinds, only: None }
    }

    /// Those of these types whose field at `path` has one of `values`.
    pub const fn only(
        source: &'static str,
        kinds: &'static [&'static str],
        path: &'static [&'static str],
        values: &'static [&'static str],
    ) -> Self {
        Interest { source, kinds, only: Some(FieldFilter { path, values }) }
    }
}

/// The name of the event bus in an environment.
pub fn bus_name(env: &str) -> String {
    format!("ecommerce-{env}")
}

/// The name of a consumer's queue in an environment.
pub fn queue_name(env: &str, consumer: &str) -> String {
    format!("ecommerce-{env}-{consumer}-events")
}

/// The name of a consumer's dead-letter queue in an environment.
pub fn dead_letter_queue_name(env: &str, consumer: &str) -> String {
    format!("ecommerce-{env}-{consumer}-events-dlq")
}
