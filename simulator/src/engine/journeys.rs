//! The Goose journeys, in a process of their own: Goose's stop switch and its handler of Ctrl-C belong to
//! the whole process.

use crate::{
    engine::stage::Stage,
    process::{self, Child, Processes, Program},
};
use anyhow::{Context as _, anyhow};
use loadtests::{
    AttackConfig, Summary,
    accounts::{self, SignedIn},
    attack::Provider,
    journeys::Weights,
};
use std::{
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// The users end their last steps, and Goose its report, within this time after the load.
const END_LIMIT: Duration = Duration::from_secs(30);

/// The journeys under way.
pub struct Journeys {
    child: Child,
    _accounts: Accounts,
    run_s: u64,
}

/// A file with tokens in it: it is removed with this.
struct Accounts(PathBuf);

impl Drop for Accounts {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // it is readable by its owner only
    }
}

/// What the journeys are told.
pub struct JourneyPlan<'a> {
    /// The customers that they play, and nobody else plays.
    pub customers: &'a [SignedIn],
    /// The run's folder.
    pub folder: &'a Path,
    /// Where they write what they did.
    pub history: PathBuf,
    /// How long, seconds.
    pub run_s: u64,
}

impl Journeys {
    /// Starts them. Must run on the main thread: see [`Processes::start`].
    ///
    /// # Errors
    /// When the process does not come up.
    pub async fn start(
        stage: &Stage,
        processes: &Processes,
        plan: JourneyPlan<'_>,
    ) -> anyhow::Result<Journeys> {
        let accounts = Accounts(plan.folder.join("accounts.json"));
        accounts::write(&accounts.0, plan.customers)
            .with_context(|| format!("cannot write {}", accounts.0.display()))?;
        let config = AttackConfig {
            edges: stage.edges.iter().map(|(name, edge)| (name.clone(), edge.url.clone())).collect(),
            provider: Some(Provider {
                url: stage.provider_url.clone(),
                key: stage.plan.secrets.provider_key.clone(),
            }),
            pool: None,
            tokens_path: Some(accounts.0.clone()),
            shares: Vec::new(),
            users: stage.plan.scenario.load.goose_users,
            weights: Weights::default(),
            run_time_s: plan.run_s,
            think_ms: (300, 1_200),
            seed: stage.plan.scenario.seed,
            history_path: Some(plan.history),
            run_started_wall_ms: Some(stage.clock.origin_wall_ms()),
        };
        let program = Program {
            name: "the journeys".to_owned(),
            arguments: ["journeys", "--parent", &std::process::id().to_string()].map(Into::into).to_vec(),
            log: plan.folder.join("logs/journeys.log"),
        };
        let child = processes.start(program).await?;
        child.say(&serde_json::to_string(&config)?).await?;
        Ok(Journeys { child, _accounts: accounts, run_s: plan.run_s })
    }

    /// Waits for their end; says what they did.
    ///
    /// # Errors
    /// When they failed.
    pub async fn finish(self) -> anyhow::Result<Summary> {
        let limit = Duration::from_secs(self.run_s) + END_LIMIT;
        loop {
            let line = self.child.hear(limit).await?;
            // Goose prints what it does to the same output.
            let Ok(said) = serde_json::from_str::<Result<Summary, String>>(&line) else { continue };
            return said.map_err(|why| anyhow!("the journeys failed: {why}"));
        }
    }
}

/// The child's side: reads what to do from standard input, does it, and prints what came of it.
pub async fn main(parent: u32) -> ExitCode {
    let outcome = match process::die_with(parent) {
        Ok(()) => attack().await,
        Err(gone) => Err(gone.to_string()),
    };
    let code = if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let mut out = std::io::stdout().lock();
    let _ = serde_json::to_writer(&mut out, &outcome); // when nobody listens there is nobody to tell
    let _ = out.write_all(b"\n").and_then(|()| out.flush());
    code
}

async fn attack() -> Result<Summary, String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|fault| fault.to_string())?;
    let config: AttackConfig =
        serde_json::from_str(&line).map_err(|_| "the plan cannot be read".to_owned())?;
    loadtests::attack(config).await.map_err(|fault| fault.to_string())
}
