//! Attribute values, and items as ordered maps of them.

use std::sync::Arc;

use super::number::Number;

/// How deep lists and maps may nest.
pub(super) const DEPTH_MAX: usize = 32;

/// The value of an attribute. Cheap to clone: texts and bytes are shared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    S(Arc<str>),
    N(Number),
    B(Arc<[u8]>),
    Bool(bool),
    Null,
    /// Sets are sorted and have no duplicates.
    Ss(Vec<Arc<str>>),
    Ns(Vec<Number>),
    Bs(Vec<Arc<[u8]>>),
    L(Vec<Value>),
    M(Item),
}

impl Value {
    /// DynamoDB's letters for its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::S(_) => "S",
            Value::N(_) => "N",
            Value::B(_) => "B",
            Value::Bool(_) => "BOOL",
            Value::Null => "NULL",
            Value::Ss(_) => "SS",
            Value::Ns(_) => "NS",
            Value::Bs(_) => "BS",
            Value::L(_) => "L",
            Value::M(_) => "M",
        }
    }

    /// Levels of lists and maps, 1 for a scalar.
    pub(super) fn depth(&self) -> usize {
        match self {
            Value::L(values) => 1 + values.iter().map(Value::depth).max().unwrap_or(0),
            Value::M(item) => 1 + item.depth(),
            _ => 1,
        }
    }
}

/// An item, or a map within one: attributes by name, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item(Vec<(Arc<str>, Value)>);

impl Item {
    /// Of attributes in any order; of several with one name the last counts.
    pub(super) fn of(mut attributes: Vec<(Arc<str>, Value)>) -> Self {
        if !attributes.is_sorted_by(|a, b| a.0 < b.0) {
            attributes.reverse();
            attributes.sort_by(|a, b| a.0.cmp(&b.0));
            attributes.dedup_by(|a, b| a.0 == b.0);
        }
        Item(attributes)
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).ok().map(|at| &self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.position(name).ok().map(|at| &mut self.0[at].1)
    }

    pub(super) fn insert(&mut self, name: &str, value: Value) {
        match self.position(name) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name.into(), value)),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Ok(at) = self.position(name) {
            self.0.remove(at);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Levels of the deepest attribute, 0 where there is none.
    pub(super) fn depth(&self) -> usize {
        self.0.iter().map(|(_, value)| value.depth()).max().unwrap_or(0)
    }
}
