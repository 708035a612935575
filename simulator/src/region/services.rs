//! Which services a region runs. The only place that lists them.

use super::RegionSpec;
use contracts::{
    bodies::users::AgeVerdict,
    resources::{Subscription, TableSpec},
};
use platform::{Platform, Service};

/// The services, ready to be started.
pub fn build(platform: &Platform) -> Vec<Service> {
    vec![
        users::service(platform.clone()),
        products::service(platform.clone()),
        orders::service(platform.clone()),
        warehouse::service(platform.clone()),
        delivery::service(platform.clone()),
        payment::service(platform.clone()),
        frontend_api::service(platform.clone()),
    ]
}

/// The tables of all services.
pub fn tables() -> Vec<TableSpec> {
    let services = [
        users::TABLES,
        products::TABLES,
        orders::TABLES,
        warehouse::TABLES,
        delivery::TABLES,
        payment::TABLES,
    ];
    let own = services.into_iter().flatten().copied();
    own.chain([platform::inbox::TABLE]).chain(platform::regions::TABLES.iter().copied()).collect()
}

/// A table in a scenario's words: its service and, where it is not the main one, what distinguishes it.
pub fn table_word(table: &TableSpec) -> String {
    match table.table {
        "" => table.service.to_owned(),
        further => format!("{}.{further}", table.service),
    }
}

/// Who listens to which events.
pub fn subscriptions() -> Vec<Subscription> {
    let services = [
        users::SUBSCRIPTION,
        products::SUBSCRIPTION,
        orders::SUBSCRIPTION,
        warehouse::SUBSCRIPTION,
        delivery::SUBSCRIPTION,
        payment::SUBSCRIPTION,
        frontend_api::SUBSCRIPTION,
    ];
    services.into_iter().flatten().collect()
}

/// Writes what every region is to have alike: the catalogue and the customers who are known. One region does;
/// two who write the same are two writers.
pub(super) async fn seed_everywhere(platform: &Platform, spec: &RegionSpec) -> anyhow::Result<()> {
    products::seed(platform).await?;
    let adults: Vec<_> = spec.adults.iter().map(|user| (user.clone(), AgeVerdict::Passed)).collect();
    users::seed(platform, &adults).await?;
    Ok(())
}

/// Writes what only this region has: the stock of its warehouses, and its copy of the journal.
pub(super) async fn seed_here(platform: &Platform, spec: &RegionSpec) -> anyhow::Result<()> {
    let products = products::catalogue()?.into_iter().map(|product| product.product_id);
    let (scarce, plenty): (Vec<_>, Vec<_>) = products.partition(|id| spec.scarce.contains(id));
    warehouse::seed(platform, &plenty, spec.stock_units).await?;
    warehouse::seed(platform, &scarce, spec.scarce_units).await?;
    orders::found(platform).await?;
    Ok(())
}
