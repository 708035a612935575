//! Who the customers are. The same seed gives the same people.

mod places;
mod staff;
#[cfg(test)]
mod tests;

pub use staff::{Staff, staff};

use crate::dice::{Dice, dice};
use contracts::{
    Address,
    ids::{Continent, UserId},
};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How the card number of every synthetic customer begins. A card number must never be found in a table, an
/// event or a log; the checker looks for these digits.
pub const CARD_CANARY: &str = "4000056655";

/// Customers who live together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// A name, such as `south-america`.
    pub continent: String,
    /// The continent on which their orders and accounts are at home.
    pub home: Continent,
    /// Their part of all customers; the parts need not add up to 1.
    pub share: f32,
    /// Where they have things sent, ISO 3166-1 alpha-2.
    pub countries: Vec<String>,
}

/// A customer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The place in the population, from 0.
    pub index: u32,
    /// What they sign in with.
    pub username: String,
    /// Their password.
    pub password: String,
    /// The id that their user pool gives them.
    pub sub: UserId,
    /// Their address for mail, at a domain that nobody owns.
    pub email: String,
    /// Where they live, such as `south-america`: the edge that they use.
    pub continent: String,
    /// The continent on which their orders are at home.
    pub home: Continent,
    /// Their name.
    pub name: String,
    /// Where they have things sent.
    pub address: Address,
    /// Their card, which begins with [`CARD_CANARY`].
    pub card_number: String,
}

impl fmt::Debug for Customer {
    // Written by hand: neither the password nor the card may reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Customer")
            .field("index", &self.index)
            .field("username", &self.username)
            .field("continent", &self.continent)
            .finish_non_exhaustive()
    }
}

/// The shares of the shipped topology, for a run that is not told its own.
pub fn default_shares() -> Vec<Share> {
    let share = |continent: &str, home: &str, share, countries: &[&str]| Share {
        continent: continent.to_owned(),
        home: Continent::from(home),
        share,
        countries: countries.iter().map(|country| (*country).to_owned()).collect(),
    };
    vec![
        share("north-america", "am", 0.35, &["US"]),
        share("south-america", "am", 0.10, &["CO", "PE", "CL"]),
        share("europe", "eu", 0.35, &["DE", "CH", "SE", "GB"]),
        share("asia", "ap", 0.20, &["JP", "NZ", "HK"]),
    ]
}

/// `count` customers. Any first part of them is divided by the shares as well as whole people can be.
pub fn generate(seed: u64, count: u32, shares: &[Share]) -> Vec<Customer> {
    let mut dice = dice(seed, "customers");
    let mut given = vec![0u32; shares.len()];
    let mut people = Vec::with_capacity(count as usize);
    for index in 0..count {
        let Some(place) = most_behind(shares, &given, index + 1) else { break };
        given[place] += 1;
        people.push(customer(index, &shares[place], &mut dice));
    }
    people
}

/// Which share has got the fewest customers, compared with what it is due among the first `so_many`.
fn most_behind(shares: &[Share], given: &[u32], so_many: u32) -> Option<usize> {
    let sum: f32 = shares.iter().map(|share| share.share).sum();
    let behind = |place: usize| shares[place].share / sum * so_many as f32 - given[place] as f32;
    (0..shares.len()).filter(|place| shares[*place].share > 0.0).max_by(|a, b| {
        // The earlier of two equals: `max_by` takes the last.
        behind(*a).total_cmp(&behind(*b)).then(b.cmp(a))
    })
}

fn customer(index: u32, share: &Share, dice: &mut Dice) -> Customer {
    let username = format!("customer-{index:05}");
    let country = pick(&share.countries, dice).map_or("US", String::as_str).to_owned();
    let address = places::address(&country, dice);
    Customer {
        index,
        password: password(dice),
        sub: sub(dice),
        email: format!("{username}@example.com"),
        username,
        continent: share.continent.clone(),
        home: share.home.clone(),
        name: address.name.clone(),
        address,
        card_number: format!("{CARD_CANARY}{:06}", dice.random_range(0..1_000_000)),
    }
}

fn pick<'a, T>(choices: &'a [T], dice: &mut Dice) -> Option<&'a T> {
    if choices.is_empty() { None } else { choices.get(dice.random_range(0..choices.len())) }
}

/// Long, and of all the kinds of characters that user pools ask for.
fn password(dice: &mut Dice) -> String {
    format!("Aa1-{:016x}", dice.next_u64())
}

fn sub(dice: &mut Dice) -> UserId {
    UserId(random_uuid(dice))
}

/// A random UUID (version 4) in lower case.
pub fn random_uuid(dice: &mut Dice) -> String {
    let mut bytes = [0; 16];
    dice.fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
