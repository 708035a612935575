//! What all grammars share: a cursor over the tokens, document paths and placeholders.

use super::path::{Element, Path};
use super::reserved::is_reserved;
use super::token::{Kind, Token, tokens};
use super::{Slots, check_text};

/// A cursor over the tokens of an expression.
pub(super) struct Parser<'t> {
    text: &'t str,
    pub(super) tokens: Vec<Token<'t>>,
    at: usize,
    depth: usize,
    pub(super) slots: Slots,
}

/// How deep an expression may nest: DynamoDB's own limit is 300 operators.
const DEPTH_MAX: usize = 300;

impl<'t> Parser<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, String> {
        check_text(text)?;
        Ok(Parser { text, tokens: tokens(text)?, at: 0, depth: 0, slots: Slots::default() })
    }

    pub(super) fn peek(&self) -> Token<'t> {
        self.tokens[self.at]
    }

    fn peek_second(&self) -> Token<'t> {
        self.tokens[(self.at + 1).min(self.tokens.len() - 1)]
    }

    pub(super) fn next(&mut self) -> Token<'t> {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    pub(super) fn at_end(&self) -> bool {
        self.peek().kind == Kind::End
    }

    /// Takes a sign, if it is next.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let there = self.peek().is_sign(sign);
        if there {
            self.next();
        }
        there
    }

    /// Takes a keyword, if it is next.
    pub(super) fn take_keyword(&mut self, word: &str) -> bool {
        let there = self.peek().is_keyword(word);
        if there {
            self.next();
        }
        there
    }

    pub(super) fn expect_sign(&mut self, sign: &str) -> Result<(), String> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Parses something that may nest in itself.
    pub(super) fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        if self.depth == DEPTH_MAX {
            return Err(format!(
                "The expression contains too many operators; maximum operators: {DEPTH_MAX}"
            ));
        }
        self.depth += 1;
        let parsed = parse(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    /// The name of the function that is called next, if one is.
    pub(super) fn function(&self) -> Option<&'t str> {
        let word = self.peek();
        (word.kind == Kind::Word && self.peek_second().is_sign("(")).then_some(word.text)
    }

    /// The error of the token that is next.
    pub(super) fn unexpected(&self) -> String {
        let token = self.peek();
        let from = self.tokens[self.at.saturating_sub(1)].start;
        let near = &self.text[from..self.peek_second().end()];
        let shown = if token.kind == Kind::End { "<EOF>" } else { token.text };
        format!("Syntax error; token: \"{shown}\", near: \"{near}\"")
    }

    /// A `:value`.
    pub(super) fn value(&mut self) -> Result<usize, String> {
        let token = self.peek();
        if token.kind != Kind::Value {
            return Err(self.unexpected());
        }
        self.next();
        Ok(slot(&mut self.slots.values, token.text))
    }

    /// A document path.
    pub(super) fn path(&mut self) -> Result<Path, String> {
        let mut elements = vec![self.path_name()?];
        loop {
            if self.take_sign(".") {
                elements.push(self.path_name()?);
            } else if self.take_sign("[") {
                elements.push(self.path_index()?);
                self.expect_sign("]")?;
            } else {
                return Ok(Path(elements));
            }
        }
    }

    fn path_name(&mut self) -> Result<Element, String> {
        let token = self.peek();
        let element = match token.kind {
            Kind::Name => Element::Placeholder(slot(&mut self.slots.names, token.text)),
            Kind::Word if is_reserved(token.text) => {
                return Err(format!(
                    "Attribute name is a reserved keyword; reserved keyword: {}",
                    token.text
                ));
            }
            Kind::Word => Element::Name(token.text.into()),
            _ => return Err(self.unexpected()),
        };
        self.next();
        Ok(element)
    }

    fn path_index(&mut self) -> Result<Element, String> {
        let token = self.peek();
        let index = (token.kind == Kind::Number).then(|| token.text.parse().ok()).flatten();
        let index = index.ok_or_else(|| self.unexpected())?;
        self.next();
        Ok(Element::Index(index))
    }

    /// Elements with commas between them.
    pub(super) fn list<T>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let mut elements = vec![element(self)?];
        while self.take_sign(",") {
            elements.push(element(self)?);
        }
        Ok(elements)
    }
}

/// The slot of a placeholder, a new one where it is new.
fn slot(slots: &mut Vec<Box<str>>, placeholder: &str) -> usize {
    slots.iter().position(|known| **known == *placeholder).unwrap_or_else(|| {
        slots.push(placeholder.into());
        slots.len() - 1
    })
}
