//! Document paths: `a.b[0].c`.

use super::Scope;
use crate::cloud::dynamo::value::{Item, Value};

/// A path as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Path(pub(super) Vec<Element>);

/// A part of a path.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Element {
    Name(Box<str>),
    /// A `#name`, by its slot.
    Placeholder(usize),
    Index(usize),
}

/// A part of a path, its name known. In the order in which updates are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Step<'s> {
    Name(&'s str),
    Index(usize),
}

impl Element {
    fn step<'s>(&'s self, scope: &Scope<'s>) -> Step<'s> {
        match self {
            Element::Name(name) => Step::Name(name),
            Element::Placeholder(slot) => Step::Name(scope.names[*slot]),
            Element::Index(index) => Step::Index(*index),
        }
    }
}

impl Path {
    pub(super) fn steps<'s>(&'s self, scope: &Scope<'s>) -> Vec<Step<'s>> {
        self.0.iter().map(|element| element.step(scope)).collect()
    }

    /// The top-level attribute.
    pub(super) fn top<'s>(&'s self, scope: &Scope<'s>) -> &'s str {
        match self.0.first().map(|element| element.step(scope)) {
            Some(Step::Name(name)) => name,
            _ => "",
        }
    }

    pub(super) fn is_nested(&self) -> bool {
        self.0.len() > 1
    }

    /// What an item has there.
    pub(super) fn find<'i>(&self, item: &'i Item, scope: &Scope<'_>) -> Option<&'i Value> {
        find(item, self.0.iter().map(|element| element.step(scope)))
    }
}

/// What an item has at the end of these steps.
pub(super) fn find<'i, 's>(item: &'i Item, mut steps: impl Iterator<Item = Step<'s>>) -> Option<&'i Value> {
    let Some(Step::Name(top)) = steps.next() else { return None };
    steps.try_fold(item.get(top)?, |value, step| match (value, step) {
        (Value::M(map), Step::Name(name)) => map.get(name),
        (Value::L(list), Step::Index(index)) => list.get(index),
        _ => None,
    })
}

/// As [`find`], to change it.
pub(super) fn find_mut<'i>(item: &'i mut Item, steps: &[Step<'_>]) -> Option<&'i mut Value> {
    let (Step::Name(top), rest) = steps.split_first()? else { return None };
    rest.iter().try_fold(item.get_mut(top)?, |value, step| match (value, step) {
        (Value::M(map), Step::Name(name)) => map.get_mut(name),
        (Value::L(list), Step::Index(index)) => list.get_mut(*index),
        _ => None,
    })
}

/// Refuses two paths of which one leads to the other.
pub(super) fn check_overlap(paths: &[Vec<Step<'_>>]) -> Result<(), String> {
    for (position, one) in paths.iter().enumerate() {
        if let Some(other) =
            paths[position + 1..].iter().find(|other| one.starts_with(other) || other.starts_with(one))
        {
            return Err(format!(
                "Two document paths overlap with each other; must remove or rewrite one of these paths; \
                 path one: {}, path two: {}",
                shown(one),
                shown(other)
            ));
        }
    }
    Ok(())
}

fn shown(steps: &[Step<'_>]) -> String {
    let parts = steps.iter().map(|step| match step {
        Step::Name(name) => (*name).to_owned(),
        Step::Index(index) => format!("[{index}]"),
    });
    format!("[{}]", parts.collect::<Vec<_>>().join(", "))
}
