//! What all requests of a run share, and how one of them is sent and written down.

use super::{
    DriverConfig, DriverError, DriverReport,
    book::Book,
    meter,
    wire::{Exchange, Wire},
};
use contracts::ids::OrderId;
use futures::future::join_all;
use loadtests::{
    accounts::SignedIn,
    client::Request,
    history::{History, HistoryClosed, HistoryRecord, Op, Outcome, Source},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::Instant,
};

/// Requests that wait for an answer. One more is dropped, and counts as failed.
const IN_FLIGHT_MAX: usize = 4_096;

/// Connections opened to each edge before the load begins.
const WARM: usize = 8;

pub(super) struct Stage {
    pub(super) config: DriverConfig,
    pub(super) wire: Wire,
    book: Mutex<Book>,
    in_flight: Semaphore,
    records: mpsc::Sender<HistoryRecord>,
}

/// A request that is about to be sent.
pub(super) struct Ask {
    pub(super) op: Op,
    pub(super) customer: usize,
    pub(super) planned_us: u64,
    pub(super) request: Request,
}

type Metering = JoinHandle<Result<DriverReport, DriverError>>;

impl Stage {
    pub(super) fn set(config: DriverConfig, history: History) -> (Stage, Metering) {
        let (records, inbox) = mpsc::channel(IN_FLIGHT_MAX);
        let metering = tokio::spawn(meter::run(config.clone(), history, inbox));
        let in_flight = Semaphore::new(IN_FLIGHT_MAX);
        let wire = Wire::over(config.world.clone());
        (Stage { config, wire, book: Mutex::default(), in_flight, records }, metering)
    }

    /// Opens connections to every edge, so that no customer pays for the first one.
    pub(super) async fn warm(&self) -> Result<(), String> {
        let greet = |url| self.wire.exchange(url, Request::greeting());
        for (continent, url) in &self.config.edges {
            let greetings = join_all((0..WARM).map(|_| greet(url.as_str()))).await;
            let heard = greetings.iter().any(|greeting| greeting.answer.is_ok());
            if let (false, Some(Err(why))) = (heard, greetings.first().map(|greeting| &greeting.answer)) {
                return Err(format!("the edge of {continent} at {url} does not answer: {why}"));
            }
        }
        Ok(())
    }

    /// The key of an order or a command, by the number that was drawn for it.
    pub(super) fn key(&self, draw: u64) -> String {
        format!("d{:x}{}-{draw:x}", self.config.seed, self.config.key_mark)
    }

    /// The key of a change of the cart.
    pub(super) fn cart_key(&self, draw: u64) -> String {
        format!("c{}{draw:x}", self.config.key_mark)
    }

    pub(super) fn customer(&self, place: usize) -> &SignedIn {
        &self.config.customers[place]
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A customer saw how far an order is; goods that the shop awaits go to the next courier.
    pub(super) fn saw(&self, order_id: OrderId, status: &str) {
        let parcel = self.book().saw(order_id, status);
        if let Some(parcel) = parcel
            && !self.config.returns.hand_over(parcel)
        {
            tracing::warn!(%order_id, "no courier has room for what is sent back");
        }
    }

    /// A planned time in microseconds since the run's start.
    pub(super) fn us(&self, at: Duration) -> u64 {
        self.config.begins_at_us + u64::try_from(at.as_micros()).unwrap_or(u64::MAX / 2)
    }

    pub(super) fn moment(&self, at: Duration) -> Instant {
        self.config.clock.at_us(self.us(at))
    }

    /// Sends a request of a customer through their edge. The record says what happened on the wire; what it
    /// means is for the caller to fill in. `None`: too many are waiting, so it was not sent.
    pub(super) async fn send(&self, ask: Ask) -> (HistoryRecord, Option<Exchange>) {
        let mut record = self.record(ask.op, ask.customer, ask.planned_us);
        let Ok(_permit) = self.in_flight.try_acquire() else {
            record.why = Some("dropped: too many requests were waiting for an answer".to_owned());
            return (record, None);
        };
        let edge = &self.config.edges[&self.customer(ask.customer).customer.continent];
        let exchange = self.wire.exchange(edge, ask.request).await;
        let clock = self.config.clock;
        let ended_us = clock.us_at(exchange.ended);
        record.sent_at_us = Some(clock.us_at(exchange.sent));
        record.latency_us = Some(ended_us.saturating_sub(ask.planned_us));
        match &exchange.answer {
            Ok(answer) => {
                record.answered_at_us = Some(ended_us);
                record.status = Some(answer.status);
                record.served_by = answer.edge.served_by.clone();
                record.attempts = answer.edge.attempts;
                record.refused_by = answer.edge.refused_by.clone();
            }
            Err(why) => record.why = Some(why.clone()),
        }
        (record, Some(exchange))
    }

    /// A record of something that has not happened yet: failed, until more is known.
    pub(super) fn record(&self, op: Op, customer: usize, planned_us: u64) -> HistoryRecord {
        let customer = &self.customer(customer).customer;
        let since_begin = Duration::from_micros(planned_us.saturating_sub(self.config.begins_at_us));
        let phase = meter::phase_at(&self.config.windows, since_begin.as_secs_f64());
        HistoryRecord {
            seq: 0,
            source: Source::Driver,
            op,
            continent: customer.continent.clone(),
            home: customer.home.clone(),
            user_id: customer.sub.clone(),
            idempotency_key: None,
            body_hash: None,
            request: None,
            probe: None,
            planned_at_us: planned_us,
            sent_at_us: None,
            answered_at_us: None,
            wall_ms: self.config.clock.wall_ms_at(planned_us),
            status: None,
            served_by: None,
            attempts: None,
            refused_by: Vec::new(),
            outcome: Outcome::Failed,
            code: None,
            why: None,
            order_id: None,
            order_version: None,
            order_status: None,
            latency_us: None,
            phase: Some(meter::phase_word(phase).to_owned()),
        }
    }

    /// Hands a record to the meter and the history.
    pub(super) async fn done(&self, record: HistoryRecord) -> Result<(), HistoryClosed> {
        self.records.send(record).await.map_err(|_| HistoryClosed)
    }
}
