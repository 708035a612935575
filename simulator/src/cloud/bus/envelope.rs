//! An entry as it is put, and the event as it is delivered.

use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::reply::Refusal;

/// What EventBridge counts for an entry's time.
const TIME_BYTES: usize = 14;

/// Where events come from.
pub(super) struct Home {
    pub(super) region: String,
    pub(super) account: String,
}

impl Home {
    pub(super) fn arn(&self, resource: &str) -> String {
        format!("arn:aws:events:{}:{}:{resource}", self.region, self.account)
    }
}

/// One entry of a PutEvents call.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    pub(super) event_bus_name: Option<String>,
    /// Seconds since the Unix epoch.
    time: Option<f64>,
    #[serde(default)]
    resources: Vec<String>,
}

impl Entry {
    /// The size that counts against the request's limit.
    pub(super) fn billed_bytes(&self) -> usize {
        let text = |field: &Option<String>| field.as_ref().map_or(0, String::len);
        text(&self.source)
            + text(&self.detail_type)
            + text(&self.detail)
            + self.time.map_or(0, |_| TIME_BYTES)
            + self.resources.iter().map(String::len).sum::<usize>()
    }

    pub(super) fn into_event(self, id: &str, home: &Home, now_ms: i64) -> Result<Value, Refusal> {
        let source = required(self.source, "Source")?;
        let detail_type = required(self.detail_type, "DetailType")?;
        let detail = required(self.detail, "Detail")?;
        let detail: Value = serde_json::from_str(&detail)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| Refusal::new("MalformedDetail", "Detail is malformed."))?;
        let seconds = self.time.map_or(now_ms / 1000, |seconds| seconds as i64);
        Ok(json!({
            "version": "0",
            "id": id,
            "detail-type": detail_type,
            "source": source,
            "account": home.account,
            "time": rfc3339(seconds)?,
            "region": home.region,
            "resources": self.resources,
            "detail": detail,
        }))
    }
}

fn required(field: Option<String>, name: &str) -> Result<String, Refusal> {
    field.filter(|text| !text.is_empty()).ok_or_else(|| {
        let reason = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
        Refusal::new("InvalidArgument", reason)
    })
}

fn rfc3339(seconds: i64) -> Result<String, Refusal> {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .ok_or_else(|| Refusal::new("InvalidArgument", "Parameter Time is not valid."))
}
