//! List prices, from a data file in which each has a date and a source.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const DATA: &str = include_str!("../../data/prices.toml");
/// Stands for every region.
const EVERYWHERE: &str = "*";

/// What is wrong with a file of prices, parameters or quotas.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It cannot be read.
    #[error("{file}: {cause}")]
    Unreadable {
        /// Which file.
        file: &'static str,
        /// Where in it, and why.
        cause: String,
    },
    /// A row lacks what a reader needs to believe it.
    #[error("{file}: {row}: {what}")]
    Row {
        /// Which file.
        file: &'static str,
        /// Which row.
        row: String,
        /// What is wrong.
        what: String,
    },
}

/// Refuses a row without a date or a source.
pub(super) fn check_row(file: &'static str, row: &str, dated: &str, source: &str) -> Result<(), DataError> {
    let wrong = |what: &str| Err(DataError::Row { file, row: row.to_owned(), what: what.to_owned() });
    let date =
        dated.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    match (date, dated.len(), source.trim().is_empty()) {
        (true, 10, false) => Ok(()),
        (true, 10, true) => wrong("has no source"),
        _ => wrong("`dated` is no date such as 2026-11-27"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceFile {
    unit: BTreeMap<String, String>,
    source: Vec<SourceRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceRow {
    #[serde(default)]
    what: String,
    #[serde(default)]
    dated: String,
    mark: Mark,
    usd: BTreeMap<String, f64>,
}

/// How sure a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// AWS's price list, as others read it.
    PriceList,
    /// The publisher's own pages.
    Publisher,
    /// A copy of one of them.
    SecondHand,
    /// Said by whoever gains from it.
    Vendor,
    /// Worked out from such figures.
    Derived,
    /// What this repository's Terraform has.
    Infra,
    /// Nobody's figure but ours.
    Assumption,
}

/// What one unit of something costs in a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// For one unit, USD.
    pub usd: f64,
    /// When that was true.
    pub dated: String,
    /// Who says so.
    pub source: String,
    /// How sure that is.
    pub mark: Mark,
}

/// All prices.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    units: BTreeMap<String, String>,
    rows: BTreeMap<String, BTreeMap<String, Price>>,
}

impl Prices {
    /// The prices that are part of the program.
    ///
    /// # Errors
    /// As [`Prices::read`].
    pub fn shipped() -> Result<Prices, DataError> {
        Prices::read(DATA)
    }

    /// Reads prices.
    ///
    /// # Errors
    /// The first row that cannot be read, has no date or no source, is given twice, or prices something that has no
    /// unit; an item that nothing prices.
    pub fn read(text: &str) -> Result<Prices, DataError> {
        let unreadable =
            |cause: toml::de::Error| DataError::Unreadable { file: FILE, cause: cause.to_string() };
        let file: PriceFile = toml::from_str(text).map_err(unreadable)?;
        let mut prices = Prices { units: file.unit, rows: BTreeMap::new() };
        for source in &file.source {
            let first = source.usd.keys().next().map_or("a source without prices", String::as_str);
            check_row(FILE, first, &source.dated, &source.what)?;
            for (row, usd) in &source.usd {
                prices.add(row, *usd, source)?;
            }
        }
        let priced: BTreeSet<&String> = prices.rows.keys().collect();
        match prices.units.keys().find(|item| !priced.contains(item)) {
            Some(item) => Err(wrong(item, "has no price anywhere")),
            None => Ok(prices),
        }
    }

    fn add(&mut self, row: &str, usd: f64, source: &SourceRow) -> Result<(), DataError> {
        let (item, region) = row.split_once('/').ok_or_else(|| wrong(row, "should be item/region"))?;
        if !self.units.contains_key(item) {
            return Err(wrong(row, "has no unit"));
        }
        if !(usd > 0.0 && usd.is_finite()) {
            return Err(wrong(row, "is not above 0"));
        }
        let (dated, source, mark) = (source.dated.clone(), source.what.clone(), source.mark);
        let price = Price { usd, dated, source, mark };
        match self.rows.entry(item.to_owned()).or_default().insert(region.to_owned(), price) {
            None => Ok(()),
            Some(_) => Err(wrong(row, "is given twice")),
        }
    }

    /// What an item costs in a region. Where nothing is known, the dearest price of another one, which says so. `None`
    /// for an item that does not exist.
    pub fn of(&self, item: &str, region: &str) -> Option<Price> {
        let rows = self.rows.get(item)?;
        if let Some(price) = rows.get(region).or_else(|| rows.get(EVERYWHERE)) {
            return Some(price.clone());
        }
        let (dearest, price) = rows.iter().max_by(|(_, a), (_, b)| a.usd.total_cmp(&b.usd))?;
        let source = format!("as in {dearest}, the dearest that is known: {}", price.source);
        Some(Price { source, mark: Mark::Assumption, ..price.clone() })
    }

    /// The unit that an item is priced by.
    pub fn unit(&self, item: &str) -> &str {
        self.units.get(item).map_or("", String::as_str)
    }
}

const FILE: &str = "simulator/data/prices.toml";

fn wrong(row: &str, what: &str) -> DataError {
    DataError::Row { file: FILE, row: row.to_owned(), what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "[unit]\n\"x\" = \"piece\"\n[[source]]\nwhat = \"list\"\ndated = \"2026-09-11\"\nmark = \"price-list\"\n\
                       [source.usd]\n\"x/a\" = 2.0\n";

    fn refused(text: &str) -> String {
        Prices::read(text).expect_err("refused").to_string()
    }

    #[test]
    fn every_price_that_is_shipped_has_a_date_and_a_source() {
        let prices = Prices::shipped().expect("the data file");
        for (item, rows) in &prices.rows {
            for (region, price) in rows {
                assert_eq!(price.dated.len(), 10, "{item}/{region}");
                assert!(!price.source.is_empty() && price.usd > 0.0, "{item}/{region}");
            }
        }
        assert_eq!(prices.of("dynamodb.write", "us-east-1").expect("priced").usd, 0.625);
        assert_eq!(prices.unit("dynamodb.write"), "million write units");
    }

    #[test]
    fn a_price_without_date_source_or_unit_is_refused() {
        Prices::read(ROW).expect("complete");
        let no_date = refused(&ROW.replace("dated = \"2026-09-11\"\n", ""));
        assert_eq!(no_date, "simulator/data/prices.toml: x/a: `dated` is no date such as 2026-11-27");
        assert!(refused(&ROW.replace("2026-09-11", "last year.")).contains("is no date"));
        assert!(refused(&ROW.replace("what = \"list\"\n", "")).ends_with("x/a: has no source"));
        assert!(refused(&ROW.replace("\"x\" =", "\"y\" =")).ends_with("x/a: has no unit"));
        assert!(refused(&ROW.replace("2.0", "0.0")).ends_with("x/a: is not above 0"));
        assert!(refused(&format!("{ROW}\"x/a\" = 3.0\n")).contains("duplicate key"));
        assert!(
            refused(&ROW.replace("[[source]]", "\"z\" = \"piece\"\n[[source]]")).contains("z: has no price")
        );
    }

    #[test]
    fn a_region_without_a_price_pays_the_dearest_and_says_so() {
        let prices = Prices::read(&format!("{ROW}\"x/b\" = 3.0\n")).expect("complete");
        let price = prices.of("x", "c").expect("priced");
        assert_eq!((price.usd, price.mark), (3.0, Mark::Assumption));
        assert!(price.source.starts_with("as in b, the dearest that is known"), "{}", price.source);
        assert_eq!(prices.of("y", "a"), None);
    }
}
