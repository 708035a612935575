//! Those who work for the shop.

use super::{password, sub};
use crate::dice::dice;
use contracts::ids::{Continent, UserId, WarehouseId};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// Pickers in each warehouse, and couriers on each continent.
const HANDS: usize = 2;

/// Someone who works for the shop.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staff {
    /// What they sign in with.
    pub username: String,
    /// Their password.
    pub password: String,
    /// The id that their user pool gives them.
    pub sub: UserId,
    /// Their address for mail.
    pub email: String,
    /// The group of the user pool: `warehouse`, `delivery` or `admin`.
    pub group: String,
    /// The continent of their account.
    pub home: Continent,
    /// Where a picker works.
    pub warehouse: Option<WarehouseId>,
}

impl fmt::Debug for Staff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staff").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Two pickers for each warehouse; two couriers and an administrator for each continent that has one.
pub fn staff(seed: u64, warehouses: &[(WarehouseId, Continent)]) -> Vec<Staff> {
    let mut posts = Vec::new();
    for (warehouse, home) in warehouses {
        for number in 1..=HANDS {
            let name = format!("picker-{warehouse}-{number}");
            posts.push((name, "warehouse", home, Some(warehouse.clone())));
        }
    }
    let homes: BTreeSet<&Continent> = warehouses.iter().map(|(_, home)| home).collect();
    for home in homes {
        for number in 1..=HANDS {
            posts.push((format!("courier-{home}-{number}"), "delivery", home, None));
        }
        posts.push((format!("admin-{home}"), "admin", home, None));
    }
    let mut dice = dice(seed, "staff");
    let hire = |(username, group, home, warehouse): (String, &str, &Continent, Option<WarehouseId>)| Staff {
        password: password(&mut dice),
        sub: sub(&mut dice),
        email: format!("{username}@example.com"),
        username,
        group: group.to_owned(),
        home: home.clone(),
        warehouse,
    };
    posts.into_iter().map(hire).collect()
}
