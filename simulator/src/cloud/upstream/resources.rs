//! What a region needs of its upstream: made when it starts, and taken away when it is lost.

use std::time::Duration;

use anyhow::{Context as _, bail};
use contracts::resources;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use super::link::CallError;
use super::{Region, Upstream};

/// Calls at a time.
const AT_ONCE: usize = 8;
/// A table is made, or gone, within this time; how often that is asked.
const TABLE_LIMIT: Duration = Duration::from_secs(60);
const TABLE_CHECK: Duration = Duration::from_millis(250);
/// How long a received message is hidden, and how often it is received before it is dead: as the embedded queues have it.
const HIDDEN_S: &str = "30";
const RECEIVES_MAX: u32 = 8;

impl Upstream {
    /// Makes tables, queues, bus and rules, in place of what an earlier run left under the same names.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub(in super::super) async fn prepare(&self, region: &Region) -> anyhow::Result<()> {
        self.wipe().await?;
        let tables = region.dynamo.creations().into_iter().map(|creation| self.create_table(creation));
        stream::iter(tables).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        let bus = resources::bus_name(&self.env);
        self.link.call("AWSEvents.CreateEventBus", json!({ "Name": bus })).await?;
        let rules = region.bus.rules().into_iter().map(|(rule, pattern, queue)| {
            let bus = &bus;
            async move {
                let queue = self.create_queue(&queue).await?;
                let rule_body = json!({ "Name": rule, "EventBusName": bus, "EventPattern": pattern });
                self.link.call("AWSEvents.PutRule", rule_body).await?;
                let targets = json!([{ "Id": rule, "Arn": queue }]);
                let body = json!({ "Rule": rule, "EventBusName": bus, "Targets": targets });
                let answer = self.link.call("AWSEvents.PutTargets", body).await?;
                anyhow::ensure!(
                    answer["FailedEntryCount"].as_i64().unwrap_or(0) == 0,
                    "rule {rule} takes no target: {answer}"
                );
                Ok(())
            }
        });
        stream::iter(rules).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// Takes away whatever bears the environment's name in the region, user pools left out: nothing else is there that a
    /// run has made.
    ///
    /// # Errors
    /// When something stays.
    async fn wipe(&self) -> anyhow::Result<()> {
        let prefix = format!("{}-", resources::bus_name(&self.env));
        let tables = self.table_names().await?.into_iter().filter(|table| table.starts_with(&prefix));
        let gone = tables.map(|table| self.delete_table(table));
        stream::iter(gone.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        self.delete_bus(&resources::bus_name(&self.env)).await?;
        let queues = self.link.call("AmazonSQS.ListQueues", json!({ "QueueNamePrefix": prefix })).await?;
        for url in queues["QueueUrls"].as_array().into_iter().flatten() {
            self.unless_absent("AmazonSQS.DeleteQueue", json!({ "QueueUrl": url })).await?;
        }
        Ok(())
    }

    /// Takes away all that the region has there, its user pools too.
    ///
    /// # Errors
    /// When something stays.
    pub async fn lose(&self) -> anyhow::Result<()> {
        self.wipe().await?;
        for pool in &self.link.spec.pools {
            let body = json!({ "UserPoolId": pool.id });
            self.unless_absent("AWSCognitoIdentityProviderService.DeleteUserPool", body).await?;
        }
        Ok(())
    }

    async fn table_names(&self) -> anyhow::Result<Vec<String>> {
        let (mut names, mut from) = (Vec::new(), Value::Null);
        loop {
            let mut body = json!({});
            if !from.is_null() {
                body["ExclusiveStartTableName"] = from;
            }
            let page = self.link.call("DynamoDB_20120810.ListTables", body).await?;
            let more = page["TableNames"].as_array().into_iter().flatten();
            names.extend(more.filter_map(Value::as_str).map(str::to_owned));
            from = page["LastEvaluatedTableName"].clone();
            if from.is_null() {
                return Ok(names);
            }
        }
    }

    /// Deletes a bus with its rules, and these with their targets.
    async fn delete_bus(&self, bus: &str) -> Result<(), CallError> {
        let rules = self.unless_absent("AWSEvents.ListRules", json!({ "EventBusName": bus })).await?;
        for rule in rules["Rules"].as_array().into_iter().flatten() {
            let of_rule = json!({ "Rule": rule["Name"], "EventBusName": bus });
            let targets = self.unless_absent("AWSEvents.ListTargetsByRule", of_rule.clone()).await?;
            let ids: Vec<_> =
                targets["Targets"].as_array().into_iter().flatten().map(|one| &one["Id"]).collect();
            if !ids.is_empty() {
                let mut body = of_rule;
                body["Ids"] = json!(ids);
                self.unless_absent("AWSEvents.RemoveTargets", body).await?;
            }
            let body = json!({ "Name": rule["Name"], "EventBusName": bus });
            self.unless_absent("AWSEvents.DeleteRule", body).await?;
        }
        self.unless_absent("AWSEvents.DeleteEventBus", json!({ "Name": bus })).await?;
        Ok(())
    }

    /// Carries out a call; `null` where what it is about is not there.
    pub(super) async fn unless_absent(&self, target: &str, body: Value) -> Result<Value, CallError> {
        match self.link.call(target, body).await {
            Err(refused) if refused.is_absence() => Ok(Value::Null),
            answer => answer,
        }
    }

    async fn delete_table(&self, table: String) -> anyhow::Result<()> {
        self.unless_absent("DynamoDB_20120810.DeleteTable", json!({ "TableName": table })).await?;
        self.until_table(&table, |status| status.is_none()).await
    }

    async fn create_table(&self, creation: Value) -> anyhow::Result<()> {
        let table = creation["TableName"].as_str().unwrap_or_default().to_owned();
        self.link.call("DynamoDB_20120810.CreateTable", creation).await?;
        self.until_table(&table, |status| status == Some("ACTIVE")).await
    }

    /// Waits until a table is as wanted; `None` is a table that is not there.
    async fn until_table(&self, table: &str, wanted: impl Fn(Option<&str>) -> bool) -> anyhow::Result<()> {
        let ready = async {
            loop {
                let body = json!({ "TableName": table });
                let answer = self.unless_absent("DynamoDB_20120810.DescribeTable", body).await?;
                if wanted(answer["Table"]["TableStatus"].as_str()) {
                    return Ok::<(), CallError>(());
                }
                tokio::time::sleep(TABLE_CHECK).await;
            }
        };
        match tokio::time::timeout(TABLE_LIMIT, ready).await {
            Ok(done) => Ok(done?),
            Err(_) => bail!(
                "table {table} at {} is not ready within {} s",
                self.link.spec.url,
                TABLE_LIMIT.as_secs()
            ),
        }
    }

    /// Makes a queue with its dead letters behind it; gives its ARN.
    async fn create_queue(&self, name: &str) -> anyhow::Result<String> {
        let dead = self.make_queue(&super::queues::dead_letters(name), json!({})).await?;
        let redrive = json!({ "deadLetterTargetArn": dead, "maxReceiveCount": RECEIVES_MAX }).to_string();
        self.make_queue(name, json!({ "VisibilityTimeout": HIDDEN_S, "RedrivePolicy": redrive })).await
    }

    async fn make_queue(&self, name: &str, attributes: Value) -> anyhow::Result<String> {
        let body = json!({ "QueueName": name, "Attributes": attributes });
        let made = self.link.call("AmazonSQS.CreateQueue", body).await?;
        let url = made["QueueUrl"].as_str().with_context(|| format!("queue {name} has no URL"))?;
        let body = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
        let answer = self.link.call("AmazonSQS.GetQueueAttributes", body).await?;
        let arn = answer["Attributes"]["QueueArn"].as_str();
        Ok(arn.with_context(|| format!("queue {name} has no ARN"))?.to_owned())
    }
}
