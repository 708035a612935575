//! Carries out what administrators want, in the one region that writes the catalogue.

use crate::{
    clients,
    domain::change::{Change, Command},
    error::Error,
    store::Store,
};
use axum::http::HeaderValue;
use contracts::{Product, ProductId, Region};
use platform::{Deadline, Platform, TableError};

/// Rounds against others who change the same product.
const TRIES: usize = 3;

/// Where administrators' commands are carried out.
#[derive(Clone)]
pub(crate) struct Desk {
    platform: Platform,
    store: Store,
}

impl Desk {
    pub(crate) fn new(platform: &Platform, store: Store) -> Self {
        Desk { platform: platform.clone(), store }
    }

    /// The region that writes. The table is global and its last writer wins, so there must be one writer; the journal
    /// region of the first continent is it.
    fn home(&self) -> &Region {
        let config = &self.platform.config;
        config.continents.first().map_or(&config.region, |first| &first.journal_region)
    }

    /// Carries out a command, here or where the catalogue is written, and gives the product as it is then. A repeat
    /// gives the same.
    pub(crate) async fn carry_out(
        &self,
        product_id: ProductId,
        command: &Command,
        token: HeaderValue,
        deadline: Deadline,
    ) -> Result<Product, Error> {
        let home = self.home();
        if *home == self.platform.config.region {
            return self.carry_out_here(product_id, command).await;
        }
        let done = clients::forward(&self.platform, home, product_id, command, token, deadline).await;
        done.map_err(|cause| Error::Home { home: home.clone(), cause })
    }

    async fn carry_out_here(&self, product_id: ProductId, command: &Command) -> Result<Product, Error> {
        for _ in 0..TRIES {
            let held = self.store.row(product_id).await?;
            let product = held.as_ref().map(|row| &row.product);
            match command.decide(product_id, product, self.platform.world.now())? {
                Change::None(product) => return Ok(product),
                Change::Next(product, happening) => match self.store.save(held, product, *happening).await {
                    Err(TableError::Conflict) => {} // somebody was faster: look again
                    done => return Ok(done?),
                },
            }
        }
        Err(TableError::Conflict.into())
    }
}
