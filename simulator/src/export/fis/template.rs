//! A request of FIS's `CreateExperimentTemplate`, as far as it is needed here (FIS API reference). What differs by account
//! stands in it as a variable of Terraform's `templatefile`.

use serde::Serialize;
use std::collections::BTreeMap;

/// The variables: `platform` and `environment` are values of the resources' tags.
pub const VARIABLES: [&str; 6] =
    ["role_arn", "alarm_arn", "dashboard_arn", "report_bucket", "platform", "environment"];

/// FIS takes descriptions of so many characters.
const DESCRIPTION_MAX: usize = 512;

/// An experiment template.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// What it is.
    pub description: String,
    /// What the actions act on, by name.
    pub targets: BTreeMap<String, Target>,
    /// What is done, by name.
    pub actions: BTreeMap<String, Action>,
    /// What ends the experiment early.
    pub stop_conditions: Vec<StopCondition>,
    /// The role that FIS takes.
    pub role_arn: String,
    /// The options.
    pub experiment_options: Options,
    /// The report that FIS writes afterwards.
    pub experiment_report_configuration: Report,
    /// The template's own tags.
    pub tags: BTreeMap<String, String>,
}

/// Resources of one type, by their tags.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// FIS's word for the type.
    pub resource_type: &'static str,
    /// All of these tags, so that nothing of anybody else is met.
    pub resource_tags: BTreeMap<&'static str, String>,
    /// How many of them.
    pub selection_mode: &'static str,
}

/// Something that is done to a target.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// FIS's word for it.
    pub action_id: &'static str,
    /// What it stands for.
    pub description: String,
    /// How it is done.
    pub parameters: BTreeMap<&'static str, String>,
    /// The names of the actions that must be over first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub start_after: Vec<String>,
    /// The target's name, under FIS's word for what kind it is.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<&'static str, &'static str>,
}

/// What ends an experiment early.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StopCondition {
    /// What kind.
    pub source: &'static str,
    /// The alarm.
    pub value: String,
}

/// The options of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// Whose resources are met.
    pub account_targeting: &'static str,
    /// What happens where a target is nothing.
    pub empty_target_resolution_mode: &'static str,
}

/// What FIS puts into its report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Where it is put.
    pub outputs: Outputs,
    /// What it shows.
    pub data_sources: DataSources,
    /// How much of the time before is shown, ISO 8601.
    pub pre_experiment_duration: String,
    /// How much of the time after is shown, ISO 8601.
    pub post_experiment_duration: String,
}

/// Where the report is put.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outputs {
    /// A bucket.
    pub s3_configuration: S3,
}

/// Part of a bucket.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct S3 {
    /// The bucket.
    pub bucket_name: String,
    /// What the keys begin with.
    pub prefix: String,
}

/// What the report shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataSources {
    /// One dashboard: FIS takes no more.
    pub cloud_watch_dashboards: Vec<Dashboard>,
}

/// A dashboard of CloudWatch.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dashboard {
    /// Its ARN.
    pub dashboard_identifier: String,
}

/// A time as FIS has it, ISO 8601.
pub(super) fn duration(minutes: u32) -> String {
    format!("PT{minutes}M")
}

/// A variable of the template.
pub(super) fn variable(name: &str) -> String {
    debug_assert!(VARIABLES.contains(&name), "{name}");
    format!("${{{name}}}")
}

/// Text in which nothing is taken for a variable.
pub(super) fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}

/// The same, as long as a description may be.
pub(super) fn description(text: &str) -> String {
    literal(&text.chars().take(DESCRIPTION_MAX).collect::<String>())
}
