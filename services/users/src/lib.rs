//! Customers: who they are, whether they are of age, and what lies in their carts.
//!
//! Sign-in and sign-up are the user pool's work, which tells this service of each customer who confirmed. It keeps
//! the verdict on a customer's age, never a birth date or a document. The verdict comes from the age checker, by a
//! signed webhook, and is written by the region that keeps the journal of the customer's home continent: other
//! regions hand it on. While that region is gone a verdict is refused with 503, and the age checker sends it again;
//! what is known can be read everywhere, and verification can be begun everywhere.
//!
//! A signed-in customer's cart bears their id and is theirs alone. Before that there are anonymous carts: a random id that
//! whoever knows it may use. At sign-in the one is merged into the other.

mod age;
mod api;
mod clients;
mod domain;
mod error;
mod events;
mod reference;
mod store;

pub use events::SUBSCRIPTION;
pub use store::TABLES;

use contracts::{UserId, bodies::users::AgeVerdict};
use platform::{Platform, Service, TableError, layers};
use store::Store;

/// The service's name, as in addresses.
pub const NAME: &str = "users";

/// The service, ready to be run by a host.
pub fn service(platform: Platform) -> Service {
    let store = Store::new(&platform);
    let (workers, ages) = (store.outbox().workers().to_vec(), age::Ages::new(&platform, &store));
    let on_sign_up = events::on_sign_up(&platform, &store);
    Service {
        name: NAME,
        router: layers::wrap(&platform, NAME, api::routes(store, ages)),
        workers,
        consumer: None,
        on_sign_up: Some(on_sign_up),
    }
}

/// Writes the verdicts of customers who were verified elsewhere, once: what is there already stays.
///
/// # Errors
/// When the table does not answer.
pub async fn seed(platform: &Platform, verdicts: &[(UserId, AgeVerdict)]) -> Result<(), TableError> {
    let store = Store::new(platform);
    for (user_id, verdict) in verdicts {
        store.put_first_verdict(user_id, *verdict).await?;
    }
    Ok(())
}
