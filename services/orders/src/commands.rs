//! What people ask of an order that is there, done by its owner: checked, journalled on two continents, done, answered.
//! Whoever is told that it is done can rely on it as on the order itself.

use crate::{
    clients::Clients,
    domain::{
        command,
        life::{self, Outcome},
        steps,
    },
    error::OrdersError,
    journal::owner::{Outcome as Proposed, Owner},
    saga::{Saga, SagaError, intent_key},
    store::OrderRecord,
    tasks::Tasks,
};
use contracts::{
    Code, Order, OrderId, OrderStatus, ShardId, UserId,
    journal::{Command, EntryValue},
};
use platform::{Deadline, Platform, config::Durability, replay::Replay};
use tokio::sync::{OwnedMutexGuard, oneshot};

/// A request about an order.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The order.
    pub order_id: OrderId,
    /// Its shard.
    pub shard: ShardId,
    /// Whose order it must be; anybody's where staff ask.
    pub of: Option<UserId>,
    /// What is asked.
    pub command: Command,
    /// The payment token that the command brings.
    pub payment_token: Option<String>,
    /// The key under which it is done once.
    pub idempotency_key: String,
}

impl Asked {
    /// The journal's key.
    fn key(&self) -> String {
        format!("{}#command:{}", self.order_id, self.idempotency_key)
    }
}

/// Carries commands out.
#[derive(Clone)]
pub struct Commander {
    platform: Platform,
    clients: Clients,
    owner: Owner,
    saga: Saga,
    /// Commands under way: they go on when the caller's budget has run out.
    pub tasks: Tasks,
}

impl Commander {
    /// For the orders of `owner`.
    pub fn new(platform: &Platform, owner: &Owner, saga: &Saga) -> Self {
        Commander {
            platform: platform.clone(),
            clients: Clients::new(platform),
            owner: owner.clone(),
            saga: saga.clone(),
            tasks: Tasks::default(),
        }
    }

    /// Does what is asked and gives the order after it. The same key again gives the order without doing it twice.
    ///
    /// # Errors
    /// When the order's state does not allow it, or nothing definite can be said.
    pub async fn carry_out(&self, asked: Asked, deadline: Deadline) -> Result<Replay<Order>, OrdersError> {
        let (tell, told) = oneshot::channel();
        let commander = self.clone();
        self.tasks.spawn(async move {
            let _ = tell.send(commander.work(&asked, deadline).await); // the caller may have gone
        });
        match deadline.bound(told).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(OrdersError::Internal("a command was dropped".into())),
            Err(_) => Err(OrdersError::NotDurable),
        }
    }

    async fn work(&self, asked: &Asked, deadline: Deadline) -> Result<Replay<Order>, OrdersError> {
        self.owner.until_decided(&asked.shard, asked.order_id).await;
        let turn = self.saga.turns.take(asked.order_id).await;
        let record = self.saga.own(asked.order_id).await.map_err(unknown_is_not_found)?;
        if asked.of.as_ref().is_some_and(|user| *user != record.order.user_id) {
            return Err(OrdersError::NotFound);
        }
        // What is asked of it now must not be kept: people write about themselves.
        match record.order.erasure {
            Some(_) if asked.command == Command::Erase => {
                return Ok(Replay { body: record.order, again: true });
            }
            Some(_) => return Err(conflict("The order is erased")),
            None => {}
        }
        match self.written(&record.order, &asked.key()).await? {
            Some(value) if !same(&value, asked) => Err(OrdersError::KeyReused),
            Some(value) => {
                let body = self.propose(asked, value, turn).await?;
                Ok(Replay { body, again: true })
            }
            None => {
                let value = self.judge(record, asked, deadline).await?;
                Ok(Replay::first(self.propose(asked, value, turn).await?))
            }
        }
    }

    /// What is to be journalled: the command, or that it is refused. Nothing where that cannot be said yet.
    async fn judge(
        &self,
        record: OrderRecord,
        asked: &Asked,
        deadline: Deadline,
    ) -> Result<EntryValue, OrdersError> {
        let (order_id, command) = (asked.order_id, asked.command.clone());
        let agreed = match self.check(&record.order, asked).await {
            Ok(()) => self.payment_ref(&record, asked, deadline).await,
            Err(refusal) => Err(refusal),
        };
        match agreed {
            Ok(payment_ref) => {
                Ok(EntryValue::Command { order_id, command, order: Box::new(record.order), payment_ref })
            }
            Err(refusal) if refusal.definite() => {
                Ok(EntryValue::CommandRefused { order_id, command, answer: refusal.answer() })
            }
            Err(unsure) => Err(unsure),
        }
    }

    /// What the journal has under a key of an order. Where the order began under a former owner this region's copy is
    /// not enough: it may lack what the others have closed, as the order may be older here than they know it.
    async fn written(&self, order: &Order, key: &str) -> Result<Option<EntryValue>, OrdersError> {
        if self.platform.config.durability == Durability::Async {
            return Ok(None);
        }
        let entry = match steps::under_predecessor(order) {
            true => self.owner.written(&order.shard, key).await?,
            false => {
                let held = self.owner.copies.own.held(&order.shard, key).await;
                held.map_err(|cause| OrdersError::Internal(cause.to_string()))?
            }
        };
        Ok(entry.map(|entry| entry.value))
    }

    async fn check(&self, order: &Order, asked: &Asked) -> Result<(), OrdersError> {
        if let Command::Return { lines, .. } = &asked.command {
            let faults = command::return_faults(order, lines);
            if !faults.is_empty() {
                return Err(OrdersError::Invalid(faults));
            }
            if let Some(why) = command::return_refusal(order, self.platform.world.now()) {
                return Err(conflict(why));
            }
        }
        let writer = self.saga.writer(order)?;
        let changes =
            matches!(life::apply(order, &command::trigger(&asked.command), &writer), Outcome::Changed(_));
        let cancels = matches!(asked.command, Command::Cancel { .. });
        if !changes || cancels && self.may_be_dispatched(order).await? {
            return Err(conflict(&format!("The order is {}", order.status)));
        }
        Ok(())
    }

    /// Whether the carrier may have been asked already. Nobody asks it while this order's turn is ours. A dispatch that
    /// cannot be ruled out counts as one.
    async fn may_be_dispatched(&self, order: &Order) -> Result<bool, OrdersError> {
        if order.status != OrderStatus::Paid && !steps::under_predecessor(order) {
            return Ok(false);
        }
        let key = intent_key(order, &steps::dispatch_key(order));
        Ok(self.owner.proposal(&order.shard, &key).is_some() || self.written(order, &key).await?.is_some())
    }

    /// The sealed token with which the order is paid from now on.
    async fn payment_ref(
        &self,
        record: &OrderRecord,
        asked: &Asked,
        deadline: Deadline,
    ) -> Result<String, OrdersError> {
        let order = &record.order;
        match &asked.payment_token {
            None => Ok(record.payment_ref.clone()),
            Some(token) => {
                let (id, currency) = (order.order_id, order.currency.clone());
                self.clients.check_token(token, order.total, currency, id, deadline).await
            }
        }
    }

    async fn propose(
        &self,
        asked: &Asked,
        value: EntryValue,
        turn: OwnedMutexGuard<()>,
    ) -> Result<Order, OrdersError> {
        let decided = match self.platform.config.durability {
            Durability::Async => value,
            Durability::Journal => {
                let mut proposal = self.owner.propose(&asked.shard, &asked.key(), value)?;
                let outcome =
                    proposal.wait_for(Option::is_some).await.map_err(|_| OrdersError::NotDurable)?;
                match outcome.clone() {
                    Some(Proposed::Chosen(entry) | Proposed::Decided(entry)) => entry.value,
                    Some(Proposed::TokenBound) => return Err(token_used()),
                    _ => return Err(OrdersError::NotDurable),
                }
            }
        };
        if !same(&decided, asked) {
            return Err(OrdersError::KeyReused);
        }
        if let EntryValue::CommandRefused { answer, .. } = decided {
            return Err(OrdersError::told(answer));
        }
        let done = self.saga.obey(&decided).await;
        drop(turn);
        done.map(|record| record.order).map_err(|cause| match cause {
            SagaError::Orders(error) => error,
            // It is journalled: it will be done, by this owner or the next.
            _ => OrdersError::NotDurable,
        })
    }
}

/// Whether an entry is about what is asked.
fn same(value: &EntryValue, asked: &Asked) -> bool {
    let (EntryValue::Command { command, .. } | EntryValue::CommandRefused { command, .. }) = value else {
        return false;
    };
    *command == asked.command
}

fn conflict(why: &str) -> OrdersError {
    OrdersError::Refused { code: Code::Conflict, message: why.to_owned() }
}

fn token_used() -> OrdersError {
    let message = "The payment token is used by another order".into();
    OrdersError::Refused { code: Code::PaymentRefused, message }
}

fn unknown_is_not_found(cause: SagaError) -> OrdersError {
    match cause {
        SagaError::Unknown => OrdersError::NotFound,
        SagaError::NotOwner => OrdersError::NoOwner,
        SagaError::Orders(error) => error,
        _ => OrdersError::NotDurable,
    }
}
