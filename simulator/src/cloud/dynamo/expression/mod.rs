//! Expressions: conditions, filters, key conditions, updates and projections.
//!
//! An expression is parsed once for its text, whatever the names and values that come with it; these are bound to
//! it for each request.

mod apply;
mod cache;
mod condition;
mod key;
mod parse;
mod path;
mod projection;
mod reserved;
#[cfg(test)]
mod tests;
mod token;
mod update;

use std::sync::Arc;

pub(super) use cache::Cache;
pub(super) use condition::{Comparison, Condition};
pub(super) use key::{KeyCondition, SortCondition};
pub(super) use projection::{Projection, fragment};
pub(super) use update::Update;

use super::error::{Result, invalid};
use super::json::{Pairs, Text};
use super::value::Value;

/// The parameter of a filter, which is a condition otherwise.
const FILTER: &str = "FilterExpression";
/// The most bytes of an expression.
const TEXT_BYTES_MAX: usize = 4096;

/// The placeholders of an expression, in the order in which it first has them.
#[derive(Debug, Default)]
struct Slots {
    /// `#name`, each once.
    names: Vec<Box<str>>,
    /// `:value`, each once.
    values: Vec<Box<str>>,
}

/// A parsed expression and its placeholders.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    root: T,
    slots: Slots,
}

/// What the placeholders of an expression stand for in one request, by their slots.
#[derive(Debug)]
pub(super) struct Scope<'r> {
    names: Vec<&'r str>,
    values: Vec<&'r Value>,
}

/// An expression with the names and values of one request.
#[derive(Debug)]
pub(super) struct Bound<'r, T> {
    parsed: Arc<Parsed<T>>,
    scope: Scope<'r>,
}

impl<'r, T> Bound<'r, T> {
    pub(super) fn root(&self) -> &T {
        &self.parsed.root
    }

    pub(super) fn scope(&self) -> &Scope<'r> {
        &self.scope
    }
}

/// A kind of expression: how it is called, parsed and checked once its placeholders are known.
pub(super) trait Grammar: Sized {
    /// Its parameter, by which errors name it.
    const PARAMETER: &'static str;

    fn parse(text: &str) -> std::result::Result<Parsed<Self>, String>;

    /// What can be said against it before any item is looked at.
    fn check(&self, scope: &Scope<'_>) -> std::result::Result<(), String>;
}

/// The names and values that came with a request.
pub(super) struct Attributes<'r> {
    names: &'r [(Text<'r>, Text<'r>)],
    values: &'r [(Text<'r>, Value)],
    names_used: Vec<bool>,
    values_used: Vec<bool>,
}

impl<'r> Attributes<'r> {
    /// Checks what can be checked without an expression.
    pub(super) fn new(
        names: Option<&'r Pairs<'r, Text<'r>>>,
        values: Option<&'r Pairs<'r, Value>>,
    ) -> Result<Self> {
        let names = names.map(|names| well_named("ExpressionAttributeNames", '#', names)).transpose()?;
        let values = values.map(|values| well_named("ExpressionAttributeValues", ':', values)).transpose()?;
        let (names, values) = (names.unwrap_or_default(), values.unwrap_or_default());
        if values.iter().any(|(_, value)| value.depth() > super::value::DEPTH_MAX) {
            return Err(invalid(
                "ExpressionAttributeValues contains invalid value: Nesting Levels have exceeded supported limits",
            ));
        }
        Ok(Attributes {
            names,
            values,
            names_used: vec![false; names.len()],
            values_used: vec![false; values.len()],
        })
    }

    /// Gives an expression what its placeholders stand for.
    pub(super) fn bind<T: Grammar>(&mut self, parsed: Arc<Parsed<T>>) -> Result<Bound<'r, T>> {
        self.bind_as(T::PARAMETER, parsed)
    }

    /// As [`Attributes::bind`], for a condition that came by another name.
    pub(super) fn bind_filter(&mut self, parsed: Arc<Parsed<Condition>>) -> Result<Bound<'r, Condition>> {
        self.bind_as(FILTER, parsed)
    }

    fn bind_as<T: Grammar>(&mut self, parameter: &str, parsed: Arc<Parsed<T>>) -> Result<Bound<'r, T>> {
        let scope = self.scope(&parsed.slots).and_then(|scope| {
            parsed.root.check(&scope)?;
            Ok(scope)
        });
        let scope = scope.map_err(|text| invalid(format!("Invalid {parameter}: {text}")))?;
        Ok(Bound { parsed, scope })
    }

    fn scope(&mut self, slots: &Slots) -> std::result::Result<Scope<'r>, String> {
        let mut scope = Scope {
            names: Vec::with_capacity(slots.names.len()),
            values: Vec::with_capacity(slots.values.len()),
        };
        for slot in &slots.names {
            let at = self.names.iter().position(|(name, _)| **name == **slot).ok_or_else(|| {
                format!("An expression attribute name used in the document path is not defined; attribute name: {slot}")
            })?;
            self.names_used[at] = true;
            scope.names.push(&self.names[at].1);
        }
        for slot in &slots.values {
            let at = self.values.iter().position(|(name, _)| **name == **slot).ok_or_else(|| {
                format!(
                    "An expression attribute value used in expression is not defined; attribute value: {slot}"
                )
            })?;
            self.values_used[at] = true;
            scope.values.push(&self.values[at].1);
        }
        Ok(scope)
    }

    /// Refuses what no expression asked for.
    pub(super) fn all_used(&self) -> Result<()> {
        let unused = |used: &[bool], keys: &mut dyn Iterator<Item = &str>| -> Option<String> {
            let keys: Vec<&str> = keys.zip(used).filter(|(_, used)| !**used).map(|(key, _)| key).collect();
            (!keys.is_empty()).then(|| keys.join(", "))
        };
        if let Some(keys) = unused(&self.names_used, &mut self.names.iter().map(|(key, _)| &**key)) {
            return Err(invalid(format!(
                "Value provided in ExpressionAttributeNames unused in expressions: keys: {{{keys}}}"
            )));
        }
        if let Some(keys) = unused(&self.values_used, &mut self.values.iter().map(|(key, _)| &**key)) {
            return Err(invalid(format!(
                "Value provided in ExpressionAttributeValues unused in expressions: keys: {{{keys}}}"
            )));
        }
        Ok(())
    }
}

fn well_named<'r, V>(parameter: &str, sign: char, pairs: &'r Pairs<'r, V>) -> Result<&'r [(Text<'r>, V)]> {
    if pairs.0.is_empty() {
        return Err(invalid(format!("{parameter} must not be empty")));
    }
    match pairs.0.iter().find(|(key, _)| !key.starts_with(sign) || !key.is_ascii()) {
        Some((key, _)) => {
            Err(invalid(format!("{parameter} contains invalid key: Syntax error; key: \"{}\"", &**key)))
        }
        None => Ok(&pairs.0),
    }
}

/// Checks a text before it is parsed.
fn check_text(text: &str) -> std::result::Result<(), String> {
    if text.is_empty() {
        return Err("The expression can not be empty;".to_owned());
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err("Expression size has exceeded the maximum allowed size;".to_owned());
    }
    Ok(())
}
