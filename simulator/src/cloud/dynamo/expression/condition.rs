//! Conditions and filters.

mod grammar;

use std::borrow::Cow;

use super::parse::Parser;
use super::path::Path;
use super::token::check_brackets;
use super::{Grammar, Parsed, Scope};
use crate::cloud::dynamo::number::Number;
use crate::cloud::dynamo::value::{Item, Value};

/// A condition on an item.
#[derive(Debug)]
pub(in super::super) enum Condition {
    Compare(Operand, Comparison, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    Type(Path, Operand),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
}

/// Something that has a value.
#[derive(Debug, PartialEq)]
pub(in super::super) enum Operand {
    Path(Path),
    Value(usize),
    Size(Path),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Grammar for Condition {
    const PARAMETER: &'static str = "ConditionExpression";

    fn parse(text: &str) -> Result<Parsed<Self>, String> {
        let mut parser = Parser::new(text)?;
        check_brackets(&parser.tokens)?;
        let root = parser.alternatives()?;
        if !parser.at_end() {
            return Err(parser.unexpected());
        }
        Ok(Parsed { root, slots: parser.slots })
    }

    fn check(&self, scope: &Scope<'_>) -> Result<(), String> {
        match self {
            Condition::And(one, other) | Condition::Or(one, other) => {
                one.check(scope)?;
                other.check(scope)
            }
            Condition::Not(inner) => inner.check(scope),
            Condition::Contains(one, other) if one == other => Err(
                "The first operand must be distinct from the remaining operands for this operator or function; \
                 operator: contains"
                    .to_owned(),
            ),
            Condition::BeginsWith(_, Operand::Value(slot)) => match scope.values[*slot] {
                Value::S(_) | Value::B(_) => Ok(()),
                other => Err(format!(
                    "Incorrect operand type for operator or function; operator or function: begins_with, \
                     operand type: {}",
                    other.kind()
                )),
            },
            Condition::Between(_, Operand::Value(low), Operand::Value(high)) => {
                check_bounds(scope.values[*low], scope.values[*high])
            }
            _ => Ok(()),
        }
    }
}

/// Refuses bounds between which nothing can be.
pub(super) fn check_bounds(low: &Value, high: &Value) -> Result<(), String> {
    if low.kind() != high.kind() {
        return Err("The BETWEEN operator requires same data type for lower and upper bounds".to_owned());
    }
    if Comparison::Greater.holds(low, high) {
        return Err(
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound".to_owned()
        );
    }
    Ok(())
}

impl Comparison {
    pub(in super::super) fn holds(self, one: &Value, other: &Value) -> bool {
        match self {
            Comparison::Equal => return one == other,
            Comparison::NotEqual => return one != other,
            _ => {}
        }
        let order = match (one, other) {
            (Value::S(one), Value::S(other)) => one.cmp(other),
            (Value::N(one), Value::N(other)) => one.cmp(other),
            (Value::B(one), Value::B(other)) => one.cmp(other),
            _ => return false,
        };
        match self {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            _ => order.is_ge(),
        }
    }

    fn of(sign: &str) -> Option<Self> {
        Some(match sign {
            "=" => Comparison::Equal,
            "<>" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        })
    }
}

impl Condition {
    /// Whether it holds of an item; an item that is not there has no attributes.
    pub(in super::super) fn holds(&self, item: &Item, scope: &Scope<'_>) -> bool {
        match self {
            Condition::And(one, other) => one.holds(item, scope) && other.holds(item, scope),
            Condition::Or(one, other) => one.holds(item, scope) || other.holds(item, scope),
            Condition::Not(inner) => !inner.holds(item, scope),
            Condition::Exists(path) => path.find(item, scope).is_some(),
            Condition::NotExists(path) => path.find(item, scope).is_none(),
            Condition::Compare(one, comparison, other) => {
                match (one.value(item, scope), other.value(item, scope)) {
                    (Some(one), Some(other)) => comparison.holds(&one, &other),
                    // What is missing differs from everything.
                    _ => *comparison == Comparison::NotEqual,
                }
            }
            Condition::Between(operand, low, high) => {
                match (operand.value(item, scope), low.value(item, scope), high.value(item, scope)) {
                    (Some(value), Some(low), Some(high)) => {
                        Comparison::GreaterOrEqual.holds(&value, &low)
                            && Comparison::LessOrEqual.holds(&value, &high)
                    }
                    _ => false,
                }
            }
            Condition::In(operand, candidates) => operand.value(item, scope).is_some_and(|value| {
                candidates
                    .iter()
                    .any(|candidate| candidate.value(item, scope).is_some_and(|other| *other == *value))
            }),
            Condition::Type(path, kind) => match (path.find(item, scope), kind.value(item, scope).as_deref())
            {
                (Some(value), Some(Value::S(kind))) => value.kind() == &**kind,
                _ => false,
            },
            Condition::BeginsWith(operand, beginning) => {
                match (operand.value(item, scope), beginning.value(item, scope)) {
                    (Some(whole), Some(beginning)) => begins_with(&whole, &beginning),
                    _ => false,
                }
            }
            Condition::Contains(operand, part) => match (operand.value(item, scope), part.value(item, scope))
            {
                (Some(whole), Some(part)) => contains(&whole, &part),
                _ => false,
            },
        }
    }

    /// Calls `look` with every path that it has.
    fn paths<'c>(&'c self, look: &mut dyn FnMut(&'c Path)) {
        let mut operands = |operands: &[&'c Operand]| {
            for operand in operands {
                if let Operand::Path(path) | Operand::Size(path) = operand {
                    look(path);
                }
            }
        };
        match self {
            Condition::And(one, other) | Condition::Or(one, other) => {
                one.paths(look);
                other.paths(look);
            }
            Condition::Not(inner) => inner.paths(look),
            Condition::Exists(path) | Condition::NotExists(path) => look(path),
            Condition::Type(path, kind) => {
                operands(&[kind]);
                look(path);
            }
            Condition::Compare(one, _, other)
            | Condition::BeginsWith(one, other)
            | Condition::Contains(one, other) => operands(&[one, other]),
            Condition::Between(value, low, high) => operands(&[value, low, high]),
            Condition::In(value, candidates) => {
                operands(&[value]);
                operands(&candidates.iter().collect::<Vec<_>>());
            }
        }
    }

    /// The top-level attributes that it looks at, and whether it looks into them.
    pub(in super::super) fn attributes<'s>(&'s self, scope: &Scope<'s>) -> Vec<(&'s str, bool)> {
        let mut attributes = Vec::new();
        self.paths(&mut |path| attributes.push((path.top(scope), path.is_nested())));
        attributes
    }
}

/// Whether a text or bytes begin so.
pub(super) fn begins_with(whole: &Value, beginning: &Value) -> bool {
    match (whole, beginning) {
        (Value::S(text), Value::S(beginning)) => text.starts_with(&**beginning),
        (Value::B(bytes), Value::B(beginning)) => bytes.starts_with(beginning),
        _ => false,
    }
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::S(text), Value::S(part)) => text.contains(&**part),
        (Value::B(bytes), Value::B(part)) => {
            part.is_empty() || bytes.windows(part.len()).any(|window| *window == **part)
        }
        (Value::Ss(set), Value::S(member)) => set.contains(member),
        (Value::Ns(set), Value::N(member)) => set.contains(member),
        (Value::Bs(set), Value::B(member)) => set.contains(member),
        (Value::L(list), element) => list.contains(element),
        _ => false,
    }
}

impl Operand {
    fn value<'v>(&self, item: &'v Item, scope: &Scope<'v>) -> Option<Cow<'v, Value>> {
        match self {
            Operand::Path(path) => path.find(item, scope).map(Cow::Borrowed),
            Operand::Value(slot) => Some(Cow::Borrowed(scope.values[*slot])),
            Operand::Size(path) => {
                let size = match path.find(item, scope)? {
                    Value::S(text) => text.encode_utf16().count(),
                    Value::B(bytes) => bytes.len(),
                    Value::Ss(set) => set.len(),
                    Value::Ns(set) => set.len(),
                    Value::Bs(set) => set.len(),
                    Value::L(list) => list.len(),
                    Value::M(map) => map.len(),
                    Value::N(_) | Value::Bool(_) | Value::Null => return None,
                };
                Some(Cow::Owned(Value::N(Number::from(size))))
            }
        }
    }
}
