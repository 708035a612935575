//! Those who sign in at a deployment: customers, pickers and couriers.

use crate::{
    engine::{
        regions::Standing,
        sign_in::{self, SignIn},
    },
    robots::{Courier, Crew, Ground, Picker, Place},
    target::{Accounts, Target},
    topology::Topology,
};
use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::ids::{Continent, UserId};
use loadtests::{Customer, accounts::SignedIn, population::Staff};
use platform::{network::Network, watch};
use serde::Deserialize;

/// Everybody, with their tokens.
pub(super) struct People {
    /// Those who buy.
    pub(super) customers: Vec<SignedIn>,
    /// Those who pack and deliver; none, where the target names no staff.
    pub(super) crew: Option<Crew>,
    /// A picker's token, where there is one.
    pub(super) staff_token: Option<String>,
}

impl People {
    /// Signs in as many customers as the load is for, and all of the staff.
    ///
    /// # Errors
    /// The first sign-in that does not succeed, by name.
    pub(super) async fn sign_in(
        network: &Network,
        target: &Target,
        accounts: &Accounts,
        topology: &Topology,
        so_many: usize,
    ) -> anyhow::Result<People> {
        let buyers = &accounts.customers[..accounts.customers.len().min(so_many)];
        let names = buyers.iter().map(|one| (&one.home, &one.username, &one.password));
        let signed_in = tokens(network, target, names).await?;
        let customers = buyers.iter().zip(signed_in).map(|(customer, token)| known_by(customer, token));
        let customers = customers.collect::<anyhow::Result<_>>()?;
        let names = accounts.staff.iter().map(|one| (&one.home, &one.username, &one.password));
        let staff: Vec<(&Staff, String)> =
            accounts.staff.iter().zip(tokens(network, target, names).await?).collect();
        let picker = staff.iter().find(|(one, _)| one.group == "warehouse");
        let staff_token = picker.map(|(_, token)| token.clone());
        Ok(People { customers, crew: crew(target, topology, &staff), staff_token })
    }
}

/// A customer is who the pool says they are: it gives people their ids.
fn known_by(customer: &Customer, token: String) -> anyhow::Result<SignedIn> {
    let sub = subject(&token).with_context(|| format!("{}: the token names nobody", customer.username))?;
    Ok(SignedIn { customer: Customer { sub, ..customer.clone() }, token })
}

/// Whom a token is about. Whether it is good is for the deployment to say.
fn subject(token: &str) -> Option<UserId> {
    #[derive(Deserialize)]
    struct Claims {
        sub: UserId,
    }
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    Some(serde_json::from_slice::<Claims>(&claims).ok()?.sub)
}

async fn tokens<'a>(
    network: &Network,
    target: &Target,
    people: impl Iterator<Item = (&'a Continent, &'a String, &'a String)>,
) -> anyhow::Result<Vec<String>> {
    let sign_in = |(home, username, password): (&Continent, &String, &String)| {
        let pool = target.pool(home).with_context(|| format!("{home} has no user pool"))?;
        anyhow::Ok(SignIn {
            endpoint: pool.endpoint.clone(),
            client_id: pool.client_id.clone(),
            username: username.clone(),
            password: password.clone(),
        })
    };
    sign_in::all(network, people.map(sign_in).collect::<anyhow::Result<_>>()?).await
}

/// Everybody at their place. Without pickers and couriers no order comes to its end, so both are needed.
fn crew(target: &Target, topology: &Topology, staff: &[(&Staff, String)]) -> Option<Crew> {
    let mut crew = Crew::default();
    for (one, token) in staff {
        match (one.group.as_str(), &one.warehouse) {
            ("warehouse", Some(warehouse)) => {
                let place = topology.warehouses.iter().find(|place| place.id == *warehouse);
                let picker = |region| Picker { warehouse: warehouse.clone(), region, token: token.clone() };
                crew.pickers.extend(place.map(|place| picker(place.region.clone())));
            }
            ("delivery", _) => {
                let regions = target.regions.iter().filter(|region| region.continent == one.home);
                let courier = |region| Courier { region, token: token.clone() };
                crew.couriers.extend(regions.map(|region| courier(region.name.clone())));
            }
            _ => {}
        }
    }
    (!crew.pickers.is_empty() && !crew.couriers.is_empty()).then_some(crew)
}

/// The regions as robots see them: nobody tells which of them stand, so all may be asked.
pub(super) fn ground(network: Network, target: &Target) -> Ground {
    let places = target.regions.iter().map(|region| Place {
        region: region.name.clone(),
        continent: region.continent.clone(),
        base: region.base_url().to_owned(),
        graphql: region.graphql.clone(),
        standing: watch::channel(Standing::Up).1,
    });
    Ground::over(network, places.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_tells_whom_it_is_about() {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"abc","exp":1}"#);
        assert_eq!(subject(&format!("head.{claims}.signature")), Some(UserId("abc".to_owned())));
        assert_eq!(subject("no token"), None);
    }
}
