//! Everybody signs in: customers, pickers, couriers, and whoever sits at the operations desk.

use super::{plan::Plan, sign_in};
use crate::robots::{Courier, Crew, Failures, Picker};
use anyhow::Context as _;
use contracts::Continent;
use loadtests::{Customer, accounts::SignedIn, population::Staff};

/// Work that goes wrong on purpose.
const FAILURES: Failures = Failures { packaging_pct: 1.0, delivery_pct: 0.5 };

/// Everybody, with their tokens.
pub struct People {
    /// Those who buy.
    pub customers: Vec<SignedIn>,
    /// Those who pack and deliver.
    pub crew: Crew,
    /// An administrator's token.
    pub desk_token: String,
    /// A picker's token.
    pub staff_token: String,
}

impl People {
    /// Signs everybody in, at the pool of their home, whose endpoint `pool` knows.
    ///
    /// # Errors
    /// The first sign-in that does not succeed.
    pub async fn sign_in(plan: &Plan, pool: impl Fn(&Continent) -> Option<String>) -> anyhow::Result<People> {
        let names =
            plan.customers.iter().map(|one| (&one.home, one.username.as_str(), one.password.as_str()));
        let tokens = sign_in::people(plan, &pool, names).await?;
        let signed_in =
            |(customer, token): (&Customer, String)| SignedIn { customer: customer.clone(), token };
        let customers = plan.customers.iter().zip(tokens).map(signed_in).collect();
        let names = plan.staff.iter().map(|one| (&one.home, one.username.as_str(), one.password.as_str()));
        let tokens = sign_in::people(plan, &pool, names).await?;
        hire(plan, customers, plan.staff.iter().zip(tokens))
    }
}

/// Sends everybody of the staff to their place.
fn hire<'a>(
    plan: &Plan,
    customers: Vec<SignedIn>,
    staff: impl Iterator<Item = (&'a Staff, String)>,
) -> anyhow::Result<People> {
    let warehouses = &plan.scenario.topology.warehouses;
    let mut crew = Crew { failures: FAILURES, ..Crew::default() };
    let mut desk_token = None;
    for (one, token) in staff {
        match (one.group.as_str(), &one.warehouse) {
            ("warehouse", Some(warehouse)) => {
                let place = warehouses.iter().find(|place| place.id == *warehouse);
                let region = place.context("a picker without a warehouse")?.region.clone();
                crew.pickers.push(Picker { warehouse: warehouse.clone(), region, token });
            }
            ("delivery", _) => crew.couriers.extend(couriers(plan, &one.home, &token)),
            _ => desk_token = Some(token),
        }
    }
    let staff_token = crew.pickers.last().context("there are no pickers")?.token.clone();
    let desk_token = desk_token.context("nobody sits at the desk")?;
    Ok(People { customers, crew, desk_token, staff_token })
}

/// A courier takes the parcels of every region of the home continent.
fn couriers(plan: &Plan, home: &Continent, token: &str) -> Vec<Courier> {
    let regions = plan.scenario.topology.regions_of(home);
    regions.map(|region| Courier { region: region.clone(), token: token.to_owned() }).collect()
}
