//! The operations that are emulated, metered on the way.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Dynamo;
use super::capacity::Ledger;
use super::error::{Error, Result, invalid, missing};
use super::table::Table;

/// Where calls on tables that do not exist are counted.
const NO_SUCH_TABLE: &str = "(no such table)";

/// What a metered call answers.
pub(super) struct Answer<'d> {
    pub(super) body: String,
    pub(super) ledger: Ledger<'d>,
}

/// A metered request.
pub(super) trait Request {
    /// The tables it touches, as it names them, once for each item.
    ///
    /// # Errors
    /// It does not say which.
    fn tables(&self) -> Result<Vec<&str>>;
}

/// Which units a call consumes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Units {
    Read,
    Write,
}

impl Dynamo {
    /// `None` if the operation is not emulated.
    pub(super) fn dispatch(&self, operation: &str, body: &str) -> Option<Result<String>> {
        use Units::{Read, Write};
        Some(match operation {
            "GetItem" => self.metered(operation, body, Read, Dynamo::get_item),
            "Query" => self.metered(operation, body, Read, Dynamo::query),
            "Scan" => self.metered(operation, body, Read, Dynamo::scan),
            "BatchGetItem" => self.metered(operation, body, Read, Dynamo::batch_get_item),
            "TransactGetItems" => self.metered(operation, body, Read, Dynamo::transact_get_items),
            "PutItem" => self.metered(operation, body, Write, Dynamo::put_item),
            "UpdateItem" => self.metered(operation, body, Write, Dynamo::update_item),
            "DeleteItem" => self.metered(operation, body, Write, Dynamo::delete_item),
            "BatchWriteItem" => self.metered(operation, body, Write, Dynamo::batch_write_item),
            "TransactWriteItems" => self.metered(operation, body, Write, Dynamo::transact_write_items),
            "ListTables" => described(body, |request| self.list_tables(request)),
            "DescribeTable" => described(body, |request| self.describe_table(request)),
            "ListStreams" => described(body, |request| self.list_streams(request)),
            "DescribeStream" => described(body, |request| self.describe_stream(request)),
            "GetShardIterator" => described(body, |request| self.get_shard_iterator(request)),
            "GetRecords" => described(body, |request| self.get_records(request)),
            _ => return None,
        })
    }

    fn metered<'d, 'b, Q: Request + Deserialize<'b>>(
        &'d self,
        operation: &str,
        body: &'b str,
        units: Units,
        execute: fn(&'d Dynamo, Q) -> Result<Answer<'d>>,
    ) -> Result<String> {
        let request: Q = serde_json::from_str(body)?;
        let mut touched: Vec<&str> = request.tables()?.into_iter().map(|name| self.logical(name)).collect();
        // A batch names its tables in no order; what is counted where must not depend on it.
        touched.sort_unstable();
        let result = execute(self, request);
        if let Ok(answer) = &result {
            for consumed in answer.ledger.entries() {
                self.meter.table(&consumed.table.logical, operation, |usage| match units {
                    Units::Read => usage.read_units += consumed.total(),
                    Units::Write => usage.write_units += consumed.total(),
                });
            }
        }
        let outcome = result.map(|answer| answer.body);
        self.count(operation, &touched, body, &outcome);
        outcome
    }

    /// Counts a call at the first table it touches, and what a failed condition costs: AWS bills the write that
    /// did not happen. It is counted as the least a write can cost.
    fn count(&self, operation: &str, touched: &[&str], body: &str, outcome: &Result<String>) {
        let first = touched.first().copied().unwrap_or(NO_SUCH_TABLE);
        self.meter.table(first, operation, |usage| {
            usage.calls += 1;
            usage.bytes_in += body.len() as u64;
            match outcome {
                Ok(answer) => usage.bytes_out += answer.len() as u64,
                Err(_) => usage.failed += 1,
            }
        });
        let units = match outcome {
            Err(Error::ConditionFailed(_)) => 1.0,
            Err(Error::Cancelled(_)) if operation == "TransactWriteItems" => 2.0,
            _ => return,
        };
        for table in touched {
            self.meter.table(table, operation, |usage| usage.write_units += units);
        }
    }

    pub(super) fn logical(&self, name: &str) -> &str {
        self.tables.get(physical(name)).map_or(NO_SUCH_TABLE, |table| &table.logical)
    }

    /// The table that a request names.
    pub(super) fn table(&self, name: Option<&str>) -> Result<&Table> {
        let name = named(name)?;
        self.tables.get(physical(name)).ok_or_else(|| no_such_table(name))
    }
}

/// The table's name in a request, which must have one.
pub(super) fn named(name: Option<&str>) -> Result<&str> {
    name.ok_or_else(|| missing("tableName"))
}

fn no_such_table(name: &str) -> Error {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/".contains(&byte);
    if (3..=1024).contains(&name.len()) && name.bytes().all(allowed) {
        return Error::NotFound("Requested resource not found".to_owned());
    }
    super::error::constraint(
        Some(name),
        "tableName",
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+ and have length from 3 to 255",
    )
}

/// A name or an ARN, as a name.
fn physical(name: &str) -> &str {
    name.rsplit_once(":table/").map_or(name, |(_, name)| name)
}

fn described<'b, Q: Deserialize<'b>>(
    body: &'b str,
    answer: impl FnOnce(Q) -> Result<String>,
) -> Result<String> {
    answer(serde_json::from_str(body)?)
}

/// Refuses parameters from before there were expressions.
pub(super) fn refuse_legacy(parameters: &[(&str, &Option<IgnoredAny>)]) -> Result<()> {
    match parameters.iter().find(|(_, value)| value.is_some()) {
        Some((name, _)) => {
            Err(invalid(format!("The legacy parameter {name} is not emulated; use an expression")))
        }
        None => Ok(()),
    }
}
