//! The operations that are emulated, metered on the way.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::request::{Answer, Request};
use super::{Dynamo, wire};

type Outcome = Result<String, DynoxideError>;

/// Where calls on tables that do not exist are counted.
const NO_SUCH_TABLE: &str = "(no such table)";

impl Dynamo {
    /// `None` if the operation is not emulated.
    pub(super) fn dispatch(&self, operation: &str, body: &str) -> Option<Outcome> {
        Some(match operation {
            "GetItem" => self.metered(operation, body, Database::get_item),
            "Query" => self.metered(operation, body, Database::query),
            "Scan" => self.metered(operation, body, Database::scan),
            "BatchGetItem" => self.metered(operation, body, Database::batch_get_item),
            "TransactGetItems" => self.metered(operation, body, Database::transact_get_items),
            "PutItem" => self.metered(operation, body, Database::put_item),
            "UpdateItem" => self.metered(operation, body, Database::update_item),
            "DeleteItem" => self.metered(operation, body, Database::delete_item),
            "BatchWriteItem" => self.metered(operation, body, Database::batch_write_item),
            "TransactWriteItems" => self.metered(operation, body, Database::transact_write_items),
            "ListTables" => self.described(operation, body, Database::list_tables),
            "DescribeTable" => self.described(operation, body, Database::describe_table),
            "ListStreams" => self.described(operation, body, Database::list_streams),
            "DescribeStream" => self.described(operation, body, Database::describe_stream),
            "GetShardIterator" => self.described(operation, body, Database::get_shard_iterator),
            "GetRecords" => self.described(operation, body, Database::get_records),
            _ => return None,
        })
    }

    fn metered<Q: Request, A: Answer>(
        &self,
        operation: &str,
        body: &str,
        execute: fn(&Database, Q) -> dynoxide::Result<A>,
    ) -> Outcome {
        let mut request: Q = wire::read(operation, body)?;
        request.forget_token();
        let keep = matches!(request.capacity().as_deref(), Some("TOTAL" | "INDEXES"));
        if !keep {
            *request.capacity() = Some("TOTAL".to_owned());
        }
        let mut touched: Vec<String> = request.tables().into_iter().map(str::to_owned).collect();
        // A batch names its tables in no order; what is counted where must not depend on it.
        touched.sort_unstable();
        let run = || execute(&self.db, request);
        let result =
            if Q::WRITES { self.capture.around(&self.db, &self.tables, &touched, run) } else { run() };
        let outcome = result.and_then(|mut answer| {
            let consumed = answer.consumed(keep);
            for table in &consumed {
                self.meter.table(self.logical(&table.table_name), operation, |usage| {
                    let units = if Q::WRITES { &mut usage.write_units } else { &mut usage.read_units };
                    *units += table.capacity_units;
                });
            }
            wire::write(&answer)
        });
        self.count(operation, &touched, body, &outcome);
        outcome
    }

    /// Counts a call at the first table it touches, and what a failed condition costs: AWS bills the write that
    /// did not happen. The engine does not say its size, so it is counted as the least a write can cost.
    fn count(&self, operation: &str, touched: &[String], body: &str, outcome: &Outcome) {
        let first = touched.first().map_or(NO_SUCH_TABLE, |table| self.logical(table));
        self.meter.table(first, operation, |usage| {
            usage.calls += 1;
            usage.bytes_in += body.len() as u64;
            match outcome {
                Ok(answer) => usage.bytes_out += answer.len() as u64,
                Err(_) => usage.failed += 1,
            }
        });
        let units = match (operation, outcome) {
            (_, Err(DynoxideError::ConditionalCheckFailedException(..))) => 1.0,
            ("TransactWriteItems", Err(DynoxideError::TransactionCanceledException(..))) => 2.0,
            _ => return,
        };
        for table in touched {
            self.meter.table(self.logical(table), operation, |usage| usage.write_units += units);
        }
    }

    fn logical(&self, table: &str) -> &str {
        self.tables.get(table).map_or(NO_SUCH_TABLE, |table| &table.logical)
    }

    fn described<Q: DeserializeOwned, A: Serialize>(
        &self,
        operation: &str,
        body: &str,
        execute: fn(&Database, Q) -> dynoxide::Result<A>,
    ) -> Outcome {
        let answer = execute(&self.db, wire::read(operation, body)?)?;
        Ok(self.arns.correct(&wire::write(&answer)?))
    }
}
