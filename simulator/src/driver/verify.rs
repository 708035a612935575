//! Proofs of age: a customer whose order waits for one asks the shop where to go, and shows papers there.

use super::{
    read::judge,
    stage::{Ask, Stage},
};
use contracts::order::OrderStatus;
use loadtests::{
    client::{self, Trouble},
    history::{HistoryClosed, HistoryRecord, Op},
};
use std::time::Duration;
use tokio::time::sleep;

/// A customer asks so often where to go, and waits so long before each time.
const TRIES: usize = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// Whether an answer tells a customer who comes unverified that the order waits for a proof of age.
pub(super) fn wanted(stage: &Stage, record: &HistoryRecord) -> bool {
    let waits = record.order_status.as_deref() == Some(OrderStatus::AgeReview.to_string().as_str());
    waits && stage.config.unverified.contains_key(&record.user_id)
}

/// Asks where to go, and goes there.
pub(super) async fn perform(stage: &Stage, customer: usize) -> Result<(), HistoryClosed> {
    for _ in 0..TRIES {
        sleep(PAUSE).await;
        if let Some(page) = page(stage, customer).await? {
            show_papers(stage, customer, &page).await;
            break;
        }
    }
    Ok(())
}

/// The age checker's page for a customer; none, where the shop does not tell or knows enough.
async fn page(stage: &Stage, customer: usize) -> Result<Option<String>, HistoryClosed> {
    let request = client::start_age_verification(&stage.customer(customer).token);
    let planned_us = stage.config.clock.now_us();
    let (mut record, exchange) = stage.send(Ask { op: Op::VerifyAge, customer, planned_us, request }).await;
    let mut page = None;
    if let Some(exchange) = exchange {
        let begun = exchange.reply().map_err(Trouble::unknown).and_then(client::age_verification_started);
        page = begun.as_ref().ok().and_then(|begun| begun.url.clone());
        judge(&mut record, begun.map(drop));
    }
    stage.done(record).await?;
    Ok(page)
}

/// The checker is no part of the platform: what it answers is judged by nobody.
async fn show_papers(stage: &Stage, customer: usize, page: &str) {
    let Some(papers) = stage.config.unverified.get(&stage.customer(customer).customer.sub) else { return };
    let exchange = stage.wire.exchange(page, client::show_papers(papers)).await;
    if let Err(why) = &exchange.answer {
        tracing::info!(%why, "the age checker does not answer");
    }
}
