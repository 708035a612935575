//! `loadtests`: the shop's customers against any URL.

use anyhow::Context;
use clap::Parser;
use loadtests::{
    AttackConfig, AttackError, attack,
    attack::{EVERYWHERE, Pool, Provider},
    journeys::Weights,
    population::{default_shares, generate},
};
use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

/// Plays customers of the shop against a running platform: some look, some order, some follow their orders.
///
/// Customers are made from the seed, so the same seed names the same people: print them with
/// --print-customers, create the accounts, then sign them in with --cognito and --client-id. Or hand over
/// people with tokens by --tokens.
///
/// A user waits for an answer before the next step, so this shows journeys and finds errors; it does not
/// measure an outage. The simulator's open-loop driver does that.
#[derive(Debug, Parser)]
#[command(name = "loadtests", version, after_help = EXAMPLES)]
struct Arguments {
    /// URL of the public door, below which /graphql is; once for all customers, or CONTINENT=URL for some.
    #[arg(
        long = "edge",
        value_name = "[CONTINENT=]URL",
        required_unless_present = "print_customers",
        value_parser = edge
    )]
    edges: Vec<(String, String)>,
    /// Users at once.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    users: u32,
    /// How long, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    run_time: u64,
    /// Where customers and their choices come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many users look, order and follow, in proportion.
    #[arg(long, value_name = "BROWSE,BUY,TRACK", default_value = "4,5,3", value_parser = weights)]
    mix: Weights,
    /// Pause before each step, ms.
    #[arg(long, value_name = "MIN,MAX", default_value = "300,1200", value_parser = pause)]
    think: (u64, u64),
    /// Endpoint of the user pool at which customers sign in.
    #[arg(long, value_name = "URL", requires = "client_id")]
    cognito: Option<String>,
    /// App client of the user pool; it must allow USER_PASSWORD_AUTH.
    #[arg(long, value_name = "ID", requires = "cognito")]
    client_id: Option<String>,
    /// JSON file of customers who are signed in: as --print-customers prints them, each with a "token".
    #[arg(long, value_name = "FILE", conflicts_with = "cognito")]
    tokens: Option<PathBuf>,
    /// URL of the payment provider. Without it nobody orders.
    #[arg(long, value_name = "URL")]
    provider: Option<String>,
    /// The merchant's key at the payment provider; the variable PAYMENT_PROVIDER_KEY where absent.
    #[arg(long, value_name = "KEY")]
    provider_key: Option<String>,
    /// Write every attempt to order into this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Write the figures into this file as JSON.
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Print the customers of --seed and --users as JSON, passwords included, and do nothing else.
    #[arg(long)]
    print_customers: bool,
}

const EXAMPLES: &str = "Examples:
  loadtests --print-customers --users 50 > customers.json
  loadtests --edge https://shop.example --users 50 --run-time 300 --tokens signed-in.json
  loadtests --edge http://127.0.0.1:8080 --cognito http://127.0.0.1:4566 --client-id abc \\
      --provider http://127.0.0.1:9000 --provider-key test --history attempts.jsonl

Exit codes: 0 every step got the wanted answer; 1 it could not run; 2 wrong arguments; 10 some step did not.";

const CANNOT_RUN: u8 = 1;
const WRONG_ARGUMENTS: u8 = 2;
const STEPS_FAILED: u8 = 10;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(fault) => {
            // The fault and its causes on one line; a trace of the stack would help nobody here.
            let _unheard = writeln!(io::stderr(), "loadtests: {fault:#}");
            let wrong = matches!(fault.downcast_ref(), Some(AttackError::Config(_)));
            ExitCode::from(if wrong { WRONG_ARGUMENTS } else { CANNOT_RUN })
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    if arguments.print_customers {
        let people = generate(arguments.seed, arguments.users, &default_shares());
        writeln!(io::stdout(), "{}", serde_json::to_string_pretty(&people)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let summary_path = arguments.summary.clone();
    let summary = attack(config(arguments)).await?;
    write!(io::stdout(), "{summary}")?;
    if let Some(path) = summary_path {
        let json = serde_json::to_string_pretty(&summary)?;
        fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(if summary.failures == 0 { ExitCode::SUCCESS } else { ExitCode::from(STEPS_FAILED) })
}

fn config(arguments: Arguments) -> AttackConfig {
    let Arguments { cognito, client_id, provider, provider_key, .. } = arguments;
    AttackConfig {
        edges: arguments.edges.into_iter().collect(),
        provider: provider.map(|url| Provider { url, key: key(provider_key) }),
        pool: cognito.zip(client_id).map(|(url, client_id)| Pool { url, client_id }),
        tokens_path: arguments.tokens,
        shares: default_shares(),
        users: arguments.users,
        weights: arguments.mix,
        run_time_s: arguments.run_time,
        think_ms: arguments.think,
        seed: arguments.seed,
        history_path: arguments.history,
        run_started_wall_ms: None,
    }
}

#[allow(clippy::disallowed_methods)] // a secret is better in a variable than among the arguments
fn key(argument: Option<String>) -> String {
    argument.or_else(|| std::env::var("PAYMENT_PROVIDER_KEY").ok()).unwrap_or_default()
}

fn edge(text: &str) -> Result<(String, String), String> {
    let (continent, url) = match text.split_once('=') {
        Some((continent, url)) if !continent.contains(':') => (continent, url),
        _ => (EVERYWHERE, text),
    };
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err("wanted an http or https URL, or CONTINENT=URL".to_owned());
    }
    Ok((continent.to_owned(), url.to_owned()))
}

fn weights(text: &str) -> Result<Weights, String> {
    let parts: Vec<usize> = numbers(text)?;
    match parts[..] {
        [browse, buy, track] if browse + buy + track > 0 => Ok(Weights { browse, buy, track }),
        _ => Err("wanted three numbers, not all 0, such as 4,5,3".to_owned()),
    }
}

fn pause(text: &str) -> Result<(u64, u64), String> {
    let parts: Vec<u64> = numbers(text)?;
    match parts[..] {
        [min, max] if min <= max => Ok((min, max)),
        _ => Err("wanted two numbers, the smaller first, such as 300,1200".to_owned()),
    }
}

fn numbers<T: std::str::FromStr>(text: &str) -> Result<Vec<T>, String> {
    let number = |part: &str| part.trim().parse().map_err(|_| format!("{part:?} is not a number"));
    text.split(',').map(number).collect()
}
