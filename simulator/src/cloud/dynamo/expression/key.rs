//! Key conditions: one partition, and perhaps a range of its sort values.

use super::condition::{Comparison, Condition, Operand, begins_with, check_bounds};
use super::path::Path;
use super::{Grammar, Parsed, Scope};
use crate::cloud::dynamo::error::{Result, invalid};
use crate::cloud::dynamo::key::{Schema, fits};
use crate::cloud::dynamo::value::Value;

/// Conditions that must all hold, each on one attribute.
#[derive(Debug)]
pub(in super::super) struct KeyCondition(Vec<Clause>);

#[derive(Debug)]
enum Clause {
    Compare(Path, Comparison, usize),
    Between(Path, usize, usize),
    BeginsWith(Path, usize),
}

/// A range of sort values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum SortCondition<'v> {
    Any,
    Compare(Comparison, &'v Value),
    Between(&'v Value, &'v Value),
    BeginsWith(&'v Value),
}

impl Grammar for KeyCondition {
    const PARAMETER: &'static str = "KeyConditionExpression";

    fn parse(text: &str) -> std::result::Result<Parsed<Self>, String> {
        let Parsed { root, slots } = Condition::parse(text)?;
        let mut clauses = Vec::new();
        collect(root, &mut clauses)?;
        Ok(Parsed { root: KeyCondition(clauses), slots })
    }

    fn check(&self, scope: &Scope<'_>) -> std::result::Result<(), String> {
        self.0.iter().try_for_each(|clause| clause.check(scope))?;
        let names: Vec<&str> = self.0.iter().map(|clause| clause.path().top(scope)).collect();
        if names.iter().enumerate().any(|(position, name)| names[..position].contains(name)) {
            return Err("KeyConditionExpressions must only contain one condition per key".to_owned());
        }
        Ok(())
    }
}

fn collect(condition: Condition, clauses: &mut Vec<Clause>) -> std::result::Result<(), String> {
    clauses.push(match condition {
        Condition::And(one, other) => {
            collect(*one, clauses)?;
            return collect(*other, clauses);
        }
        Condition::Compare(_, Comparison::NotEqual, _) => return Err(unsupported("<>")),
        Condition::Compare(Operand::Path(path), comparison, Operand::Value(slot)) => {
            Clause::Compare(path, comparison, slot)
        }
        Condition::Compare(Operand::Value(slot), comparison, Operand::Path(path)) => {
            Clause::Compare(path, comparison.mirrored(), slot)
        }
        Condition::Between(Operand::Path(path), Operand::Value(low), Operand::Value(high)) => {
            Clause::Between(path, low, high)
        }
        Condition::BeginsWith(Operand::Path(path), Operand::Value(slot)) => Clause::BeginsWith(path, slot),
        Condition::Or(..) => return Err(unsupported("OR")),
        Condition::Not(_) => return Err(unsupported("NOT")),
        Condition::In(..) => return Err(unsupported("IN")),
        Condition::Exists(_) => return Err(unsupported("attribute_exists")),
        Condition::NotExists(_) => return Err(unsupported("attribute_not_exists")),
        Condition::Type(..) => return Err(unsupported("attribute_type")),
        Condition::Contains(..) => return Err(unsupported("contains")),
        Condition::Compare(..) | Condition::Between(..) | Condition::BeginsWith(..) => {
            return Err("Condition must have a key attribute and values".to_owned());
        }
    });
    match clauses.last() {
        Some(clause) if clause.path().is_nested() => {
            Err("KeyConditionExpressions cannot have conditions on nested attributes".to_owned())
        }
        _ => Ok(()),
    }
}

fn unsupported(operator: &str) -> String {
    format!("Invalid operator used in KeyConditionExpression: {operator}")
}

impl Comparison {
    /// The comparison with its sides exchanged.
    fn mirrored(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }
}

impl Clause {
    fn path(&self) -> &Path {
        match self {
            Clause::Compare(path, ..) | Clause::Between(path, ..) | Clause::BeginsWith(path, _) => path,
        }
    }

    fn check(&self, scope: &Scope<'_>) -> std::result::Result<(), String> {
        let (values, texts_only): (&[usize], bool) = match self {
            Clause::Compare(_, Comparison::Equal, _) => return Ok(()),
            Clause::Compare(_, _, slot) => (&[*slot], false),
            Clause::Between(_, low, high) => {
                check_bounds(scope.values[*low], scope.values[*high])?;
                (&[*low, *high], false)
            }
            Clause::BeginsWith(_, slot) => (&[*slot], true),
        };
        let wrong = values.iter().map(|slot| scope.values[*slot]).find(|value| match value {
            Value::S(_) | Value::B(_) => false,
            Value::N(_) => texts_only,
            _ => true,
        });
        match wrong {
            Some(value) => Err(format!(
                "Incorrect operand type for operator or function; operand type: {}",
                value.kind()
            )),
            None => Ok(()),
        }
    }

    fn sort_condition<'v>(&self, scope: &Scope<'v>) -> SortCondition<'v> {
        match self {
            Clause::Compare(_, comparison, slot) => SortCondition::Compare(*comparison, scope.values[*slot]),
            Clause::Between(_, low, high) => SortCondition::Between(scope.values[*low], scope.values[*high]),
            Clause::BeginsWith(_, slot) => SortCondition::BeginsWith(scope.values[*slot]),
        }
    }
}

impl KeyCondition {
    /// The partition and the range of sort values that it asks for.
    pub(in super::super) fn range<'v>(
        &self,
        schema: &Schema,
        scope: &Scope<'v>,
    ) -> Result<(&'v Value, SortCondition<'v>)> {
        let most = schema.keys().count();
        if self.0.len() > most {
            return Err(invalid(format!(
                "The number of query conditions ({}) exceeds the number of key attributes defined in the schema ({most})",
                self.0.len()
            )));
        }
        let clause = |name: &str| self.0.iter().find(|clause| clause.path().top(scope) == name);
        let partition = match clause(schema.partition.name) {
            Some(Clause::Compare(_, Comparison::Equal, slot)) => scope.values[*slot],
            Some(_) => return Err(invalid("Query key condition not supported")),
            None => {
                let name = schema.partition.name;
                return Err(invalid(format!("Query condition missed key schema element: {name}")));
            }
        };
        let sort = schema.sort.and_then(|sort| clause(sort.name));
        if sort.is_none() && self.0.len() > 1 {
            return Err(invalid("Query key condition not supported"));
        }
        let sort = sort.map_or(SortCondition::Any, |clause| clause.sort_condition(scope));
        let partition_fits = fits(partition, schema.partition.kind);
        let sort_fits = schema.sort.is_none_or(|key| sort.values().all(|value| fits(value, key.kind)));
        if !partition_fits || !sort_fits {
            return Err(invalid(
                "One or more parameter values were invalid: Condition parameter type does not match schema type",
            ));
        }
        Ok((partition, sort))
    }
}

impl<'v> SortCondition<'v> {
    fn values(self) -> impl Iterator<Item = &'v Value> {
        let (one, other) = match self {
            SortCondition::Any => (None, None),
            SortCondition::Compare(_, value) | SortCondition::BeginsWith(value) => (Some(value), None),
            SortCondition::Between(low, high) => (Some(low), Some(high)),
        };
        one.into_iter().chain(other)
    }

    /// Whether a sort value is in the range.
    pub(in super::super) fn holds(self, value: &Value) -> bool {
        match self {
            SortCondition::Any => true,
            SortCondition::Compare(comparison, bound) => comparison.holds(value, bound),
            SortCondition::Between(low, high) => {
                Comparison::GreaterOrEqual.holds(value, low) && Comparison::LessOrEqual.holds(value, high)
            }
            SortCondition::BeginsWith(beginning) => begins_with(value, beginning),
        }
    }
}
