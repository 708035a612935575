//! One order's life, and everything that it leaves behind.

use super::world::{Ledgers, REGIONS, START_MS, continent_of, product};
use crate::checks::{Attempt, AttemptLine, CarrierEntry, Command, CommandKind, Outcome, ProviderEntry};
use contracts::events::{Event, Happening, Metadata, PaymentOutcome, ProductUnits};
use contracts::journal::{self, Ballot, Entry, EntryState, EntryValue};
use contracts::order::{Order, OrderLine, OrderStatus, PaymentState, StatusChange, StockState};
use contracts::stock::Movement;
use contracts::{Address, Package, Timestamp, WarehouseId, keys};
use serde_json::{Value, json};

/// A step: status, epoch and region of the owner.
pub(super) type Step = (OrderStatus, u64, &'static str);

/// What happens to one order.
pub(super) struct Story {
    pub(super) user: &'static str,
    pub(super) home: &'static str,
    /// Milliseconds after the start of the run.
    pub(super) at_ms: i64,
    pub(super) quantity: u32,
    /// The warehouse at first, and in the end.
    pub(super) warehouses: [&'static str; 2],
    pub(super) steps: Vec<Step>,
    /// Continents that held a copy when the order was acknowledged.
    pub(super) copies: &'static [&'static str],
    /// What the customer asked and was told, with the version that it made.
    pub(super) told: Option<(CommandKind, u64)>,
}

const DELIVERY: i64 = 1_000;
const PRICE: i64 = 1_250;

impl Story {
    fn key(&self) -> String {
        format!("key-{}", self.user)
    }

    fn total(&self) -> i64 {
        PRICE * i64::from(self.quantity) + DELIVERY
    }

    fn token(&self) -> String {
        format!("token-{}", self.user)
    }

    fn moment(&self, version: u64) -> i64 {
        START_MS + self.at_ms + 400 * version as i64
    }

    fn delivered(&self) -> bool {
        self.steps.iter().any(|step| step.0 == OrderStatus::Fulfilled)
    }

    /// Whether the customer's age is not known yet.
    fn under_review(&self) -> bool {
        self.steps.last().is_some_and(|step| step.0 == OrderStatus::AgeReview)
    }

    /// Whether the order waited for goods at first.
    fn backordered(&self) -> bool {
        self.steps.first().is_some_and(|step| step.0 == OrderStatus::Backordered)
    }

    /// Whether it still does.
    fn waits_for_goods(&self) -> bool {
        self.steps.last().is_some_and(|step| step.0 == OrderStatus::Backordered)
    }

    /// What has come back by a version: one unit, in the end.
    fn returned_by(&self, version: u64) -> Vec<ProductUnits> {
        let status = self.steps[version as usize - 1].0;
        let one = ProductUnits { product_id: product(), quantity: 1 };
        (status == OrderStatus::Returned).then_some(one).into_iter().collect()
    }

    /// The order after its step number `version`.
    fn order(&self, version: u64) -> Order {
        let steps = &self.steps[..version as usize];
        let history = steps.iter().zip(1..).map(|((status, epoch, _), version)| StatusChange {
            version,
            status: *status,
            at: Timestamp(self.moment(version)),
            epoch: *epoch,
            reason: self.reason_of(version),
        });
        let (status, epoch, region) = steps[steps.len() - 1];
        let moved = steps.iter().any(|step| step.0 == OrderStatus::Reallocating);
        let served_later = self.backordered() && status != OrderStatus::Backordered;
        let paid = steps.iter().any(|step| step.0 == OrderStatus::Paid);
        let home = self.home.into();
        Order {
            order_id: keys::order_id(&self.user.into(), &self.key()),
            user_id: self.user.into(),
            created_date: Timestamp(self.moment(1)),
            modified_date: Timestamp(self.moment(version)),
            status,
            products: vec![OrderLine {
                product_id: product(),
                name: "Robusto".into(),
                package: Package::default(),
                price: PRICE,
                quantity: self.quantity,
            }],
            address: address(),
            delivery_price: DELIVERY,
            total: self.total(),
            currency: "USD".into(),
            version,
            epoch,
            home_region: region.into(),
            shard: keys::shard_of(&home, &self.user.into(), 16),
            home,
            idempotency_key: self.key(),
            request_hash: format!("body-{}", self.user),
            payment_state: payment_state(status, paid),
            captured: if paid { self.total() } else { 0 },
            refunded: if status == OrderStatus::Returned { PRICE } else { 0 },
            stock_state: stock_state(status),
            warehouse_id: self.warehouses[usize::from(moved)].into(),
            allocation: 1 + u32::from(moved || served_later),
            accept_partial: true,
            allow_backorder: self.backordered(),
            attention: false,
            payment_attempt: 1,
            cancel_requested: self.wished_by(version),
            returned: self.returned_by(version),
            tracking_id: None,
            erasure: None,
            history: history.collect(),
        }
    }

    /// Plays the whole story into the ledgers.
    pub(super) fn play(&self, ledgers: &mut Ledgers) {
        ledgers.attempts.push(self.attempt());
        self.journal(ledgers);
        self.command(ledgers);
        self.rows(ledgers);
        self.events(ledgers);
        self.goods(ledgers);
        self.money(ledgers);
        if !self.under_review() {
            ledgers.rows("users.profiles").push(json!({"userId": self.user, "ageVerdict": "PASSED"}));
        }
    }

    fn attempt(&self) -> Attempt {
        let order = self.order(1);
        Attempt {
            user_id: self.user.into(),
            home: self.home.into(),
            idempotency_key: self.key(),
            body_hash: format!("client-{}", self.user),
            lines: vec![AttemptLine { product_id: product(), quantity: self.quantity, price: PRICE }],
            country: "DE".into(),
            delivery_price: DELIVERY,
            total: self.total(),
            currency: "USD".into(),
            sent_ms: self.moment(1) - 100,
            answered_ms: Some(self.moment(1) + 200),
            outcome: Outcome::Acknowledged,
            order_id: Some(order.order_id),
            served_by: Some(order.home_region),
            planned_refusal: false,
            sold_out: false,
            source: "driver".into(),
        }
    }

    fn command_key(&self) -> String {
        format!("command-{}", self.user)
    }

    fn reason(&self) -> String {
        format!("changed my mind ({})", self.command_key())
    }

    /// The reason of the step that made a version.
    fn reason_of(&self, version: u64) -> Option<String> {
        let (kind, made) = self.told.filter(|(_, made)| *made == version)?;
        let wish = kind == CommandKind::Cancel && self.steps[made as usize - 1].0 != OrderStatus::Cancelling;
        let prefix = if wish { "the customer wants to cancel: " } else { "" };
        Some(format!("{prefix}{}", self.reason()))
    }

    /// Whether the customer had wished to cancel, when the order could not be cancelled any more.
    fn wished_by(&self, version: u64) -> bool {
        let made = self.told.filter(|(kind, made)| *kind == CommandKind::Cancel && *made <= version);
        made.is_some_and(|(_, made)| self.steps[made as usize - 1].0 != OrderStatus::Cancelling)
    }

    /// What the customer asked and was told, and its copies in the journal.
    fn command(&self, ledgers: &mut Ledgers) {
        let Some((kind, made)) = self.told else { return };
        let (before, after, at_ms) = (self.order(made - 1), self.order(made), self.moment(made));
        let lines = Vec::new();
        let command = match kind {
            CommandKind::Cancel => journal::Command::Cancel { by_staff: false, reason: self.reason() },
            CommandKind::Return => journal::Command::Return { lines, reason: self.reason() },
        };
        let (_, epoch, region) = self.steps[made as usize - 1];
        let ballot = Ballot { epoch, region: region.into(), incarnation: "i1".into() };
        let key = format!("{}#command:{}", before.order_id, self.command_key());
        let (order_id, shard) = (before.order_id, before.shard.clone());
        let payment_ref = "sealed".into();
        let value = EntryValue::Command { order_id, command, order: Box::new(before), payment_ref };
        self.copy(ledgers, Entry::open(shard, key, ballot, value), at_ms + 50);
        ledgers.commands.push(Command {
            kind,
            order_id,
            idempotency_key: self.command_key(),
            reason: self.reason(),
            sent_ms: at_ms,
            answered_ms: Some(at_ms + 100),
            outcome: Outcome::Acknowledged,
            order_status: Some(after.status),
            order_version: Some(made),
        });
    }

    /// Puts a closed entry into the journal of each continent that had a copy.
    fn copy(&self, ledgers: &mut Ledgers, mut entry: Entry, written_ms: i64) {
        entry.state = EntryState::Closed;
        let mut row = json!(entry);
        row["value"] = json!(json!(entry.value).to_string());
        row["writtenAt"] = json!(written_ms);
        for continent in self.copies {
            ledgers.on_continent(continent, "orders.journal").push(row.clone());
        }
    }

    fn journal(&self, ledgers: &mut Ledgers) {
        let order = self.order(1);
        let (_, epoch, region) = self.steps[0];
        let token_hash = keys::token_hash(&self.token());
        let value = EntryValue::Order {
            payment_ref: "sealed".into(),
            token_hash: token_hash.clone(),
            warehouse_epoch: 1,
            lines: Vec::new(),
            order: Box::new(order.clone()),
        };
        let ballot = Ballot { epoch, region: region.into(), incarnation: "i1".into() };
        let key = keys::journal_key(&order.user_id, &order.idempotency_key);
        let entry = Entry::open(order.shard.clone(), key, ballot, value);
        self.copy(ledgers, entry, self.moment(1) + 100);
        let token = json!({"tokenHash": token_hash, "orderId": order.order_id});
        for continent in self.copies {
            ledgers.on_continent(continent, "orders.tokens").push(token.clone());
        }
    }

    /// The last row of each branch, in the orders table and in those of its followers.
    fn rows(&self, ledgers: &mut Ledgers) {
        let last_of_branch = (1..=self.steps.len()).filter(|at| {
            self.steps
                .get(*at)
                .is_none_or(|next| (next.1, next.2) != (self.steps[at - 1].1, self.steps[at - 1].2))
        });
        for version in last_of_branch {
            let order = self.order(version as u64);
            let mut row = json!(order);
            row["branch"] = json!(branch(order.epoch, order.home_region.as_str()));
            row["pending"] = json!({});
            ledgers.rows("orders").push(row);
        }
    }

    fn events(&self, ledgers: &mut Ledgers) {
        for version in 1..=self.steps.len() as u64 {
            let (_, epoch, region) = self.steps[version as usize - 1];
            let new = Box::new(self.order(version));
            let happening = match version {
                1 => Happening::OrderCreated(new),
                _ => Happening::OrderModified {
                    old: Box::new(self.order(version - 1)),
                    new,
                    changed: Vec::new(),
                },
            };
            let event = self.event(version, epoch, region, happening);
            let inbox = format!("warehouse#{}", event.metadata.event_id.0);
            ledgers.in_region(region, "platform.inbox").push(json!({"id": inbox, "appliedAt": 1}));
            ledgers.publish(region, envelope(&event));
        }
    }

    fn event(&self, version: u64, epoch: u64, region: &str, happening: Happening) -> Event {
        let order_id = self.order(1).order_id.to_string();
        let metadata = Metadata {
            event_id: keys::event_id("order", &order_id, epoch, version, happening.detail_type()),
            schema: happening.schema(),
            aggregate: "order".into(),
            aggregate_id: order_id.clone(),
            aggregate_version: version,
            epoch,
            home_region: region.into(),
            produced_at: Timestamp(self.moment(version)),
            correlation_id: order_id.clone(),
            causation_id: order_id,
            traceparent: None,
        };
        Event { metadata, happening }
    }

    fn goods(&self, ledgers: &mut Ledgers) {
        if self.waits_for_goods() {
            return;
        }
        let order = self.order(self.steps.len() as u64);
        let (_, epoch, region) = self.steps[self.steps.len() - 1];
        let fulfilled = self.delivered();
        let reference = order.order_id.to_string();
        let units = i64::from(self.quantity);
        if self.warehouses[0] != self.warehouses[1] {
            ledgers.move_stock(self.warehouses[0], Movement::Reserve, units, &reference);
            self.keep(ledgers, self.warehouses[0], &self.order(1), "HELD");
        }
        if self.backordered() {
            ledgers.receive(self.warehouses[1], 5);
        }
        ledgers.move_stock(self.warehouses[1], Movement::Reserve, units, &reference);
        if self.under_review() {
            return self.keep(ledgers, self.warehouses[1], &order, "HELD");
        }
        let (last, state) =
            if fulfilled { (Movement::Consume, "CONSUMED") } else { (Movement::Release, "RELEASED") };
        ledgers.move_stock(self.warehouses[1], last, units, &reference);
        self.keep(ledgers, self.warehouses[1], &order, state);
        if !order.returned.is_empty() {
            ledgers.move_stock(self.warehouses[1], Movement::Restock, 1, &reference);
        }
        let sk = |end: &str| json!(format!("{}#{end}", branch(epoch, region)));
        let status = if fulfilled { "COMPLETED" } else { "FAILED" };
        ledgers
            .rows("warehouse")
            .push(json!({"orderId": order.order_id, "sk": sk("__metadata"), "status": status}));
        ledgers.rows("warehouse").push(json!({
            "orderId": order.order_id, "sk": sk(&product().to_string()), "productId": product(),
            "quantity": units, "packagedQuantity": if fulfilled { units } else { 0 },
        }));
    }

    /// What is kept, and what the warehouse tells of it.
    fn keep(&self, ledgers: &mut Ledgers, warehouse: &str, order: &Order, state: &str) {
        ledgers.reservation(warehouse, order, state);
        let (order_id, allocation) = (order.order_id, order.allocation);
        let warehouse_id = WarehouseId::from(warehouse);
        let lines = vec![ProductUnits { product_id: product(), quantity: self.quantity }];
        let back = Happening::StockReleased {
            order_id,
            warehouse_id: warehouse_id.clone(),
            allocation,
            lines: lines.clone(),
        };
        let kept = Happening::StockReserved { order_id, warehouse_id, allocation, lines };
        let told = [Some(kept), (state == "RELEASED").then_some(back)];
        let (_, epoch, region) = self.steps[self.steps.len() - 1];
        for happening in told.into_iter().flatten() {
            let id = format!("{order_id}:{allocation}:{warehouse}");
            let event = self.told("reservation", &id, (epoch, region), happening);
            ledgers.publish(region, envelope(&event));
        }
    }

    fn money(&self, ledgers: &mut Ledgers) {
        let order = self.order(self.steps.len() as u64);
        let (_, epoch, region) = self.steps[self.steps.len() - 1];
        let paid = order.captured > 0;
        ledgers.provide(self.provider("preauth", 0, None));
        if self.under_review() || self.waits_for_goods() {
            return;
        }
        let (operation, state) = if paid { ("capture", "CAPTURED") } else { ("void", "VOIDED") };
        let effect = self.provider(operation, 900, Some(format!("{}:{operation}:1", order.order_id)));
        ledgers.rows("payment.ledger").push(json!({
            "orderId": order.order_id, "seq": 1, "operation": operation, "amount": effect.amount,
            "key": effect.key, "reference": effect.reference, "outcome": "OK",
        }));
        ledgers.provide(effect);
        if !order.returned.is_empty() {
            self.refund(ledgers, &order);
        }
        ledgers.rows("payment").push(json!({
            "orderId": order.order_id, "branch": branch(epoch, region), "state": state, "version": 2,
            "authorised": self.total(), "attempt": 1,
        }));
        ledgers.publish(region, envelope(&self.authorised(epoch, region)));
        if self.delivered() {
            self.parcel(ledgers, &order, epoch, region);
        }
    }

    /// What payment tells when it first hears of the order's token.
    fn authorised(&self, epoch: u64, region: &str) -> Event {
        let order_id = self.order(1).order_id;
        let happening = Happening::PaymentAuthorised(PaymentOutcome {
            order_id,
            amount: self.total(),
            currency: "USD".into(),
            attempt: 1,
            reason: None,
        });
        self.told("payment", &order_id.to_string(), (epoch, region), happening)
    }

    /// What another service than orders tells of something.
    fn told(&self, kind: &str, id: &str, (epoch, region): (u64, &str), happening: Happening) -> Event {
        let mut event = self.event(1, epoch, region, happening);
        event.metadata.event_id = keys::event_id(kind, id, epoch, 1, event.happening.detail_type());
        (event.metadata.aggregate, event.metadata.aggregate_id) = (kind.into(), id.into());
        event
    }

    fn refund(&self, ledgers: &mut Ledgers, order: &Order) {
        let key = Some(format!("{}:refund:1", order.order_id));
        let effect = ProviderEntry { amount: order.refunded, ..self.provider("refund", 3_000, key) };
        ledgers.rows("payment.ledger").push(json!({
            "orderId": order.order_id, "seq": 2, "operation": "refund", "amount": effect.amount,
            "key": effect.key, "reference": effect.reference, "outcome": "OK",
        }));
        ledgers.provide(effect);
    }

    fn provider(&self, operation: &str, after_ms: i64, key: Option<String>) -> ProviderEntry {
        ProviderEntry {
            at_ms: self.moment(0) + after_ms,
            operation: operation.into(),
            token: self.token(),
            amount: self.total(),
            key,
            ok: true,
            reference: Some(format!("ref-{operation}-{}", self.user)),
            ..ProviderEntry::default()
        }
    }

    fn parcel(&self, ledgers: &mut Ledgers, order: &Order, epoch: u64, region: &str) {
        let entry = CarrierEntry {
            at_ms: self.moment(0) + 1_500,
            kind: "dispatched".into(),
            key: format!("{}:dispatch", order.order_id),
            order_id: Some(order.order_id),
            tracking_id: Some(format!("T-{}", self.user)),
            warehouse_id: Some(order.warehouse_id.clone()),
            country: Some("DE".into()),
            ..CarrierEntry::default()
        };
        let delivered =
            CarrierEntry { kind: "delivered".into(), adult_signature: Some(true), ..entry.clone() };
        ledgers.carrier.extend([entry, delivered]);
        let mut row = json!({
            "orderId": order.order_id, "branch": branch(epoch, region), "status": "COMPLETED",
            "address": order.address, "requiresAdultSignature": true, "warehouseId": order.warehouse_id,
            "version": 3, "trackingId": format!("T-{}", self.user),
        });
        if !order.returned.is_empty() {
            row["cameBack"] = json!({ "lines": order.returned, "resaleable": true });
        }
        ledgers.rows("delivery").push(row);
    }
}

fn payment_state(status: OrderStatus, paid: bool) -> PaymentState {
    match status {
        OrderStatus::PackagingFailed | OrderStatus::Cancelled => PaymentState::Voided,
        OrderStatus::Cancelling => PaymentState::VoidPending,
        OrderStatus::Returned => PaymentState::PartiallyRefunded,
        _ if paid => PaymentState::Captured,
        _ => PaymentState::Authorised,
    }
}

fn stock_state(status: OrderStatus) -> StockState {
    match status {
        OrderStatus::PackagingFailed | OrderStatus::Cancelled => StockState::Released,
        OrderStatus::Cancelling => StockState::ReleasePending,
        OrderStatus::Returned => StockState::Restocked,
        OrderStatus::AgeReview => StockState::Held,
        OrderStatus::Backordered => StockState::None,
        OrderStatus::Shipped | OrderStatus::Fulfilled | OrderStatus::ReturnRequested => StockState::Consumed,
        _ => StockState::Committed,
    }
}

fn address() -> Address {
    Address {
        name: "A. Smoker".into(),
        company_name: None,
        street_address: "Hafenstrasse 1".into(),
        post_code: None,
        city: "Hamburg".into(),
        state: None,
        country: "DE".into(),
        phone_number: "1".into(),
    }
}

fn envelope(event: &Event) -> Value {
    json!({
        "version": "0", "id": "x", "source": event.happening.source(), "account": "0", "region": "r",
        "detail-type": event.happening.detail_type(), "time": "t", "resources": [], "detail": event.detail(),
    })
}

pub(super) fn branch(epoch: u64, region: &str) -> String {
    debug_assert!(REGIONS.contains(&region) && !continent_of(region).is_empty());
    format!("{epoch:012}#{region}")
}
