//! The first stock of a new environment.

use crate::{error::WarehouseError, store::Store};
use contracts::ProductId;
use platform::Platform;

/// Opens the warehouses whose home is this region and puts `units` of each product into each, once: what is
/// there already stays as it is.
///
/// # Errors
/// When the tables do not answer.
pub async fn seed(platform: &Platform, products: &[ProductId], units: i64) -> Result<(), WarehouseError> {
    let store = Store::new(platform);
    for warehouse in platform.config.warehouses.iter().filter(|known| store.is_home(&known.id)) {
        store.put_first_site(&warehouse.id).await?;
        for product in products {
            store.put_initial(*product, &warehouse.id, units).await?;
        }
    }
    Ok(())
}
