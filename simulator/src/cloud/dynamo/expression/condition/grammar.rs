//! The grammar of conditions.

use super::{Comparison, Condition, Operand};
use crate::cloud::dynamo::expression::parse::Parser;
use crate::cloud::dynamo::expression::token::Kind;

/// The grammar, weakest binding first: `OR`, `AND`, `NOT`, comparisons and functions.
impl Parser<'_> {
    pub(super) fn alternatives(&mut self) -> Result<Condition, String> {
        let mut left = self.conjunction()?;
        while self.take_keyword("OR") {
            left = Condition::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Condition, String> {
        let mut left = self.negation()?;
        while self.take_keyword("AND") {
            left = Condition::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Condition, String> {
        if self.take_keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.nested(Self::negation)?)));
        }
        if self.take_sign("(") {
            let inner = self.nested(Self::alternatives)?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        match self.function() {
            Some("size") | None => self.comparison(),
            Some(name) => self.predicate(name),
        }
    }

    fn predicate(&mut self, name: &str) -> Result<Condition, String> {
        if !["attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"]
            .contains(&name)
        {
            return Err(format!("Invalid function name; function: {name}"));
        }
        self.next();
        self.expect_sign("(")?;
        let condition = match name {
            "attribute_exists" => Condition::Exists(self.path()?),
            "attribute_not_exists" => Condition::NotExists(self.path()?),
            "attribute_type" => {
                let path = self.path()?;
                self.expect_sign(",")?;
                Condition::Type(path, self.operand()?)
            }
            _ => {
                let first = self.operand()?;
                self.expect_sign(",")?;
                let second = self.operand()?;
                if name == "contains" {
                    Condition::Contains(first, second)
                } else {
                    Condition::BeginsWith(first, second)
                }
            }
        };
        self.expect_sign(")")?;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, String> {
        let left = self.operand()?;
        if self.take_keyword("BETWEEN") {
            let low = self.operand()?;
            if !self.take_keyword("AND") {
                return Err(self.unexpected());
            }
            return Ok(Condition::Between(left, low, self.operand()?));
        }
        if self.take_keyword("IN") {
            self.expect_sign("(")?;
            let candidates = self.list(Self::operand)?;
            self.expect_sign(")")?;
            return Ok(Condition::In(left, candidates));
        }
        let token = self.peek();
        let comparison = (token.kind == Kind::Sign).then(|| Comparison::of(token.text)).flatten();
        let comparison = comparison.ok_or_else(|| self.unexpected())?;
        self.next();
        Ok(Condition::Compare(left, comparison, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        if self.peek().kind == Kind::Value {
            return Ok(Operand::Value(self.value()?));
        }
        if self.function() == Some("size") {
            self.next();
            self.expect_sign("(")?;
            let path = self.path()?;
            self.expect_sign(")")?;
            return Ok(Operand::Size(path));
        }
        Ok(Operand::Path(self.path()?))
    }
}
