//! Where orders may go, by the law at the destination on a day. What no row allows is refused.
//!
//! The shop verifies everybody for one age ([`MINIMUM_AGE`], the highest that a row asks for), because a customer has one
//! verdict and orders to several countries. Every parcel is handed over against an adult's signature, wherever it goes.

mod states;
mod table;
#[cfg(test)]
mod tests;

use contracts::{Address, Code, Timestamp, bodies::users::MINIMUM_AGE};
use table::TABLE;

/// A refusal as the customer is told it.
pub type Refusal = (Code, String);

/// What a place's law says about a parcel of cigars to a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// It may be sent to whoever has this age, in years.
    FromAge(u8),
    /// Nothing may be sent.
    Refused,
}

/// One row: what holds in a place from a day on, until a later row of the same place.
#[derive(Debug)]
struct Row {
    /// ISO 3166-1 alpha-2.
    country: &'static str,
    /// The state, by its two letters, where the row is not for the whole country.
    state: Option<&'static str>,
    /// The first day, `YYYY-MM-DD` in UTC: that of the law, or one from which on it is known to hold.
    from: &'static str,
    rule: Rule,
    /// The law, with its year.
    source: &'static str,
}

/// Why nothing can be sent to an address at a moment. Nothing where it can.
pub fn refusal(address: &Address, at: Timestamp) -> Option<Refusal> {
    refusal_by(TABLE, address, &at.date())
}

fn refusal_by(table: &[Row], address: &Address, day: &str) -> Option<Refusal> {
    let country = address.country.to_ascii_uppercase();
    let rule = |state: Option<&str>| in_force(table, &country, state, day);
    if let Some(no) = rule(None).map_or_else(|| not_yet(&country), |row| verdict(row, &country)) {
        return Some(no);
    }
    if !table.iter().any(|row| row.country == country && row.state.is_some()) {
        return None;
    }
    // Its states differ: which one it is must be known.
    let Some(state) = address.state.as_deref().and_then(states::code) else {
        return refused(format!(
            "address.state: must be a state, by its name or two letters, to ship to {country}"
        ));
    };
    rule(Some(state)).and_then(|row| verdict(row, state))
}

/// The row of a place that holds on a day.
fn in_force<'a>(table: &'a [Row], country: &str, state: Option<&str>, day: &str) -> Option<&'a Row> {
    let of_place = table.iter().filter(|row| row.country == country && row.state == state && row.from <= day);
    of_place.max_by_key(|row| row.from)
}

fn verdict(row: &Row, place: &str) -> Option<Refusal> {
    match row.rule {
        Rule::FromAge(years) if years <= MINIMUM_AGE => None,
        Rule::FromAge(years) => {
            refused(format!("{place} asks for an age of {years}, which we do not verify"))
        }
        Rule::Refused => refused(format!("The law of {place} does not let us ship there ({})", row.source)),
    }
}

fn not_yet(country: &str) -> Option<Refusal> {
    refused(format!("We do not ship to {country} yet"))
}

fn refused(message: String) -> Option<Refusal> {
    Some((Code::DestinationNotAllowed, message))
}
