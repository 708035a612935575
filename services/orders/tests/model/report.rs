//! Runs a search and says what it covered.

use stateright::{Checker, HasDiscoveries, Model};
use std::{fmt::Debug, hash::Hash, io::Write, time::Instant};

/// Threads of one search.
const THREADS: usize = 2;

#[expect(clippy::disallowed_methods, reason = "how long a search takes is measured, not simulated")]
fn now() -> Instant {
    Instant::now()
}

/// Past the test harness, which keeps what a passing test prints to itself.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "model: {line}");
}

/// Searches everything with a bound that takes minutes, where it is asked for.
#[expect(clippy::disallowed_methods, reason = "the one switch of these tests")]
pub(crate) fn asked_for_in_full(name: &str) -> bool {
    let asked = std::env::var_os("MODEL_FULL").is_some();
    if !asked {
        say(&format!("{name}: skipped, set MODEL_FULL=1 to search it"));
    }
    asked
}

/// Searches everything that the bounds allow, and fails on the first broken property.
pub(crate) fn holds<M>(name: &str, bounds: &str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Clone + PartialEq + Hash + Send + Sync,
    M::Action: Debug + Clone + PartialEq,
{
    let started = now();
    let search = model.checker().threads(THREADS).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    say(&format!(
        "{name}: {bounds}: {} states, {} steps, depth {}, {:.1} s",
        search.unique_state_count(),
        search.state_count(),
        search.max_depth(),
        started.elapsed().as_secs_f64()
    ));
    search.assert_properties();
}

/// Searches until `property` breaks, and fails where it does not.
pub(crate) fn breaks<M>(name: &str, property: &'static str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Clone + PartialEq + Hash + Send + Sync,
    M::Action: Debug + Clone + PartialEq,
{
    let started = now();
    let until = HasDiscoveries::AnyOf([property].into());
    let search = model.checker().threads(THREADS).finish_when(until).spawn_bfs().join();
    let steps = search.discovery(property).map(|path| path.into_actions().len());
    let verdict = steps.map_or("holds".to_owned(), |steps| format!("breaks in {steps} steps"));
    say(&format!(
        "{name}: \"{property}\" {verdict}, {} states searched, {:.1} s",
        search.unique_state_count(),
        started.elapsed().as_secs_f64()
    ));
    assert!(steps.is_some(), "{name}: no counterexample to \"{property}\"");
}
