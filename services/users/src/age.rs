//! Verification of a customer's age: the way to the age checker, and its verdict on the way back.

use crate::{
    clients, domain,
    error::UsersError,
    reference::{Reference, References},
    store::Store,
};
use contracts::{
    FieldError,
    bodies::users::{AgeCallback, AgeVerdict, AgeVerification, MINIMUM_AGE},
};
use platform::{Deadline, Platform, identity::Person};

/// Sends customers to the age checker and takes in what it finds.
#[derive(Clone)]
pub(crate) struct Ages {
    platform: Platform,
    store: Store,
    references: References,
}

impl Ages {
    pub(crate) fn new(platform: &Platform, store: &Store) -> Self {
        let references = References::new(&platform.config.secrets.age_check_key);
        Ages { platform: platform.clone(), store: store.clone(), references }
    }

    /// What is known, and where to go if that is not enough.
    pub(crate) async fn start(&self, person: Person) -> Result<AgeVerification, UsersError> {
        let state = self.store.age(&person.user_id).await?.verdict;
        if state != AgeVerdict::Pending {
            return Ok(AgeVerification { state, url: None });
        }
        let at = self.platform.world.now();
        let reference = self.references.write(&Reference { user_id: person.user_id, home: person.home, at });
        let page = &self.platform.config.age_check_url;
        let url = format!("{page}?reference={reference}&minimumAge={MINIMUM_AGE}");
        Ok(AgeVerification { state, url: Some(url) })
    }

    /// Takes in a verdict: here, where this is the customer's home region, or there.
    pub(crate) async fn found(&self, told: &AgeCallback, deadline: Deadline) -> Result<(), UsersError> {
        let reference = self.reference(told)?;
        let home = self.platform.config.continent(&reference.home).ok_or_else(unknown)?;
        if home.journal_region == self.platform.config.region {
            return Ok(self.store.put_verdict(&reference, told).await?);
        }
        let forwarded = clients::forward(&self.platform, &home.journal_region, told, deadline).await;
        forwarded.map_err(UsersError::HomeSilent)
    }

    /// Takes in a verdict that another region handed on.
    pub(crate) async fn handed_on(&self, told: &AgeCallback) -> Result<(), UsersError> {
        let reference = self.reference(told)?;
        Ok(self.store.put_verdict(&reference, told).await?)
    }

    fn reference(&self, told: &AgeCallback) -> Result<Reference, UsersError> {
        if let Some(fault) = domain::callback_fault(told) {
            return Err(UsersError::Invalid(fault));
        }
        self.references.read(&told.reference).ok_or_else(unknown)
    }
}

fn unknown() -> UsersError {
    UsersError::Invalid(FieldError::new("reference", "VALUE", "is not one of ours"))
}
