//! One attack by Goose. There can be only one in a process: Goose's stop switch and its handler of Ctrl-C
//! belong to the whole process.

use crate::{
    accounts,
    clock::RunClock,
    history::{History, HistoryError},
    journeys::{self, Shop, Weights},
    population::{Customer, Share, default_shares, generate},
    summary::Summary,
};
use goose::{
    GooseAttack, GooseError,
    client::GooseClientBuilder,
    config::{GooseConfiguration, GooseDefault, GooseDefaultType},
    metrics::GooseMetrics,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc, time::Duration};

/// The name under which [`AttackConfig::edges`] holds an edge for all customers that have none of their own.
pub const EVERYWHERE: &str = "*";

/// What to do, to whom, for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttackConfig {
    /// The URL that customers of each continent use, such as `europe`; [`EVERYWHERE`] for all others.
    pub edges: BTreeMap<String, String>,
    /// The payment provider. Without one nobody orders.
    pub provider: Option<Provider>,
    /// The user pool, for customers who have no token.
    pub pool: Option<Pool>,
    /// A file of signed-in customers ([`crate::accounts`]); without it they are made from the seed.
    pub tokens_path: Option<PathBuf>,
    /// Where the customers made from the seed live.
    pub shares: Vec<Share>,
    /// Users at once.
    pub users: u32,
    /// How many of each kind.
    pub weights: Weights,
    /// How long, seconds.
    pub run_time_s: u64,
    /// Shortest and longest pause before a step, ms.
    pub think_ms: (u64, u64),
    /// Where customers and choices come from.
    pub seed: u64,
    /// Where attempts to order are written down.
    pub history_path: Option<PathBuf>,
    /// When the run began that this attack is part of, ms since the Unix epoch; now, where absent.
    pub run_started_wall_ms: Option<i64>,
}

/// Where payments are authorised.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Base URL.
    pub url: String,
    /// What the provider knows its merchant by.
    pub key: String,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Where customers sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The endpoint of the user pool.
    pub url: String,
    /// The id of the app client, which must allow sign-in by password.
    pub client_id: String,
}

impl AttackConfig {
    /// An attack by a few users for a minute on one URL, by customers of the shipped shares.
    pub fn on(url: &str) -> Self {
        AttackConfig {
            edges: BTreeMap::from([(EVERYWHERE.to_owned(), url.to_owned())]),
            provider: None,
            pool: None,
            tokens_path: None,
            shares: default_shares(),
            users: 12,
            weights: Weights::default(),
            run_time_s: 60,
            think_ms: (300, 1_200),
            seed: 1,
            history_path: None,
            run_started_wall_ms: None,
        }
    }
}

/// Why an attack did not take place.
#[derive(Debug, thiserror::Error)]
pub enum AttackError {
    /// The configuration cannot work.
    #[error("{0}")]
    Config(String),
    /// The file of signed-in customers.
    #[error("cannot read the customers in {}: {cause}", path.display())]
    Accounts {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Goose itself.
    #[error("goose: {0}")]
    Goose(String),
}

impl From<GooseError> for AttackError {
    fn from(fault: GooseError) -> Self {
        AttackError::Goose(fault.to_string())
    }
}

/// Attacks, and tells what came of it. Returns when all users have ended their last step.
pub async fn attack(config: AttackConfig) -> Result<Summary, AttackError> {
    let (weights, notes) = kinds(&config)?;
    let visitors = visitors(&config)?;
    let clock = config.run_started_wall_ms.map_or_else(RunClock::start, RunClock::of_run);
    let (history, writing) = match &config.history_path {
        Some(path) => History::start(path).map(|(history, task)| (Some(history), Some(task)))?,
        None => (None, None),
    };
    let shop = Arc::new(Shop::open(&config, clock, history).with_visitors(config.seed, visitors));
    let metrics = run(&config, &shop, weights).await;
    let orders = shop.counts();
    // The last sender of the history; what Goose held is gone with its users.
    drop(shop);
    if let Some(writing) = writing {
        writing.finish().await?;
    }
    Ok(Summary::of(&metrics?, config.users, orders, notes))
}

async fn run(config: &AttackConfig, shop: &Arc<Shop>, weights: Weights) -> Result<GooseMetrics, AttackError> {
    let host = config.edges.values().next().map(String::as_str).unwrap_or_default();
    let client = GooseClientBuilder::new().without_cookies().timeout(Duration::from_secs(3));
    // Never `initialize`, which would read the arguments of the whole process as its own.
    let mut attack = GooseAttack::initialize_with_config(GooseConfiguration::default())?
        .set_client_builder_without_cookies(client)?;
    for scenario in journeys::scenarios(shop, weights)? {
        attack = attack.register_scenario(scenario);
    }
    let attack = attack
        .set_default(GooseDefault::Host, host)?
        .set_default(GooseDefault::Users, config.users as usize)?
        // All users within a second.
        .set_default(GooseDefault::IncreaseRate, config.users.to_string().as_str())?
        .set_default(GooseDefault::RunTime, usize::try_from(config.run_time_s).unwrap_or(usize::MAX))?
        // Else what happens while users arrive would be thrown away.
        .set_default(GooseDefault::NoResetMetrics, true)?
        .set_default(GooseDefault::NoTelnet, true)?
        .set_default(GooseDefault::NoPrintMetrics, true)?
        .set_default(GooseDefault::NoErrorSummary, true)?
        .set_default(GooseDefault::Quiet, 1)?;
    Ok(attack.execute().await?)
}

/// Which kinds of customer can be played, and what is to be said about it.
fn kinds(config: &AttackConfig) -> Result<(Weights, Vec<String>), AttackError> {
    let wrong = |why: &str| Err(AttackError::Config(why.to_owned()));
    if config.users == 0 || config.run_time_s == 0 {
        return wrong("an attack needs at least one user and one second");
    }
    if config.edges.is_empty() {
        return wrong("an attack needs the URL of an edge");
    }
    let mut weights = config.weights;
    let mut notes = Vec::new();
    if config.provider.is_none() && weights.buy > 0 {
        weights.buy = 0;
        notes.push("nobody orders: no payment provider was named".to_owned());
    }
    if weights.browse + weights.buy + weights.track == 0 {
        return wrong("every kind of customer is left out");
    }
    Ok((weights, notes))
}

fn visitors(config: &AttackConfig) -> Result<Vec<(Customer, Option<String>)>, AttackError> {
    let visitors: Vec<_> = match &config.tokens_path {
        Some(path) => {
            let accounts = accounts::read(path);
            let accounts = accounts.map_err(|cause| AttackError::Accounts { path: path.clone(), cause })?;
            accounts.into_iter().map(journeys::with_token).collect()
        }
        None if config.pool.is_none() => {
            let why = "customers need tokens, or a user pool to sign in at";
            return Err(AttackError::Config(why.to_owned()));
        }
        None => {
            let people = generate(config.seed, config.users, &config.shares);
            people.into_iter().map(|customer| (customer, None)).collect()
        }
    };
    if visitors.len() < config.users as usize {
        let why = format!("{} users need as many customers, and there are {}", config.users, visitors.len());
        return Err(AttackError::Config(why));
    }
    Ok(visitors)
}
