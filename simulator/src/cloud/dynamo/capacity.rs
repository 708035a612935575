//! What calls consume, table by table, and how answers tell it.

use std::fmt::Write as _;

use super::error::{Result, constraint};
use super::json::{Object, write_list, write_text};
use super::store::WriteCost;
use super::table::{GLOBAL, LOCAL, Table};

/// How much a caller wants to know of what it consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    Nothing,
    Total,
    Indexes,
}

impl Detail {
    pub(super) fn parse(text: Option<&str>) -> Result<Self> {
        match text {
            None | Some("NONE") => Ok(Detail::Nothing),
            Some("TOTAL") => Ok(Detail::Total),
            Some("INDEXES") => Ok(Detail::Indexes),
            other => Err(constraint(
                other,
                "returnConsumedCapacity",
                "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]",
            )),
        }
    }
}

/// Under which second name transactions tell their units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    None,
    Read,
    Write,
}

/// What was consumed of one table.
#[derive(Debug)]
pub(super) struct Consumed<'t> {
    pub(super) table: &'t Table,
    units: f64,
    /// By the indexes' places.
    indexes: Vec<Option<f64>>,
}

/// What a call consumed.
#[derive(Debug, Default)]
pub(super) struct Ledger<'t>(Vec<Consumed<'t>>);

impl<'t> Ledger<'t> {
    pub(super) fn read(table: &'t Table, units: f64) -> Self {
        Ledger(vec![Consumed { table, units, indexes: Vec::new() }])
    }

    /// Reading an index costs nothing of its table.
    pub(super) fn read_index(table: &'t Table, place: usize, units: f64) -> Self {
        let mut indexes = vec![None; table.indexes.len()];
        indexes[place] = Some(units);
        Ledger(vec![Consumed { table, units: 0.0, indexes }])
    }

    pub(super) fn add_read(&mut self, table: &'t Table, units: f64) {
        self.entry(table).units += units;
    }

    /// Adds a write that costs its table `factor` times as much as a simple one. Indexes cost the same.
    pub(super) fn add_write(&mut self, table: &'t Table, cost: WriteCost, factor: f64) {
        let entry = self.entry(table);
        entry.units += factor * cost.table;
        entry.indexes.resize(cost.indexes.len(), None);
        for (sum, units) in entry.indexes.iter_mut().zip(cost.indexes) {
            if let Some(units) = units {
                *sum = Some(sum.unwrap_or(0.0) + units);
            }
        }
    }

    /// The entry of a table; entries are sorted by the tables' names.
    fn entry(&mut self, table: &'t Table) -> &mut Consumed<'t> {
        let at = match self.0.binary_search_by(|entry| entry.table.name.cmp(&table.name)) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, Consumed { table, units: 0.0, indexes: Vec::new() });
                at
            }
        };
        &mut self.0[at]
    }

    pub(super) fn entries(&self) -> &[Consumed<'t>] {
        &self.0
    }

    /// Tells it in the answer of a call on one table.
    pub(super) fn tell_one(&self, answer: &mut Object<'_>, detail: Detail) {
        if let (Some(consumed), true) = (self.0.first(), detail != Detail::Nothing) {
            consumed.write(answer.field("ConsumedCapacity"), detail, Axis::None);
        }
    }

    /// Tells it in the answer of a call on several tables.
    pub(super) fn tell_all(&self, answer: &mut Object<'_>, detail: Detail, axis: Axis) {
        if detail != Detail::Nothing {
            write_list(answer.field("ConsumedCapacity"), &self.0, |out, consumed| {
                consumed.write(out, detail, axis)
            });
        }
    }
}

impl Consumed<'_> {
    pub(super) fn total(&self) -> f64 {
        self.units + self.indexes.iter().flatten().sum::<f64>()
    }

    fn write(&self, out: &mut String, detail: Detail, axis: Axis) {
        let mut object = Object::new(out);
        write_text(object.field("TableName"), &self.table.name);
        write_units(&mut object, self.total(), axis);
        if detail == Detail::Indexes {
            write_detail(object.field("Table"), self.units, axis);
            for kind in [GLOBAL, LOCAL] {
                self.write_indexes(&mut object, kind, axis);
            }
        }
        object.end();
    }

    /// The indexes of one kind, where some of them took part.
    fn write_indexes(&self, object: &mut Object<'_>, kind: &str, axis: Axis) {
        let all = self.table.indexes.iter().zip(&self.indexes);
        let of_kind = all.filter(|(index, _)| index.kind() == kind);
        let took: Vec<_> = of_kind.filter_map(|(index, units)| Some((index, (*units)?))).collect();
        if took.is_empty() {
            return;
        }
        let mut indexes = Object::new(object.field(kind));
        for (index, units) in took {
            write_detail(indexes.field(index.name), units, axis);
        }
        indexes.end();
    }
}

fn write_detail(out: &mut String, units: f64, axis: Axis) {
    let mut object = Object::new(out);
    write_units(&mut object, units, axis);
    object.end();
}

fn write_units(object: &mut Object<'_>, units: f64, axis: Axis) {
    let second = match axis {
        Axis::None => None,
        Axis::Read => Some("ReadCapacityUnits"),
        Axis::Write => Some("WriteCapacityUnits"),
    };
    for name in std::iter::once("CapacityUnits").chain(second) {
        // Writing to a text cannot fail. The debug form always has a decimal point.
        let _ = write!(object.field(name), "{units:?}");
    }
}
