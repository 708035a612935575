//! Clients of the region's cloud: the AWS SDK, whatever stands behind the endpoint.

use crate::{config::Config, world::World};
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, StalledStreamProtectionConfig, retry::RetryConfig};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_types::timeout::TimeoutConfig;
use std::time::Duration;

/// No call to the cloud takes longer, retries included, but for what it waits on purpose.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
/// One try of a call.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a poll of a queue waits for something to come; the calls' own time comes on top of it. SQS waits for 20 s at
/// the most.
pub const LONG_POLL: Duration = Duration::from_secs(10);

/// Clients of one region's cloud.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Tables.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The bus.
    pub events: aws_sdk_eventbridge::Client,
    /// Queues.
    pub queues: aws_sdk_sqs::Client,
    /// Queues too, for calls that wait up to [`LONG_POLL`] for something to come.
    pub polls: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients for the configured region.
    pub fn new(world: &World, config: &Config) -> Self {
        macro_rules! client {
            ($sdk:ident, $wait:expr) => {{
                let mut builder = $sdk::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(Region::new(config.region.0.clone()))
                    .http_client(world.aws_http())
                    .time_source(world.time_source())
                    .sleep_impl(TokioSleep::new())
                    .timeout_config(timeouts($wait))
                    // For long streams: these calls are short and have a timeout.
                    .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                    .retry_config(RetryConfig::standard().with_max_attempts(3))
                    .retry_partition(retries());
                builder.set_endpoint_url(config.aws_endpoint.clone());
                match world.aws_credentials() {
                    Some(credentials) => drop(builder.set_credentials_provider(Some(credentials))),
                    None => drop(builder.set_allow_no_auth()),
                }
                $sdk::Client::from_conf(builder.build())
            }};
        }
        Clients {
            dynamodb: client!(aws_sdk_dynamodb, Duration::ZERO),
            events: client!(aws_sdk_eventbridge, Duration::ZERO),
            queues: client!(aws_sdk_sqs, Duration::ZERO),
            polls: client!(aws_sdk_sqs, LONG_POLL),
        }
    }
}

/// For calls that wait on purpose for as long as `wait`.
fn timeouts(wait: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_timeout(wait + OPERATION_TIMEOUT)
        .operation_attempt_timeout(wait + ATTEMPT_TIMEOUT)
        .build()
}

/// A budget of retries for these clients alone: the SDK's own is one for the process, whichever region it is for.
fn retries() -> RetryPartition {
    RetryPartition::custom("own").token_bucket(TokenBucket::default()).build()
}
