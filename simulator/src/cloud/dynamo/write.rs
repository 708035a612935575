//! Writes: from a request over the plan of what it does to the change itself.
//!
//! A plan is made for every action of a call before the first is carried out, so nothing is ever taken back.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Dynamo;
use super::capacity::{Detail, Ledger};
use super::error::{Error, Result, constraint, invalid, missing};
use super::expression::{Attributes, Bound, Condition, Update, fragment};
use super::json::{Object, Pairs, Text, write_item};
use super::key::KeyBytes;
use super::operations::{Answer, Request, named, refuse_legacy};
use super::record::Record;
use super::size::ITEM_BYTES_MAX;
use super::store::Store;
use super::table::Table;
use super::value::{DEPTH_MAX, Item, Value};

/// A request to write one item, or one action of a transaction: their members are the same.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct WriteRequest<'a> {
    pub(super) table_name: Option<Text<'a>>,
    pub(super) item: Option<Item>,
    pub(super) key: Option<Item>,
    update_expression: Option<Text<'a>>,
    condition_expression: Option<Text<'a>>,
    expression_attribute_names: Option<Pairs<'a, Text<'a>>>,
    expression_attribute_values: Option<Pairs<'a, Value>>,
    return_values: Option<Text<'a>>,
    return_values_on_condition_check_failure: Option<Text<'a>>,
    return_consumed_capacity: Option<Text<'a>>,
    return_item_collection_metrics: Option<Text<'a>>,
    expected: Option<IgnoredAny>,
    conditional_operator: Option<IgnoredAny>,
    attribute_updates: Option<IgnoredAny>,
}

/// What is done to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Put,
    Update,
    Delete,
    /// Only its condition is looked at.
    Check,
}

/// A request that makes sense by itself.
pub(super) struct Prepared<'d, 'r> {
    pub(super) table: &'d Table,
    action: Action,
    /// The whole item of a put, the key of the others.
    subject: Arc<Record>,
    update: Option<Bound<'r, Update>>,
    condition: Option<Bound<'r, Condition>>,
    /// Whether the caller wants the item that a failed condition met.
    show_met: bool,
}

/// A write that nothing stands against.
pub(super) struct Planned<'d> {
    pub(super) table: &'d Table,
    pub(super) key: KeyBytes,
    pub(super) old: Option<Arc<Record>>,
    pub(super) effect: Effect,
}

/// What becomes of an item.
pub(super) enum Effect {
    Put(Arc<Record>),
    Delete,
    Nothing,
}

/// Which attributes an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    AllOld,
    AllNew,
    UpdatedOld,
    UpdatedNew,
}

impl Shown {
    fn parse(text: Option<&str>, action: Action) -> Result<Self> {
        let shown = match text {
            None | Some("NONE") => Shown::Nothing,
            Some("ALL_OLD") => Shown::AllOld,
            Some("ALL_NEW") => Shown::AllNew,
            Some("UPDATED_OLD") => Shown::UpdatedOld,
            Some("UPDATED_NEW") => Shown::UpdatedNew,
            other => {
                let set =
                    "Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]";
                return Err(constraint(other, "returnValues", set));
            }
        };
        if action == Action::Update || matches!(shown, Shown::Nothing | Shown::AllOld) {
            return Ok(shown);
        }
        Err(invalid("Return values set to invalid value"))
    }
}

impl Request for WriteRequest<'_> {
    fn tables(&self) -> Result<Vec<&str>> {
        Ok(vec![named(self.table_name.as_deref())?])
    }
}

impl WriteRequest<'_> {
    fn check_members(&self) -> Result<()> {
        let legacy = [
            ("Expected", &self.expected),
            ("ConditionalOperator", &self.conditional_operator),
            ("AttributeUpdates", &self.attribute_updates),
        ];
        refuse_legacy(&legacy)?;
        match self.return_item_collection_metrics.as_deref() {
            None | Some("NONE" | "SIZE") => {}
            other => {
                let set = "Member must satisfy enum value set: [SIZE, NONE]";
                return Err(constraint(other, "returnItemCollectionMetrics", set));
            }
        }
        Ok(())
    }

    /// Makes it an action of a transaction, which must do something, and in which names and values without an
    /// expression are passed over.
    pub(super) fn enlist(&mut self, action: Action) -> Result<()> {
        match (action, &self.update_expression, &self.condition_expression) {
            (Action::Update, None, _) => return Err(missing("updateExpression")),
            (Action::Check, _, None) => return Err(missing("conditionExpression")),
            (Action::Put | Action::Delete, _, None) => {
                self.expression_attribute_names = None;
                self.expression_attribute_values = None;
            }
            _ => {}
        }
        Ok(())
    }

    fn shows_met(&self) -> Result<bool> {
        match self.return_values_on_condition_check_failure.as_deref() {
            None | Some("NONE") => Ok(false),
            Some("ALL_OLD") => Ok(true),
            other => Err(constraint(
                other,
                "returnValuesOnConditionCheckFailure",
                "Member must satisfy enum value set: [ALL_OLD, NONE]",
            )),
        }
    }
}

/// An item or a key as it stands in a request, if it could be stored.
pub(super) fn storable(item: Item) -> Result<Arc<Record>> {
    if item.depth() > DEPTH_MAX {
        return Err(invalid("Nesting Levels have exceeded supported limits"));
    }
    let record = Record::new(item);
    if record.bytes() > ITEM_BYTES_MAX {
        return Err(invalid("Item size has exceeded the maximum allowed size"));
    }
    Ok(record)
}

impl Dynamo {
    /// Checks a request as far as it can be without looking at the item.
    pub(super) fn prepare<'d, 'r>(
        &'d self,
        action: Action,
        request: &'r mut WriteRequest<'_>,
    ) -> Result<Prepared<'d, 'r>> {
        request.check_members()?;
        let subject = match action {
            Action::Put => request.item.take().ok_or_else(|| missing("item"))?,
            _ => request.key.take().ok_or_else(|| missing("key"))?,
        };
        let subject = storable(subject)?;
        let request: &'r WriteRequest<'_> = request;
        let names = request.expression_attribute_names.as_ref();
        let mut attributes = Attributes::new(names, request.expression_attribute_values.as_ref())?;
        let update = match &request.update_expression {
            Some(text) if action == Action::Update => Some(attributes.bind(self.expressions.update(text)?)?),
            _ => None,
        };
        let condition = request.condition_expression.as_ref();
        let condition =
            condition.map(|text| attributes.bind(self.expressions.condition(text)?)).transpose()?;
        attributes.all_used()?;
        let show_met = request.shows_met()?;
        let table = self.table(request.table_name.as_deref())?;
        Ok(Prepared { table, action, subject, update, condition, show_met })
    }

    /// Carries out what was planned, in order.
    pub(super) fn commit<'d>(
        &self,
        store: &mut Store,
        plans: impl IntoIterator<Item = Planned<'d>>,
        factor: f64,
    ) -> Ledger<'d> {
        let mut ledger = Ledger::default();
        let mut logged = Vec::new();
        for plan in plans {
            let table = plan.table;
            let cost = self.carry_out(store, plan, &mut logged);
            ledger.add_write(table, cost, factor);
        }
        if !logged.is_empty() {
            self.log.append(logged);
        }
        ledger
    }

    pub(super) fn put_item<'d>(&'d self, request: WriteRequest<'_>) -> Result<Answer<'d>> {
        self.write_one(Action::Put, request)
    }

    pub(super) fn update_item<'d>(&'d self, request: WriteRequest<'_>) -> Result<Answer<'d>> {
        self.write_one(Action::Update, request)
    }

    pub(super) fn delete_item<'d>(&'d self, request: WriteRequest<'_>) -> Result<Answer<'d>> {
        self.write_one(Action::Delete, request)
    }

    fn write_one<'d>(&'d self, action: Action, mut request: WriteRequest<'_>) -> Result<Answer<'d>> {
        let shown = Shown::parse(request.return_values.as_deref(), action)?;
        let detail = Detail::parse(request.return_consumed_capacity.as_deref())?;
        let prepared = self.prepare(action, &mut request)?;
        let key = prepared.key()?;
        let mut store = self.store();
        let plan = prepared.plan(&store, key)?;
        let (old, new) = (plan.old.clone(), plan.effect.record().cloned());
        let ledger = self.commit(&mut store, [plan], 1.0);
        drop(store);
        let mut body = String::new();
        let mut answer = Object::new(&mut body);
        prepared.show(shown, old.as_deref(), new.as_deref(), &mut answer);
        ledger.tell_one(&mut answer, detail);
        answer.end();
        Ok(Answer { body, ledger })
    }
}

impl Prepared<'_, '_> {
    /// The key of the item.
    pub(super) fn key(&self) -> Result<KeyBytes> {
        match self.action {
            Action::Put => self.table.schema.of_item(self.subject.item()),
            _ => self.table.schema.of_key(self.subject.item()),
        }
    }
}

impl<'d> Prepared<'d, '_> {
    /// What the write would do to the item as it is.
    pub(super) fn plan(&self, store: &Store, key: KeyBytes) -> Result<Planned<'d>> {
        static NOTHING: std::sync::LazyLock<Item> = std::sync::LazyLock::new(Item::default);
        let old = store.get(self.table, &key);
        if self.action == Action::Put {
            self.table.check_index_keys(self.subject.item(), None)?;
        }
        let item = old.map_or(&*NOTHING, |old| old.item());
        if self.condition.as_ref().is_some_and(|condition| !condition.root().holds(item, condition.scope())) {
            return Err(Error::ConditionFailed(old.filter(|_| self.show_met).cloned()));
        }
        let effect = match self.action {
            Action::Put => Effect::Put(self.subject.clone()),
            Action::Update => Effect::Put(self.updated(old.map(|old| old.item()))?),
            Action::Delete => Effect::Delete,
            Action::Check => Effect::Nothing,
        };
        Ok(Planned { table: self.table, key, old: old.cloned(), effect })
    }

    /// The item as an update leaves it, made of its key where it was not there.
    fn updated(&self, old: Option<&Item>) -> Result<Arc<Record>> {
        let before = old.unwrap_or_else(|| self.subject.item());
        let Some(update) = &self.update else { return Ok(Record::new(before.clone())) };
        let schema = &self.table.schema;
        if let Some(name) = update.root().attributes(update.scope()).find(|name| schema.has(name)) {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Cannot update attribute {name}. This attribute is part of the key"
            )));
        }
        let after = update.root().apply(before, update.scope()).map_err(invalid)?;
        if after.depth() > DEPTH_MAX {
            return Err(invalid("Nesting Levels have exceeded supported limits"));
        }
        self.table.check_index_keys(&after, Some(before))?;
        let record = Record::new(after);
        if record.bytes() > ITEM_BYTES_MAX {
            return Err(invalid("Item size to update has exceeded the maximum allowed size"));
        }
        Ok(record)
    }

    fn show(&self, shown: Shown, old: Option<&Record>, new: Option<&Record>, answer: &mut Object<'_>) {
        let record = match shown {
            Shown::Nothing => None,
            Shown::AllOld | Shown::UpdatedOld => old,
            Shown::AllNew | Shown::UpdatedNew => new,
        };
        let Some(record) = record else { return };
        if matches!(shown, Shown::AllOld | Shown::AllNew) {
            answer.field("Attributes").push_str(record.json());
            return;
        }
        let Some(update) = &self.update else { return };
        let part = fragment(record.item(), update.root().targets(update.scope()));
        if !part.is_empty() {
            write_item(answer.field("Attributes"), &part);
        }
    }
}

impl Effect {
    fn record(&self) -> Option<&Arc<Record>> {
        match self {
            Effect::Put(record) => Some(record),
            Effect::Delete | Effect::Nothing => None,
        }
    }
}
