//! Transactions: every action is planned before the first is carried out.

use serde::Deserialize;

use super::Dynamo;
use super::capacity::{Axis, Detail};
use super::error::{Error, Result, constraint, invalid, missing};
use super::json::{Object, Text};
use super::key::{KeyBytes, all_distinct};
use super::operations::{Answer, Request, named};
use super::write::{Action, Planned, Prepared, WriteRequest};

/// Actions a transaction may have.
pub(super) const ACTIONS_MAX: usize = 100;
/// Transactions cost twice as much as simple calls.
pub(super) const FACTOR: f64 = 2.0;

/// A TransactWriteItems request. Its idempotency token is ignored: the SDK adds one to every transaction by
/// itself, and the services' writes are conditional.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct TransactWrite<'a> {
    transact_items: Option<Vec<TransactItem<'a>>>,
    return_consumed_capacity: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
struct TransactItem<'a> {
    put: Option<WriteRequest<'a>>,
    update: Option<WriteRequest<'a>>,
    delete: Option<WriteRequest<'a>>,
    condition_check: Option<WriteRequest<'a>>,
}

impl<'a> TransactItem<'a> {
    fn request(&self) -> Option<&WriteRequest<'a>> {
        let writes = self.put.as_ref().or(self.update.as_ref()).or(self.delete.as_ref());
        writes.or(self.condition_check.as_ref())
    }

    /// Its one action.
    fn action(&mut self) -> Result<(Action, &mut WriteRequest<'a>)> {
        let members = [
            (Action::Put, &mut self.put),
            (Action::Update, &mut self.update),
            (Action::Delete, &mut self.delete),
            (Action::Check, &mut self.condition_check),
        ];
        let mut given = members.into_iter().filter_map(|(action, request)| Some((action, request.as_mut()?)));
        match (given.next(), given.next()) {
            (Some(action), None) => Ok(action),
            _ => Err(invalid(
                "TransactItems can only contain one of Check, Put, Update or Delete in each of its elements",
            )),
        }
    }
}

impl Request for TransactWrite<'_> {
    fn tables(&self) -> Result<Vec<&str>> {
        let items = self.transact_items.as_ref().ok_or_else(|| missing("transactItems"))?;
        let requests = items.iter().filter_map(TransactItem::request);
        requests.map(|request| named(request.table_name.as_deref())).collect()
    }
}

/// Checks how many actions there are.
pub(super) fn check_count(count: usize) -> Result<()> {
    let limit = match count {
        0 => "greater than or equal to 1",
        1..=ACTIONS_MAX => return Ok(()),
        _ => "less than or equal to 100",
    };
    Err(constraint(Some("[...]"), "transactItems", &format!("Member must have length {limit}")))
}

/// Refuses two operations on one item.
pub(super) fn check_distinct<'k>(targets: impl Iterator<Item = (usize, &'k KeyBytes)>) -> Result<()> {
    if all_distinct(targets) {
        return Ok(());
    }
    Err(invalid("Transaction request cannot include multiple operations on one item"))
}

/// What was prepared, or the fault that is told: a table that is not there only where nothing else is wrong.
pub(super) fn all_prepared<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    let graver = |result: &Result<T>| matches!(result, Err(error) if !matches!(error, Error::NotFound(_)));
    match results.iter().position(graver) {
        Some(at) => results.into_iter().skip(at).take(1).collect(),
        None => results.into_iter().collect(),
    }
}

/// The plans, or why the transaction is cancelled.
fn all_planned<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    if results.iter().all(Result::is_ok) {
        return results.into_iter().collect();
    }
    // An empty key is told of the whole request.
    let mut reasons = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Err(error @ Error::EmptyKey(_)) => return Err(error),
            other => reasons.push(other.err()),
        }
    }
    Err(Error::Cancelled(reasons))
}

impl Dynamo {
    pub(super) fn transact_write_items<'d>(&'d self, request: TransactWrite<'_>) -> Result<Answer<'d>> {
        let detail = Detail::parse(request.return_consumed_capacity.as_deref())?;
        let mut items = request.transact_items.unwrap_or_default();
        check_count(items.len())?;
        let prepared = items.iter_mut().map(|item| {
            let (action, request) = item.action()?;
            request.enlist(action)?;
            self.prepare(action, request)
        });
        let prepared: Vec<Prepared<'d, '_>> = all_prepared(prepared.collect())?;
        let keys: Vec<Result<KeyBytes>> = prepared.iter().map(Prepared::key).collect();
        let targets = prepared.iter().zip(&keys);
        check_distinct(targets.filter_map(|(action, key)| Some((action.table.slot, key.as_ref().ok()?))))?;
        let mut store = self.store();
        let plans = prepared.iter().zip(keys).map(|(action, key)| action.plan(&store, key?));
        let plans: Vec<Planned<'d>> = all_planned(plans.collect())?;
        let ledger = self.commit(&mut store, plans, FACTOR);
        drop(store);
        let mut body = String::new();
        let mut answer = Object::new(&mut body);
        ledger.tell_all(&mut answer, detail, Axis::Write);
        answer.end();
        Ok(Answer { body, ledger })
    }
}
