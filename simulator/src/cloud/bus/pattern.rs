//! Event patterns: which events a rule wants, in EventBridge's own words.
//!
//! Of EventBridge's pattern language this knows what the platform's rules use: lists of exact values, nested
//! names, and `$or`. Anything else is refused when the rule is made.

use anyhow::bail;
use contracts::resources::{Interest, Subscription};
use serde_json::{Value, json};

/// A rule's pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern(Value);

impl Pattern {
    /// Each source with its own detail types: with one flat pattern, each would get the others' too.
    pub(super) fn of(subscription: &Subscription) -> anyhow::Result<Self> {
        let choices: Vec<Value> = subscription.events.iter().map(choice).collect();
        Pattern::new(json!({ "$or": choices }))
    }

    fn new(pattern: Value) -> anyhow::Result<Self> {
        check(&pattern)?;
        Ok(Pattern(pattern))
    }

    pub(super) fn text(&self) -> String {
        self.0.to_string()
    }

    pub(super) fn matches(&self, event: &Value) -> bool {
        wants(&self.0, event)
    }
}

fn choice(interest: &Interest) -> Value {
    let mut choice = json!({ "source": [interest.source], "detail-type": interest.kinds });
    if let Some(only) = interest.only {
        let values = json!(only.values);
        choice["detail"] = only.path.iter().rev().fold(values, |inner, name| json!({ *name: inner }));
    }
    choice
}

fn check(pattern: &Value) -> anyhow::Result<()> {
    let Some(names) = pattern.as_object().filter(|names| !names.is_empty()) else {
        bail!("an event pattern names at least one field: {pattern}");
    };
    for (name, wanted) in names {
        match wanted {
            Value::Array(choices) if name == "$or" => choices.iter().try_for_each(check)?,
            Value::Array(values) if !values.is_empty() && values.iter().all(is_exact) => {}
            Value::Object(_) => check(wanted)?,
            _ => bail!("this event pattern is not emulated: {name}: {wanted}"),
        }
    }
    Ok(())
}

fn is_exact(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// All names must match; of a list of values, one.
fn wants(pattern: &Value, event: &Value) -> bool {
    let Some(names) = pattern.as_object() else { return false };
    names.iter().all(|(name, wanted)| match wanted {
        Value::Array(choices) if name == "$or" => choices.iter().any(|choice| wants(choice, event)),
        Value::Array(values) => event.get(name).is_some_and(|field| is_one_of(field, values)),
        nested => event.get(name).is_some_and(|field| wants(nested, field)),
    })
}

/// A field that is a list matches with any of its elements.
fn is_one_of(field: &Value, values: &[Value]) -> bool {
    match field {
        Value::Array(fields) => fields.iter().any(|field| values.contains(field)),
        field => values.contains(field),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: Subscription = Subscription {
        consumer: "orders",
        events: &[
            Interest::all("ecommerce.warehouse", &["PackageCreated"]),
            Interest::all("ecommerce.payment", &["PaymentFailed"]),
            Interest::only("ecommerce.orders", &["OrderModified"], &["new", "status"], &["NEW"]),
            Interest::only("ecommerce.orders", &["OrderModified"], &["changed"], &["warehouseId"]),
        ],
    };

    #[test]
    fn a_subscription_gets_its_own_pairs_only() {
        let pattern = Pattern::of(&SUBSCRIPTION).unwrap();
        let modified = |status: &str, changed: &[&str]| {
            json!({ "source": "ecommerce.orders", "detail-type": "OrderModified",
                "detail": { "new": { "status": status }, "changed": changed } })
        };
        assert!(pattern.matches(&modified("NEW", &["version"])));
        assert!(pattern.matches(&modified("PACKAGED", &["version", "warehouseId"])));
        assert!(!pattern.matches(&modified("PACKAGED", &["version"])));
        let event = |source: &str, kind: &str| json!({ "source": source, "detail-type": kind, "detail": {} });
        assert!(pattern.matches(&event("ecommerce.warehouse", "PackageCreated")));
        assert!(pattern.matches(&event("ecommerce.payment", "PaymentFailed")));
        assert!(!pattern.matches(&event("ecommerce.payment", "PackageCreated")));
        assert!(!pattern.matches(&json!({ "source": "ecommerce.payment" })));
    }

    #[test]
    fn nested_names_and_lists_match_as_on_the_bus() {
        let pattern =
            Pattern::new(json!({ "detail": { "changed": ["status"] }, "account": ["1", null] })).unwrap();
        assert!(pattern.matches(&json!({ "detail": { "changed": ["total", "status"] }, "account": null })));
        assert!(!pattern.matches(&json!({ "detail": { "changed": ["total"] }, "account": "1" })));
        assert!(!pattern.matches(&json!({ "detail": { "changed": "status" } })));
    }

    #[test]
    fn what_is_not_emulated_is_refused() {
        for pattern in [json!({}), json!({ "source": [{ "prefix": "e" }] }), json!({ "source": "text" })] {
            assert!(Pattern::new(pattern).is_err());
        }
    }
}
