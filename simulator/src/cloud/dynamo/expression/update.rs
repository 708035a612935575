//! Updates: their grammar and what can be said against them before an item is looked at.

use super::parse::Parser;
use super::path::{Path, Step, check_overlap};
use super::token::Kind;
use super::{Grammar, Parsed, Scope};
use crate::cloud::dynamo::value::Value;

/// The four clauses of an update, each action in the order in which it was written.
#[derive(Debug, Default)]
pub(in super::super) struct Update {
    pub(super) sets: Vec<(Path, Operand)>,
    pub(super) removes: Vec<Path>,
    /// Each with the slot of its value, as the deletes.
    pub(super) adds: Vec<(Path, usize)>,
    pub(super) deletes: Vec<(Path, usize)>,
}

/// What a SET gives an attribute.
#[derive(Debug)]
pub(super) enum Operand {
    Path(Path),
    Value(usize),
    IfNotExists(Path, Box<Operand>),
    ListAppend(Box<Operand>, Box<Operand>),
    Plus(Box<Operand>, Box<Operand>),
    Minus(Box<Operand>, Box<Operand>),
}

impl Grammar for Update {
    const PARAMETER: &'static str = "UpdateExpression";

    fn parse(text: &str) -> Result<Parsed<Self>, String> {
        let mut parser = Parser::new(text)?;
        let mut update = Update::default();
        let mut seen = Vec::new();
        while !parser.at_end() || seen.is_empty() {
            let clause = parser.peek().text.to_ascii_uppercase();
            if seen.contains(&clause) {
                return Err(format!(
                    "The \"{clause}\" section can only be used once in an update expression;"
                ));
            }
            parser.clause(&clause, &mut update)?;
            seen.push(clause);
        }
        Ok(Parsed { root: update, slots: parser.slots })
    }

    fn check(&self, scope: &Scope<'_>) -> Result<(), String> {
        for (_, slot) in &self.adds {
            let value = scope.values[*slot];
            if !matches!(value, Value::N(_) | Value::Ss(_) | Value::Ns(_) | Value::Bs(_)) {
                return Err(wrong_operand("ADD", value));
            }
        }
        for (_, slot) in &self.deletes {
            let value = scope.values[*slot];
            if !matches!(value, Value::Ss(_) | Value::Ns(_) | Value::Bs(_)) {
                return Err(wrong_operand("DELETE", value));
            }
        }
        self.sets.iter().try_for_each(|(_, operand)| operand.check(scope))?;
        check_overlap(&self.paths().map(|path| path.steps(scope)).collect::<Vec<_>>())
    }
}

fn wrong_operand(operator: &str, value: &Value) -> String {
    format!(
        "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {}",
        value.kind()
    )
}

impl Operand {
    fn check(&self, scope: &Scope<'_>) -> Result<(), String> {
        let fits = |operand: &Operand, operator: &str, fit: fn(&Value) -> bool| match operand {
            Operand::Value(slot) if !fit(scope.values[*slot]) => {
                Err(wrong_operand(operator, scope.values[*slot]))
            }
            other => other.check(scope),
        };
        let number: fn(&Value) -> bool = |value| matches!(value, Value::N(_));
        match self {
            Operand::Path(_) | Operand::Value(_) => Ok(()),
            Operand::IfNotExists(_, otherwise) => otherwise.check(scope),
            Operand::ListAppend(one, other) => {
                let list: fn(&Value) -> bool = |value| matches!(value, Value::L(_));
                fits(one, "list_append", list)?;
                fits(other, "list_append", list)
            }
            Operand::Plus(one, other) => {
                fits(one, "+", number)?;
                fits(other, "+", number)
            }
            Operand::Minus(one, other) => {
                fits(one, "-", number)?;
                fits(other, "-", number)
            }
        }
    }
}

impl Update {
    /// The paths that it writes to.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let sets = self.sets.iter().map(|(path, _)| path);
        let others = self.adds.iter().chain(&self.deletes).map(|(path, _)| path);
        sets.chain(&self.removes).chain(others)
    }

    /// The top-level attributes that it writes to.
    pub(in super::super) fn attributes<'s>(&'s self, scope: &Scope<'s>) -> impl Iterator<Item = &'s str> {
        self.paths().map(|path| path.top(scope))
    }

    /// What an answer shows of the written paths. A part of a list cannot be shown without its neighbours, so the
    /// whole attribute is.
    pub(in super::super) fn targets<'s>(&'s self, scope: &Scope<'s>) -> Vec<Vec<Step<'s>>> {
        let mut targets: Vec<Vec<Step<'s>>> = self.paths().map(|path| path.steps(scope)).collect();
        for target in &mut targets {
            if target.iter().any(|step| matches!(step, Step::Index(_))) {
                target.truncate(1);
            }
        }
        targets
    }
}

impl Parser<'_> {
    fn clause(&mut self, clause: &str, update: &mut Update) -> Result<(), String> {
        if !["SET", "REMOVE", "ADD", "DELETE"].contains(&clause) {
            return Err(self.unexpected());
        }
        self.next();
        match clause {
            "SET" => update.sets = self.list(Self::assignment)?,
            "REMOVE" => update.removes = self.list(Self::path)?,
            "ADD" => update.adds = self.list(Self::path_and_value)?,
            _ => update.deletes = self.list(Self::path_and_value)?,
        }
        Ok(())
    }

    fn path_and_value(&mut self) -> Result<(Path, usize), String> {
        Ok((self.path()?, self.value()?))
    }

    fn assignment(&mut self) -> Result<(Path, Operand), String> {
        let path = self.path()?;
        self.expect_sign("=")?;
        Ok((path, self.sum()?))
    }

    fn sum(&mut self) -> Result<Operand, String> {
        let left = self.term()?;
        if self.take_sign("+") {
            return Ok(Operand::Plus(Box::new(left), Box::new(self.term()?)));
        }
        if self.take_sign("-") {
            return Ok(Operand::Minus(Box::new(left), Box::new(self.term()?)));
        }
        Ok(left)
    }

    fn term(&mut self) -> Result<Operand, String> {
        if self.peek().kind == Kind::Value {
            return Ok(Operand::Value(self.value()?));
        }
        if self.take_sign("(") {
            let inner = self.nested(Self::sum)?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        match self.function() {
            None => Ok(Operand::Path(self.path()?)),
            Some("if_not_exists") => self.call(|parser| {
                let path = parser.path()?;
                parser.expect_sign(",")?;
                Ok(Operand::IfNotExists(path, Box::new(parser.term()?)))
            }),
            Some("list_append") => self.call(|parser| {
                let one = parser.term()?;
                parser.expect_sign(",")?;
                Ok(Operand::ListAppend(Box::new(one), Box::new(parser.term()?)))
            }),
            Some(name) => Err(format!("Invalid function name; function: {name}")),
        }
    }

    fn call(
        &mut self,
        arguments: impl FnOnce(&mut Self) -> Result<Operand, String>,
    ) -> Result<Operand, String> {
        self.next();
        self.expect_sign("(")?;
        let operand = self.nested(arguments)?;
        self.expect_sign(")")?;
        Ok(operand)
    }
}
