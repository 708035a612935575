//! What the cost depends on and no run measures: figures with a date and a source, each of which can be set.

use super::prices::{DataError, Mark, check_row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const DATA: &str = include_str!("../../data/parameters.toml");
const FILE: &str = "simulator/data/parameters.toml";

/// Two ends between which something lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Range {
    /// Both ends together with those of another range.
    pub fn plus(self, other: Range) -> Range {
        Range { low: self.low + other.low, high: self.high + other.high }
    }

    /// Both ends by those of another range.
    pub fn by(self, other: Range) -> Range {
        Range { low: self.low * other.low, high: self.high * other.high }
    }

    /// Both ends by one factor.
    pub fn times(self, factor: f64) -> Range {
        Range { low: self.low * factor, high: self.high * factor }
    }
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, by which it can be set.
    pub name: String,
    /// Its value; both ends are the same where one figure is known.
    pub value: Range,
    /// The unit.
    pub unit: String,
    /// What it says.
    pub meaning: String,
    /// When that was true.
    pub dated: String,
    /// Who says so.
    pub source: String,
    /// How sure that is.
    pub mark: Mark,
    /// Whether it was set by whoever asked.
    #[serde(default)]
    pub set: bool,
}

/// What stands whether anybody orders or not.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// The priced item.
    pub item: String,
    /// Units of it a month, for each region.
    pub region: f64,
    /// Units of it a month, once.
    pub world: f64,
    /// What they are.
    pub why: String,
    /// Who says how many.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterFile {
    parameter: Vec<ParameterRow>,
    fixed: Vec<Fixed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterRow {
    name: String,
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    unit: String,
    meaning: String,
    #[serde(default)]
    dated: String,
    #[serde(default)]
    source: String,
    mark: Mark,
}

/// All parameters.
#[derive(Clone, Debug)]
pub struct Parameters {
    rows: BTreeMap<String, Parameter>,
    /// What stands whether anybody orders or not.
    pub fixed: Vec<Fixed>,
}

/// Somebody set what cannot be set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// There is no parameter of this name.
    #[error("there is no parameter `{name}`; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The value does not fit.
    #[error("{0} should be a number from 0")]
    Value(String),
}

impl Parameters {
    /// The parameters that are part of the program.
    ///
    /// # Errors
    /// As [`Parameters::read`].
    pub fn shipped() -> Result<Parameters, DataError> {
        Parameters::read(DATA)
    }

    /// Reads parameters.
    ///
    /// # Errors
    /// The first row that cannot be read, has no date or source, or no value.
    pub fn read(text: &str) -> Result<Parameters, DataError> {
        let unreadable =
            |cause: toml::de::Error| DataError::Unreadable { file: FILE, cause: cause.to_string() };
        let file: ParameterFile = toml::from_str(text).map_err(unreadable)?;
        let mut rows = BTreeMap::new();
        for row in file.parameter {
            check_row(FILE, &row.name, &row.dated, &row.source)?;
            let value = value(&row).ok_or_else(|| wrong(&row.name, "needs `value`, or `low` and `high`"))?;
            let ParameterRow { name, unit, meaning, dated, source, mark, .. } = row;
            let parameter =
                Parameter { name: name.clone(), value, unit, meaning, dated, source, mark, set: false };
            if rows.insert(name.clone(), parameter).is_some() {
                return Err(wrong(&name, "is given twice"));
            }
        }
        match file.fixed.iter().find(|fixed| fixed.source.is_empty()) {
            Some(fixed) => Err(wrong(&fixed.item, "has no source")),
            None => Ok(Parameters { rows, fixed: file.fixed }),
        }
    }

    /// Sets one.
    ///
    /// # Errors
    /// When there is none of this name, or the value is below nothing.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), SetError> {
        if !(value >= 0.0 && value.is_finite()) {
            return Err(SetError::Value(name.to_owned()));
        }
        let known = self.rows.keys().cloned().collect::<Vec<_>>().join(", ");
        let row = self.rows.get_mut(name).ok_or(SetError::Unknown { name: name.to_owned(), known })?;
        row.value = Range { low: value, high: value };
        row.set = true;
        Ok(())
    }

    /// The range of one; nothing for one that does not exist, which a test rules out.
    pub fn range(&self, name: &str) -> Range {
        self.rows.get(name).map_or(Range::default(), |row| row.value)
    }

    /// The value of one; the upper end where it has two.
    pub fn value(&self, name: &str) -> f64 {
        self.range(name).high
    }

    /// Whether there is one of this name.
    pub fn has(&self, name: &str) -> bool {
        self.rows.contains_key(name)
    }

    /// All of them, by name.
    pub fn list(&self) -> Vec<Parameter> {
        self.rows.values().cloned().collect()
    }
}

fn value(row: &ParameterRow) -> Option<Range> {
    match (row.value, row.low, row.high) {
        (Some(value), None, None) => Some(Range { low: value, high: value }),
        (None, Some(low), Some(high)) if low <= high => Some(Range { low, high }),
        _ => None,
    }
}

fn wrong(row: &str, what: &str) -> DataError {
    DataError::Row { file: FILE, row: row.to_owned(), what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::prices::Prices;

    const ROW: &str = "fixed = []\n[[parameter]]\nname = \"a\"\nvalue = 3\nunit = \"x\"\nmeaning = \"m\"\n\
                       dated = \"2026-11-27\"\nmark = \"assumption\"\nsource = \"s\"\n";

    #[test]
    fn what_is_shipped_can_be_read_and_priced() {
        let (parameters, prices) =
            (Parameters::shipped().expect("the data file"), Prices::shipped().expect("the data file"));
        for fixed in &parameters.fixed {
            assert!(prices.of(&fixed.item, "us-east-1").is_some(), "{}", fixed.item);
        }
        assert_eq!(parameters.value("administrator_pay_usd_year"), 96_800.0);
        assert_eq!(parameters.range("administrator_pay_usd_year").low, 90_520.0);
    }

    #[test]
    fn a_parameter_without_date_source_or_value_is_refused() {
        Parameters::read(ROW).expect("complete");
        for (without, why) in [
            ("dated = \"2026-11-27\"\n", "`dated` is no date"),
            ("source = \"s\"\n", "has no source"),
            ("value = 3\n", "needs `value`"),
        ] {
            let refused = Parameters::read(&ROW.replace(without, "")).expect_err("refused").to_string();
            assert!(refused.contains("parameters.toml: a: ") && refused.contains(why), "{refused}");
        }
        let both_ways = Parameters::read(&ROW.replace("value = 3", "low = 4\nhigh = 3"));
        assert!(both_ways.is_err());
    }

    #[test]
    fn a_parameter_can_be_set_and_says_so() {
        let mut parameters = Parameters::read(ROW).expect("complete");
        parameters.set("a", 7.0).expect("known");
        assert_eq!((parameters.value("a"), parameters.list()[0].set), (7.0, true));
        assert_eq!(parameters.set("a", -1.0), Err(SetError::Value("a".to_owned())));
        let unknown = parameters.set("b", 1.0).expect_err("unknown").to_string();
        assert_eq!(unknown, "there is no parameter `b`; there are a");
    }
}
