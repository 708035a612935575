//! Reads a TOML file into values and notes every mistake with its line, instead of stopping at the first.
//!
//! A value that is missing or wrong is noted and replaced by a harmless one, so that reading goes on; what was
//! read is thrown away when anything was noted.

use super::{Mistake, near::did_you_mean};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    ops::{Range, RangeInclusive},
    path::{Path, PathBuf},
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A file and the mistakes found in it so far.
pub(crate) struct Source {
    path: PathBuf,
    line_starts: Vec<usize>,
    mistakes: RefCell<Vec<Mistake>>,
}

impl Source {
    pub(crate) fn new(path: impl Into<PathBuf>, text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        Source { path: path.into(), line_starts: starts.collect(), mistakes: RefCell::default() }
    }

    /// Parses `text`, noting every error of syntax.
    pub(crate) fn parse<'t>(&self, text: &'t str) -> Spanned<DeTable<'t>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            self.note(error.span().map_or(0, |span| span.start), error.message());
        }
        table
    }

    pub(crate) fn note(&self, at: usize, message: impl Display) {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let mistake = Mistake { file: self.path.clone(), line, message: message.to_string() };
        self.mistakes.borrow_mut().push(mistake);
    }

    pub(crate) fn clean(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }

    /// The mistakes in the order of their lines.
    pub(crate) fn into_mistakes(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort();
        mistakes.dedup();
        mistakes
    }
}

/// A place in the file, to note a mistake there later.
pub(crate) struct Place<'s> {
    source: &'s Source,
    path: String,
    at: usize,
}

impl Place<'_> {
    pub(crate) fn note(&self, message: impl Display) {
        self.source.note(self.at, format!("{}: {message}", self.path));
    }
}

/// One table of the file.
pub(crate) struct Section<'s> {
    source: &'s Source,
    name: String,
    table: &'s DeTable<'s>,
    span: Range<usize>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'s> Section<'s> {
    pub(crate) fn root(source: &'s Source, table: &'s Spanned<DeTable<'s>>) -> Self {
        Section::new(source, "", table.get_ref(), 0..0)
    }

    fn new(source: &'s Source, name: &str, table: &'s DeTable<'s>, span: Range<usize>) -> Self {
        Section { source, name: name.to_owned(), table, span, asked: RefCell::default() }
    }

    /// The place of `key`'s value, or of the table's head when it is absent.
    pub(crate) fn place(&self, key: &str) -> Place<'s> {
        let at = self.table.get(key).map_or(self.span.start, |value| value.span().start);
        Place { source: self.source, path: self.path_of(key), at }
    }

    /// Notes a mistake at the value of `key`, or at the table's head when it is absent.
    pub(crate) fn note(&self, key: &str, message: impl Display) {
        self.place(key).note(message);
    }

    /// The file.
    pub(crate) fn file(&self) -> &'s Path {
        &self.source.path
    }

    /// Notes a mistake of the table as a whole.
    pub(crate) fn note_here(&self, message: impl Display) {
        match self.name.is_empty() {
            true => self.source.note(self.span.start, message),
            false => self.source.note(self.span.start, format!("{}: {message}", self.name)),
        }
    }

    /// Whether the whole file has been found right so far.
    pub(crate) fn clean(&self) -> bool {
        self.source.clean()
    }

    fn path_of(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn value(&self, key: &'static str) -> Option<&'s Spanned<DeValue<'s>>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    fn wrong_type(&self, key: &'static str, wanted: &str, found: &DeValue<'_>) {
        self.note(key, format!("should be {wanted}, not {}", found.type_str()));
    }

    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    pub(crate) fn is_text(&self, key: &'static str) -> bool {
        self.value(key).is_some_and(|value| value.get_ref().is_str())
    }

    /// A text, where given.
    pub(crate) fn maybe_text(&self, key: &'static str) -> Option<String> {
        let value = self.value(key)?.get_ref();
        let text = value.as_str().map(str::trim);
        if text.is_none() {
            self.wrong_type(key, "a text", value);
        }
        text.map(str::to_owned)
    }

    /// A text that must be given and not be empty.
    pub(crate) fn text(&self, key: &'static str) -> String {
        if !self.has(key) {
            self.note(key, "is missing");
        }
        let text = self.maybe_text(key);
        if text.as_deref() == Some("") {
            self.note(key, "is empty");
        }
        text.unwrap_or_default()
    }

    /// One of some known words, where given.
    pub(crate) fn maybe_word(&self, key: &'static str, known: &[&str]) -> Option<String> {
        let word = self.maybe_text(key)?;
        // Nothing is known when the topology could not be read, and that was noted already.
        if known.is_empty() || known.contains(&word.as_str()) {
            return Some(word);
        }
        let hint = did_you_mean(&word, known.iter().copied());
        self.note(key, format!("`{word}` is not one of {}{hint}", known.join(", ")));
        None
    }

    /// One of some known words; `None` when a mistake was noted.
    pub(crate) fn word(&self, key: &'static str, known: &[&str]) -> Option<String> {
        if !self.has(key) {
            self.note(key, format!("is missing; one of {}", known.join(", ")));
        }
        self.maybe_word(key, known)
    }

    /// A list of texts; empty where not given.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<String> {
        let Some(value) = self.value(key).map(Spanned::get_ref) else { return Vec::new() };
        let Some(array) = value.as_array() else {
            self.wrong_type(key, "a list of texts", value);
            return Vec::new();
        };
        let texts: Vec<_> =
            array.iter().filter_map(|item| item.get_ref().as_str()).map(str::to_owned).collect();
        if texts.len() < array.len() {
            self.note(key, "should be a list of texts");
        }
        texts
    }

    pub(crate) fn flag_or(&self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(key).map(Spanned::get_ref) else { return default };
        value.as_bool().unwrap_or_else(|| {
            self.wrong_type(key, "true or false", value);
            default
        })
    }

    /// A number within `range`, where given.
    pub(crate) fn maybe_number(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.value(key)?.get_ref();
        match number(value) {
            Some(number) if range.contains(&number) => Some(number),
            Some(number) => {
                self.note(key, format!("{number} is not within {} and {}", range.start(), range.end()));
                None
            }
            None => {
                self.wrong_type(key, "a number", value);
                None
            }
        }
    }

    pub(crate) fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> f64 {
        if !self.has(key) {
            self.note(key, "is missing");
        }
        self.maybe_number(key, range).unwrap_or_default()
    }

    pub(crate) fn number_or(&self, key: &'static str, default: f64, range: RangeInclusive<f64>) -> f64 {
        self.maybe_number(key, range).unwrap_or(default)
    }

    /// A whole number within `range`, where given.
    pub(crate) fn maybe_whole(&self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(key)?.get_ref();
        let Some(found) = value.as_integer() else {
            self.wrong_type(key, "a whole number", value);
            return None;
        };
        let number = u64::from_str_radix(found.as_str(), found.radix()).ok().filter(|n| range.contains(n));
        if number.is_none() {
            self.note(key, format!("{found} is not within {} and {}", range.start(), range.end()));
        }
        number
    }

    pub(crate) fn whole(&self, key: &'static str, range: RangeInclusive<u64>) -> u64 {
        if !self.has(key) {
            self.note(key, "is missing");
        }
        self.maybe_whole(key, range).unwrap_or_default()
    }

    pub(crate) fn whole_or(&self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        self.maybe_whole(key, range).unwrap_or(default)
    }

    /// A table of whole numbers by name.
    pub(crate) fn wholes_by_name(
        &self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> BTreeMap<String, u64> {
        let Some(section) = self.section(key) else { return BTreeMap::new() };
        let numbers = section.table.iter().filter_map(|(name, value)| {
            let number = value.get_ref().as_integer().and_then(|n| n.as_str().parse::<u64>().ok());
            if !number.is_some_and(|number| range.contains(&number)) {
                let wanted = format!("should be a whole number from {} to {}", range.start(), range.end());
                section.note(name.get_ref(), wanted);
            }
            Some((name.get_ref().to_string(), number?))
        });
        numbers.collect()
    }

    /// A table inside this one, where given.
    pub(crate) fn section(&self, key: &'static str) -> Option<Section<'s>> {
        let value = self.value(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.wrong_type(key, "a table", value.get_ref());
        }
        Some(Section::new(self.source, &self.path_of(key), table?, value.span()))
    }

    /// The tables of a list of tables; none where not given.
    pub(crate) fn sections(&self, key: &'static str) -> Vec<Section<'s>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, "a list of tables", value.get_ref());
            return Vec::new();
        };
        let sections = array.iter().enumerate().filter_map(|(i, item)| {
            let name = format!("{}[{i}]", self.path_of(key));
            let table = item.get_ref().as_table();
            if table.is_none() {
                self.source.note(item.span().start, format!("{name}: should be a table"));
            }
            Some(Section::new(self.source, &name, table?, item.span()))
        });
        sections.collect()
    }

    /// Notes every field that nobody asked for.
    pub(crate) fn finish(self) {
        let asked = self.asked.into_inner();
        for (key, _) in self.table.iter().filter(|(key, _)| !asked.contains(key.get_ref().as_ref())) {
            let hint = did_you_mean(key.get_ref(), asked.iter().copied());
            let place =
                if self.name.is_empty() { "at the top".to_owned() } else { format!("in {}", self.name) };
            self.source.note(key.span().start, format!("unknown field `{}` {place}{hint}", key.get_ref()));
        }
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Integer(whole) if whole.radix() == 10 => whole.as_str().parse().ok(),
        DeValue::Float(float) => float.as_str().parse().ok(),
        _ => None,
    };
    number.filter(|number: &f64| number.is_finite())
}
