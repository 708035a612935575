//! Schemas, compiled to be read often.

use boon::{Compiler, ErrorKind, SchemaIndex, Schemas, ValidationError};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// Where an event breaks its schema. It says nothing of what stands there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// A JSON pointer into the detail.
    pub path: String,
    /// The broken rule.
    pub rule: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "detail{}: {}", self.path, self.rule)
    }
}

/// The compiled schemas of some detail types.
pub struct Validators {
    schemas: Schemas,
    by_type: BTreeMap<String, SchemaIndex>,
}

impl Validators {
    /// Compiles schemas, given by detail type. One that is no schema is left out: then its events have none.
    pub fn new<'d>(documents: impl IntoIterator<Item = (&'d str, Value)>) -> Self {
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        compiler.enable_format_assertions();
        let mut by_type = BTreeMap::new();
        for (detail_type, document) in documents {
            let id = document["$id"].as_str().unwrap_or(detail_type).to_owned();
            if compiler.add_resource(&id, document).is_ok()
                && let Ok(index) = compiler.compile(&id, &mut schemas)
            {
                by_type.insert(detail_type.to_owned(), index);
            }
        }
        Validators { schemas, by_type }
    }

    /// Whether a detail is what its type's schema says.
    ///
    /// # Errors
    /// With the first place where it is not, or when the type has no schema.
    pub fn check(&self, detail_type: &str, detail: &Value) -> Result<(), Fault> {
        let Some(index) = self.by_type.get(detail_type) else {
            return Err(Fault { path: String::new(), rule: "its type has no schema".into() });
        };
        self.schemas.validate(detail, *index).map_err(|error| fault(&error))
    }

    /// The detail types that have a schema.
    pub fn detail_types(&self) -> impl Iterator<Item = &str> {
        self.by_type.keys().map(String::as_str)
    }
}

/// The innermost of a fault's causes: the outer ones only say that something inside is wrong.
fn fault(error: &ValidationError<'_, '_>) -> Fault {
    match error.causes.first() {
        Some(cause) => fault(cause),
        None => Fault { path: error.instance_location.to_string(), rule: rule(&error.kind) },
    }
}

/// The rule in words of the schema alone: an event's content belongs in no log.
fn rule(kind: &ErrorKind<'_, '_>) -> String {
    match kind {
        ErrorKind::Required { want } => format!("lacks {}", want.join(", ")),
        ErrorKind::Type { want, .. } => {
            let types: Vec<_> = want.iter().map(|kind| kind.to_string()).collect();
            format!("is not of type {}", types.join(" or "))
        }
        ErrorKind::Format { want, .. } => format!("is not a {want}"),
        ErrorKind::Pattern { want, .. } => format!("does not match {want}"),
        ErrorKind::Const { want } => format!("is not {want}"),
        ErrorKind::Enum { .. } => "is none of the words for it".into(),
        ErrorKind::Minimum { want, .. } => format!("is less than {want}"),
        ErrorKind::AdditionalProperties { .. } => "has a field that is not known".into(),
        _ => "breaks its schema".into(),
    }
}
