//! Projections: the parts of an item that are asked for.

use super::parse::Parser;
use super::path::{Path, Step, check_overlap};
use super::{Grammar, Parsed, Scope};
use crate::cloud::dynamo::value::{Item, Value};

/// The paths that are asked for.
#[derive(Debug)]
pub(in super::super) struct Projection(Vec<Path>);

impl Grammar for Projection {
    const PARAMETER: &'static str = "ProjectionExpression";

    fn parse(text: &str) -> Result<Parsed<Self>, String> {
        let mut parser = Parser::new(text)?;
        let paths = parser.list(Parser::path)?;
        if !parser.at_end() {
            return Err(parser.unexpected());
        }
        Ok(Parsed { root: Projection(paths), slots: parser.slots })
    }

    fn check(&self, scope: &Scope<'_>) -> Result<(), String> {
        check_overlap(&self.steps(scope))
    }
}

impl Projection {
    fn steps<'s>(&'s self, scope: &Scope<'s>) -> Vec<Vec<Step<'s>>> {
        self.0.iter().map(|path| path.steps(scope)).collect()
    }

    /// What an item has of them.
    pub(in super::super) fn apply(&self, item: &Item, scope: &Scope<'_>) -> Item {
        fragment(item, self.steps(scope))
    }
}

/// The part of an item that these paths lead to. Elements of lists move together.
pub(in super::super) fn fragment(item: &Item, mut paths: Vec<Vec<Step<'_>>>) -> Item {
    paths.sort_unstable();
    paths.dedup();
    let paths: Vec<&[Step<'_>]> = paths.iter().map(Vec::as_slice).collect();
    map_fragment(item, &paths)
}

fn map_fragment(item: &Item, paths: &[&[Step<'_>]]) -> Item {
    let parts = paths.chunk_by(|one, other| one.first() == other.first()).filter_map(|group| {
        let Some(Step::Name(name)) = group.first()?.first() else { return None };
        Some(((*name).into(), part(item.get(name)?, group)?))
    });
    Item::of(parts.collect())
}

/// The part of a value that paths with one first step lead to, which leads to the value.
fn part(value: &Value, group: &[&[Step<'_>]]) -> Option<Value> {
    let rests: Vec<&[Step<'_>]> = group.iter().filter_map(|path| path.get(1..)).collect();
    if rests.iter().any(|rest| rest.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::M(map) => Some(map_fragment(map, &rests)).filter(|map| !map.is_empty()).map(Value::M),
        Value::L(list) => {
            let parts = rests.chunk_by(|one, other| one.first() == other.first()).filter_map(|group| {
                let Some(Step::Index(index)) = group.first()?.first() else { return None };
                part(list.get(*index)?, group)
            });
            let parts: Vec<Value> = parts.collect();
            (!parts.is_empty()).then_some(Value::L(parts))
        }
        _ => None,
    }
}
