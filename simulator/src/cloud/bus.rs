//! EventBridge: one bus, a rule for each consumer, a queue behind each rule.
//!
//! A rule and its queue live in one process here, so a delivery that was accepted cannot fail by itself; what
//! EventBridge's retries would show to a consumer (twice, late, out of order, never) is a fault of the door.

mod envelope;
mod pattern;
mod tap;

use std::sync::{Arc, Mutex};

use contracts::resources;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dice::Dice;
use super::faults::Faults;
use super::queues::{Queue, Queues};
use super::reply::{Refusal, Reply};
use super::usage::{Meter, counter};
use super::{Clock, CloudConfig, lock};
use envelope::{Entry, Home};
use pattern::Pattern;
use tap::Tap;

/// PutEvents takes this many entries at most.
const ENTRIES_MAX: usize = 10;
/// And this many bytes over all of them.
const REQUEST_BYTES_MAX: usize = 256 * 1024;

pub(super) struct Bus {
    name: String,
    home: Home,
    rules: Vec<Rule>,
    dice: Arc<Dice>,
    clock: Clock,
    tap: Mutex<Tap>,
}

struct Rule {
    name: String,
    pattern: Pattern,
    target: Arc<Queue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents {
    entries: Vec<Entry>,
}

/// What an upstream answered.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Heard {
    entries: Vec<HeardEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HeardEntry {
    event_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutEventsAnswer {
    failed_entry_count: usize,
    entries: Vec<EntryAnswer>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EntryAnswer {
    #[serde(rename_all = "PascalCase")]
    Accepted { event_id: String },
    #[serde(rename_all = "PascalCase")]
    Refused { error_code: &'static str, error_message: String },
}

impl Bus {
    pub(super) fn create(config: &CloudConfig, queues: &Queues, dice: Arc<Dice>) -> anyhow::Result<Self> {
        let rule = |subscription: &resources::Subscription| {
            let queue = resources::queue_name(&config.env, subscription.consumer);
            Ok(Rule {
                name: format!("{}-{}", resources::bus_name(&config.env), subscription.consumer),
                pattern: Pattern::of(subscription)?,
                target: queues.named(&queue).expect("each subscription has a queue").clone(),
            })
        };
        Ok(Bus {
            name: resources::bus_name(&config.env),
            home: Home { region: config.region.clone(), account: config.account.clone() },
            rules: config.subscriptions.iter().map(rule).collect::<anyhow::Result<_>>()?,
            dice,
            clock: config.clock.clone(),
            tap: Mutex::default(),
        })
    }

    pub(super) fn tap(&self) -> Vec<Value> {
        lock(&self.tap).events()
    }

    /// The rules: name, pattern, and the name of the queue that each feeds.
    pub(super) fn rules(&self) -> Vec<(String, String, String)> {
        let rule = |rule: &Rule| (rule.name.clone(), rule.pattern.text(), rule.target.name.clone());
        self.rules.iter().map(rule).collect()
    }

    /// Takes note of events that an upstream took. Deliveries are counted as its rules, which are these, demand them.
    pub(super) fn heard(&self, request: &str, answer: &str, meter: &Meter) {
        let (Ok(request), Ok(answer)) =
            (serde_json::from_str::<PutEvents>(request), serde_json::from_str::<Heard>(answer))
        else {
            return;
        };
        let now_ms = (self.clock)();
        let ids: Vec<_> = answer.entries.into_iter().map(|entry| entry.event_id).collect();
        let rejected = ids.iter().filter(|id| id.is_none()).count() as u64;
        meter.events(|usage| {
            usage.calls += 1;
            usage.rejected += rejected;
            usage.accepted += ids.len() as u64 - rejected;
        });
        let taken = request.entries.into_iter().zip(ids).filter_map(|(entry, id)| Some((entry, id?)));
        for event in taken.filter_map(|(entry, id)| entry.into_event(&id, &self.home, now_ms).ok()) {
            let wanted = self.rules.iter().filter(|rule| rule.pattern.matches(&event));
            let wanted: Vec<&str> = wanted.map(|rule| rule.target.name.as_str()).collect();
            let dropped = lock(&self.tap).note(event.to_string().into());
            meter.events(|usage| {
                usage.unmatched += u64::from(wanted.is_empty());
                usage.tap_dropped += dropped;
                wanted.iter().for_each(|queue| *counter(&mut usage.deliveries, queue) += 1);
            });
        }
    }

    /// Answers one operation; `None` if it is not emulated.
    pub(super) fn call(&self, operation: &str, body: &str, faults: &Faults, meter: &Meter) -> Option<Reply> {
        let result = match operation {
            "PutEvents" => self.put_events(body, faults, meter),
            "ListRules" => self.list_rules(body),
            "DescribeEventBus" => self.describe(body),
            _ => return None,
        };
        Some(result.into())
    }

    fn put_events(&self, body: &str, faults: &Faults, meter: &Meter) -> Result<String, Refusal> {
        let request: PutEvents = serde_json::from_str(body).map_err(|error| Refusal::malformed(&error))?;
        if !(1..=ENTRIES_MAX).contains(&request.entries.len()) {
            return Err(invalid(format!(
                "{} entries; 1 to {ENTRIES_MAX} are allowed",
                request.entries.len()
            )));
        }
        let bytes: usize = request.entries.iter().map(Entry::billed_bytes).sum();
        if bytes > REQUEST_BYTES_MAX {
            return Err(invalid(format!(
                "Total size of the entries in the request is over the limit: {bytes}"
            )));
        }
        let entries: Vec<EntryAnswer> =
            request.entries.into_iter().map(|entry| self.put_event(entry, faults, meter)).collect();
        let failed = entries.iter().filter(|entry| matches!(entry, EntryAnswer::Refused { .. })).count();
        meter.events(|usage| {
            usage.calls += 1;
            usage.rejected += failed as u64;
            usage.accepted += (entries.len() - failed) as u64;
        });
        answer(&PutEventsAnswer { failed_entry_count: failed, entries })
    }

    fn put_event(&self, entry: Entry, faults: &Faults, meter: &Meter) -> EntryAnswer {
        match self.publish(entry, faults, meter) {
            Ok(event_id) => EntryAnswer::Accepted { event_id },
            Err(refusal) => EntryAnswer::Refused { error_code: refusal.code, error_message: refusal.message },
        }
    }

    fn publish(&self, entry: Entry, faults: &Faults, meter: &Meter) -> Result<String, Refusal> {
        self.check_bus(entry.event_bus_name.as_deref())?;
        let now_ms = (self.clock)();
        let id = self.dice.uuid().to_string();
        let event = entry.into_event(&id, &self.home, now_ms)?;
        let wanted: Vec<&Rule> = self.rules.iter().filter(|rule| rule.pattern.matches(&event)).collect();
        if let Some(full) = wanted.iter().find(|rule| rule.target.is_full()) {
            return Err(Refusal::new("ThrottlingException", format!("{} is full", full.target.name)));
        }
        let body: Arc<str> = event.to_string().into();
        for rule in &wanted {
            self.deliver(rule, &body, faults, meter);
        }
        let dropped = lock(&self.tap).note(body);
        meter.events(|usage| {
            usage.unmatched += u64::from(wanted.is_empty());
            usage.tap_dropped += dropped;
        });
        Ok(id)
    }

    fn deliver(&self, rule: &Rule, body: &Arc<str>, faults: &Faults, meter: &Meter) {
        let fate = faults.fate(&self.dice);
        for held_ms in &fate.copies_held_ms {
            rule.target.send(body.clone(), *held_ms);
        }
        meter.events(|usage| {
            let copies = fate.copies_held_ms.len() as u64;
            usage.lost += u64::from(copies == 0);
            usage.duplicated += copies.saturating_sub(1);
            usage.delayed += u64::from(fate.delayed);
            usage.reordered += u64::from(fate.reordered);
            *counter(&mut usage.deliveries, &rule.target.name) += copies;
        });
    }

    /// Refuses a bus that is not this one, the default bus included: nothing would listen there.
    fn check_bus(&self, name: Option<&str>) -> Result<(), Refusal> {
        let name = name.unwrap_or("default");
        // A name or an ARN.
        if name.rsplit('/').next() == Some(&self.name) {
            return Ok(());
        }
        Err(Refusal::new("ResourceNotFoundException", format!("Event bus {name} does not exist.")))
    }

    fn list_rules(&self, body: &str) -> Result<String, Refusal> {
        self.check_bus(member(body, "EventBusName")?.as_deref())?;
        let rule = |rule: &Rule| {
            json!({ "Name": rule.name, "EventBusName": self.name, "State": "ENABLED",
                "Arn": self.home.arn(&format!("rule/{}/{}", self.name, rule.name)),
                "EventPattern": rule.pattern.text() })
        };
        answer(&json!({ "Rules": self.rules.iter().map(rule).collect::<Vec<_>>() }))
    }

    fn describe(&self, body: &str) -> Result<String, Refusal> {
        self.check_bus(member(body, "Name")?.as_deref())?;
        answer(&json!({ "Name": self.name, "Arn": self.home.arn(&format!("event-bus/{}", self.name)) }))
    }
}

fn member(body: &str, name: &str) -> Result<Option<String>, Refusal> {
    let body: Value = serde_json::from_str(body).map_err(|error| Refusal::malformed(&error))?;
    Ok(body.get(name).and_then(Value::as_str).map(str::to_owned))
}

fn answer(body: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string(body).map_err(|error| Refusal::new("InternalException", error.to_string()))
}

fn invalid(message: String) -> Refusal {
    Refusal::new("ValidationException", message)
}
