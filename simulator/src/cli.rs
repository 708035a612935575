//! The command line.

mod cloud;

pub use cloud::{CloudOptions, CloudWord};

use crate::engine::Engine;
use clap::{Parser, Subcommand, ValueEnum};
use contracts::ids::Region;
use platform::config::Durability;
use platform::planted::Planted;
use std::{num::NonZeroUsize, ops::RangeInclusive, path::PathBuf};

/// Runs the whole platform in several regions, floods a continent and proves what was kept.
///
/// Exit codes: 0 all goals met; 10 a goal was missed; 11 an invariant was broken (a promise to a customer);
/// 12 the fault was not felt, or the run was too weak to prove anything; 2 bad scenario or arguments;
/// 1 the simulator itself failed.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "simulator",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  simulator flood-americas\n  simulator flood-americas --durability async   shows what \
                  is lost without the journal\n  simulator calm --load 30\n  \
                  simulator flood-americas --engine virtual --seed 7   the same in seconds, repeatable\n  \
                  simulator twice flood-americas\n  simulator swarm --seeds 1..200\n  \
                  simulator replay target/runs/flood-americas-7/evidence.json\n  \
                  simulator cost --orders-per-day 50000   what a month of it costs on AWS\n  simulator up --port 8080\n  \
                  simulator calm --target target/runs/up/target.json   against what `up` started\n  \
                  simulator export fis flood-americas   as experiments of AWS Fault Injection Service"
)]
pub struct Cli {
    /// Anything but a run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The scenario to run: a name from `simulator list`, or the path of a file.
    #[arg(required = true)]
    pub scenario: Option<String>,
    /// How to run it.
    #[command(flatten)]
    pub run: RunOptions,
}

/// How a scenario is run.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct RunOptions {
    /// Everything random comes from this number; the scenario's own where absent.
    #[arg(long)]
    pub seed: Option<u64>,
    /// The folder for the evidence; `target/runs/<scenario>-<seed>` where absent.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Requests a second of the open-loop driver; the scenario's own where absent.
    #[arg(long, value_name = "RPS", value_parser = positive)]
    pub load: Option<f64>,
    /// How an order becomes durable: `async` shows what a plain asynchronous copy loses.
    #[arg(long, value_enum, default_value_t)]
    pub durability: DurabilityWord,
    /// What runs it: `live` in real time, or `virtual`, in one thread, repeatable byte by byte from the seed.
    #[arg(long, value_enum, default_value_t)]
    pub engine: EngineWord,
    /// What the regions' clouds are.
    #[command(flatten)]
    pub cloud: CloudOptions,
    /// Leave the scenario's faults out: the goals that need them must then fail the run.
    #[arg(long)]
    pub no_fault: bool,
    /// Plants a defect into the services, as `swarm --plant` does. Virtual runs only, and a build with debug assertions.
    #[arg(long, value_name = "DEFECT", hide = true)]
    pub plant: Option<Planted>,
    /// Runs load and checks against a deployment, while somebody else makes the faults, such as AWS FIS.
    ///
    /// The file says where the deployment is reached: `terraform output -json target`, or what `simulator up` writes.
    /// It names a file of accounts, to which passwords are confined. Nothing is started here but customers and their
    /// edges. Only what customers can see is judged; the rest is reported as not judged.
    #[arg(long, value_name = "FILE", conflicts_with = "durability")]
    pub target: Option<PathBuf>,
    /// Allows a target whose env is prod.
    #[arg(long, requires = "target")]
    pub prod: bool,
}

/// What else the program can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Lists the scenarios.
    List,
    /// Runs a scenario twice in virtual time and compares the histories byte by byte.
    ///
    /// Exit codes: 0 they are the same; 13 they differ, and the first line that does is shown; 1 and 2 as for a run.
    /// What the run itself found is told, and does not count.
    Twice {
        /// The scenario, as for a run.
        scenario: String,
        /// How to run it.
        #[command(flatten)]
        run: RunOptions,
    },
    /// Tries to break the platform: many seeds in virtual time, each with a world, a load and faults of its own.
    ///
    /// The faults stay within what is promised: at most one continent is away at a time. A seed fails when a promise
    /// is broken, not when service was slow. The first seed for each broken promise is shrunk to the fewest faults
    /// and the shortest run that still break it, and written as a scenario file.
    ///
    /// Exit codes: 0 every promise was kept; 11 a seed fails; 12 from 50 seeds on, a kind of fault that no seed felt;
    /// 1 and 2 as for a run.
    Swarm {
        /// The seeds, the last one included: `1..1000`, or one number.
        #[arg(long, value_name = "A..B", value_parser = seeds)]
        seeds: RangeInclusive<u64>,
        /// No further seed begins after so many minutes.
        #[arg(long, value_name = "MINUTES", value_parser = positive)]
        minutes: Option<f64>,
        /// The folder for what is found; `target/runs/swarm-A-B` where absent.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        /// Runs at once; as many as the machine has cores where absent.
        #[arg(long, value_name = "N")]
        jobs: Option<NonZeroUsize>,
        /// Only write the scenarios that the seeds are drawn as, and run nothing.
        #[arg(long)]
        draw: bool,
        /// Plants a defect into the services, which the search must find; it ends with the first seed that does. Only
        /// a build with debug assertions has them.
        #[arg(long, value_name = "DEFECT", conflicts_with = "draw", hide = true)]
        plant: Option<Planted>,
    },
    /// Runs what an evidence file tells of once more: the same scenario, seed, engine and durability.
    ///
    /// In virtual time the history must be the same too, where the old one lies beside the file: exit code 13 where
    /// it is not. All else as for a run.
    Replay {
        /// An `evidence.json`.
        evidence: PathBuf,
        /// The folder for the new evidence; `target/runs/replay-<scenario>-<seed>` where absent.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// What a month of such a shop would cost on AWS, beside machines of one's own, and which quota breaks first.
    ///
    /// It takes what a run used, region by region, apart into what orders use and what the shop uses while nobody orders,
    /// and prices a month of any traffic by dated list prices: with all regions, without the continent that the run lost,
    /// and with one, two, three continents. What no run measures is a parameter; all of them are listed with their
    /// sources, and each can be set. Nothing is started, and no network is used.
    ///
    /// Exit codes: 0 the report is printed, whatever it says; 2 there is no such run, or it has nothing to tell.
    #[command(
        after_help = "Examples:\n  simulator cost                                    the newest run under target/runs\n  \
                            simulator cost target/runs/flood-americas-7/evidence.json --orders-per-day 50000\n  \
                            simulator cost --set cloud_administrators=4 --set servers=20\n  \
                            simulator cost --json | jq .peace.monthly_usd"
    )]
    Cost {
        /// An `evidence.json`, or the folder in which it lies; the newest under target/runs where absent.
        evidence: Option<PathBuf>,
        /// Orders a day that the month has.
        #[arg(long, value_name = "N", value_parser = not_negative)]
        orders_per_day: Option<f64>,
        /// Sets a parameter, as the list at the end of the report names it. May be given many times.
        #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
        set: Vec<(String, f64)>,
        /// Print all of it as JSON, every region's lines and every quota.
        #[arg(long)]
        json: bool,
    },
    /// Writes what a scenario breaks in the words of another tool.
    Export {
        /// Which tool.
        #[command(subcommand)]
        tool: ExportTool,
    },
    /// Starts the platform without load and keeps it until Ctrl-C.
    Up {
        /// The scenario whose world it is.
        #[arg(default_value = "flood-americas")]
        scenario: String,
        /// Everything random comes from this number.
        #[arg(long)]
        seed: Option<u64>,
        /// The folder for `endpoints.json` and the logs.
        #[arg(long, value_name = "FOLDER", default_value = "target/runs/up")]
        out: PathBuf,
        /// The port of the first edge; the other edges and the regions follow. Any free ones where absent.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// How an order becomes durable.
        #[arg(long, value_enum, default_value_t)]
        durability: DurabilityWord,
        /// What the regions' clouds are.
        #[command(flatten)]
        cloud: CloudOptions,
    },
    /// Starts the payment provider and the carrier alone, for a platform that runs elsewhere, and keeps them until Ctrl-C.
    ///
    /// Where they are and which key they ask for is written to `third-parties.json` in the folder. No money moves, and no
    /// parcel.
    ThirdParties {
        /// The scenario whose companies they are.
        #[arg(default_value = "flood-americas")]
        scenario: String,
        /// The folder for `third-parties.json`.
        #[arg(long, value_name = "FOLDER", default_value = "target/runs/third-parties")]
        out: PathBuf,
    },
    /// One region; started by the simulator itself.
    #[command(hide = true)]
    Region {
        /// For whoever lists processes.
        name: Region,
        /// The port to listen on.
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// The process that started it.
        #[arg(long)]
        parent: u32,
    },
    /// The Goose journeys; started by the simulator itself.
    #[command(hide = true)]
    Journeys {
        /// The process that started it.
        #[arg(long)]
        parent: u32,
    },
}

/// Tools that a scenario is exported to.
#[derive(Clone, Debug, Subcommand)]
pub enum ExportTool {
    /// AWS Fault Injection Service: an experiment template for each region that feels a fault, and notes on what it cannot do.
    ///
    /// Exit codes: 0 written; 2 bad scenario or arguments, or a scenario of which FIS can do nothing; 1 as for a run.
    Fis {
        /// The scenario, as for a run.
        scenario: String,
        /// The folder to write to; `target/export/<scenario>` where absent.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
}

/// [`Engine`] as a word of the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EngineWord {
    /// Real time, real sockets, a process for each region.
    #[default]
    Live,
    /// Virtual time in one thread, from the seed alone.
    Virtual,
}

impl From<EngineWord> for Engine {
    fn from(word: EngineWord) -> Self {
        match word {
            EngineWord::Live => Engine::Live,
            EngineWord::Virtual => Engine::Virtual,
        }
    }
}

/// [`Durability`] as a word of the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DurabilityWord {
    /// Acknowledged when two of three continents hold it.
    #[default]
    Journal,
    /// Acknowledged after the local write.
    Async,
}

impl From<DurabilityWord> for Durability {
    fn from(word: DurabilityWord) -> Self {
        match word {
            DurabilityWord::Journal => Durability::Journal,
            DurabilityWord::Async => Durability::Async,
        }
    }
}

/// `A..B`, both included, or one number.
fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |text: &str| {
        let number = text.parse::<u64>().map_err(|_| format!("`{text}` is not a whole number from 0"))?;
        match i64::try_from(number) {
            Ok(_) => Ok(number),
            Err(_) => Err(format!("{number} is above {}", i64::MAX)),
        }
    };
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last.trim_start_matches('='))?);
    if first <= last { Ok(first..=last) } else { Err(format!("{first} comes after {last}")) }
}

/// `NAME=VALUE`.
fn setting(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` should be NAME=VALUE"))?;
    Ok((name.to_owned(), not_negative(value)?))
}

fn not_negative(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if (0.0..=1e9).contains(&number) { Ok(number) } else { Err("it must be from 0 to 1000000000".to_owned()) }
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("{text} is not a number"))?;
    if number > 0.0 && number <= 10_000.0 {
        Ok(number)
    } else {
        Err("it must be above 0, up to 10000".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_scenario_and_a_command_are_told_apart() {
        let run = Cli::try_parse_from(["simulator", "flood-americas", "--no-fault", "--load", "30"])
            .expect("parsed");
        assert!(
            run.command.is_none() && run.scenario.as_deref() == Some("flood-americas") && run.run.no_fault
        );
        let list = Cli::try_parse_from(["simulator", "list"]).expect("parsed");
        assert!(matches!(list.command, Some(Command::List)));
        assert!(Cli::try_parse_from(["simulator", "calm", "--load", "0"]).is_err());
    }

    #[test]
    fn seeds_are_a_range_or_one() {
        assert_eq!(seeds("1..5"), Ok(1..=5));
        assert_eq!(seeds("1..=5"), Ok(1..=5));
        assert_eq!(seeds("7"), Ok(7..=7));
        for (wrong, why) in [
            ("5..1", "5 comes after 1"),
            ("a..b", "`a` is not a whole number from 0"),
            ("1..", "`` is not a whole number from 0"),
            ("-3", "`-3` is not a whole number from 0"),
            ("9223372036854775808", "9223372036854775808 is above 9223372036854775807"),
        ] {
            assert_eq!(seeds(wrong), Err(why.to_owned()));
        }
    }

    #[test]
    fn a_cost_takes_orders_and_settings() {
        let cost =
            ["simulator", "cost", "--orders-per-day", "500", "--set", "servers=20", "--set", "sites=1"];
        let Some(Command::Cost { evidence: None, orders_per_day, set, json: false }) =
            Cli::try_parse_from(cost).expect("parsed").command
        else {
            panic!("no cost command")
        };
        assert_eq!(orders_per_day, Some(500.0));
        assert_eq!(set, [("servers".to_owned(), 20.0), ("sites".to_owned(), 1.0)]);
        for wrong in [["--orders-per-day", "-1"], ["--set", "servers"], ["--set", "servers=many"]] {
            assert!(Cli::try_parse_from([["simulator", "cost"], wrong].concat()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_export_names_its_tool_and_its_scenario() {
        let export = Cli::try_parse_from(["simulator", "export", "fis", "calm", "--out", "here"]);
        let Some(Command::Export { tool: ExportTool::Fis { scenario, out } }) =
            export.expect("parsed").command
        else {
            panic!("something else was parsed");
        };
        assert_eq!((scenario.as_str(), out), ("calm", Some(PathBuf::from("here"))));
        assert!(Cli::try_parse_from(["simulator", "export", "fis"]).is_err());
        assert!(Cli::try_parse_from(["simulator", "export", "gremlin", "calm"]).is_err());
    }

    #[test]
    fn a_search_needs_seeds_and_work_for_someone() {
        assert!(Cli::try_parse_from(["simulator", "swarm"]).is_err());
        assert!(Cli::try_parse_from(["simulator", "swarm", "--seeds", "1..5", "--jobs", "0"]).is_err());
        let swarm = Cli::try_parse_from(["simulator", "swarm", "--seeds", "1..5", "--minutes", "0.5"]);
        assert!(matches!(swarm.expect("parsed").command, Some(Command::Swarm { minutes: Some(0.5), .. })));
    }
}
