//! Carries out effects: decide, write down what is begun, ask the provider, write down how it ended; and
//! look again, until the command is answered by what is stored.

use crate::{
    clients::Provider,
    domain::{self, Command, Effect, Ended, Operation, Payment, Step},
    error::Error,
    events::News,
    store::{Base, Row, Store},
};
use contracts::{
    OrderId, PaymentState,
    bodies::payment::{PaymentView, ValidateRequest, ValidateResponse},
};
use platform::{Deadline, Platform, TableError, branches::Branches, planted::Planted, seal::Seal};

/// How often a command is looked at: a new owner, a finished earlier effect and the effect itself take one
/// look each, and so does every lost race.
const LOOKS: usize = 8;

/// Where payments are worked on.
#[derive(Clone)]
pub(crate) struct Desk {
    platform: Platform,
    store: Store,
    provider: Provider,
}

impl Desk {
    pub(crate) fn new(platform: &Platform, store: Store) -> Self {
        Desk { platform: platform.clone(), store, provider: Provider::new(platform) }
    }

    /// Whether a token covers a total. It binds nothing: the journal does.
    pub(crate) async fn validate(
        &self,
        request: &ValidateRequest,
        deadline: Deadline,
    ) -> Result<ValidateResponse, Error> {
        let ok = self.provider.check(&request.payment_token, request.total, deadline).await?;
        let order_id = request.order_id.filter(|_| ok);
        let seal = |order_id: OrderId| {
            let purpose = order_id.to_string();
            self.seal()?.close(&self.platform.world, &purpose, &request.payment_token)
        };
        Ok(ValidateResponse { ok, payment_ref: order_id.map(seal).transpose()? })
    }

    /// Carries out an effect, once. Repeats of the same key give the same answer.
    pub(crate) async fn carry_out(
        &self,
        order_id: OrderId,
        command: &Command,
        epoch: u64,
        deadline: Deadline,
    ) -> Result<PaymentView, Error> {
        // Before anything is written: what cannot be opened now never can.
        self.token(order_id, &command.payment_ref)?;
        for _ in 0..LOOKS {
            match self.look(order_id, command, epoch, deadline).await {
                Ok(Some(view)) => return Ok(view),
                Ok(None) | Err(Error::Table(TableError::Conflict)) => {}
                Err(cause) => return Err(cause),
            }
        }
        Err(Error::Busy)
    }

    /// One step. `None` where another look will tell.
    async fn look(
        &self,
        order_id: OrderId,
        command: &Command,
        epoch: u64,
        deadline: Deadline,
    ) -> Result<Option<PaymentView>, Error> {
        let branches = self.store.load(order_id).await?;
        let base = Base { order_id, epoch, branches: &branches };
        let row = match branches.highest() {
            Some(row) if row.epoch > epoch => return Err(Error::StaleEpoch),
            Some(row) if row.epoch == epoch => row,
            earlier => return self.take_over(&base, earlier, command, deadline).await.map(|()| None),
        };
        match domain::decide(&row.payment, command)? {
            Step::Stands => return Ok(Some(row.view())),
            Step::Seek => self.seek(&base, &row.payment, command, deadline).await?,
            Step::Resume => self.finish(&base, &row.payment, &command.effect, deadline).await?,
            Step::FinishFirst(begun) if domain::may_overtake(&begun, command) => {
                match self.provider.find(&begun, deadline).await? {
                    Some(ended) => self.end(&base, &row.payment, ended, true, deadline).await?,
                    None => self.begin(&base, &row.payment, command, deadline).await?,
                }
            }
            Step::FinishFirst(begun) if self.forgets(&begun, command) => {
                let held = domain::forgotten(&row.payment);
                self.begin(&base, &held, command, deadline).await?;
            }
            Step::FinishFirst(begun) => self.finish(&base, &row.payment, &begun, deadline).await?,
        }
        Ok(None)
    }

    /// For [`Planted::FreshKey`]: a capture that was begun is begun anew under the key of the next try.
    fn forgets(&self, begun: &Effect, command: &Command) -> bool {
        let captures = [begun, &command.effect].iter().all(|effect| effect.operation == Operation::Capture);
        captures && self.platform.world.has(Planted::FreshKey)
    }

    /// Stores what an earlier owner left, as the provider knows it, under this epoch. From then on commands
    /// of lower epochs are refused.
    async fn take_over(
        &self,
        base: &Base<'_>,
        earlier: Option<&Row>,
        command: &Command,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let held = earlier.map_or_else(|| Payment::new(command), |row| row.payment.clone());
        let (mut payment, mut found) = self.rebuild(base.order_id, held, deadline).await?;
        if let Some(next) = payment.with_next_token(command) {
            let (rebuilt, more) = self.rebuild(base.order_id, next, deadline).await?;
            payment = rebuilt;
            found.extend(more);
        }
        let news: Vec<News> = found.into_iter().map(News::Ended).collect();
        self.store.save(base, payment.compared(command), &news).await?;
        Ok(())
    }

    /// A payment as the provider knows it, and how those effects ended that were not known of.
    async fn rebuild(
        &self,
        order_id: OrderId,
        held: Payment,
        deadline: Deadline,
    ) -> Result<(Payment, Vec<Ended>), Error> {
        let mut found = Vec::new();
        if let Some(begun) = &held.effect {
            found.extend(self.provider.find(begun, deadline).await?);
        }
        let token = self.token(order_id, &held.payment_ref)?;
        let facts = self.provider.token(&token, deadline).await?;
        let known = |ended: &Ended| ended.effect.operation == Operation::Capture;
        let captured = facts.is_some_and(|facts| facts.captured > 0);
        if captured && !held.tried_to_capture(held.attempt) && !found.iter().any(known) {
            let amount = facts.map_or(0, |facts| facts.captured);
            let capture = capture_of(order_id, held.attempt, amount);
            found.extend(self.provider.find(&capture, deadline).await?);
        }
        Ok((held.rebuilt(facts, found.clone()), found))
    }

    /// Asks the provider for a key that is new here; where it is unknown there too, begins the effect.
    async fn seek(
        &self,
        base: &Base<'_>,
        held: &Payment,
        command: &Command,
        deadline: Deadline,
    ) -> Result<(), Error> {
        match self.provider.find(&command.effect, deadline).await? {
            Some(ended) => self.end(base, held, ended, true, deadline).await,
            None => self.begin(base, held, command, deadline).await,
        }
    }

    async fn begin(
        &self,
        base: &Base<'_>,
        held: &Payment,
        command: &Command,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let begun = domain::begin(held, command)?;
        let row = self.store.save(base, begun, &[]).await?;
        let branches = Branches::new(vec![row.clone()]);
        let base = Base { branches: &branches, ..*base };
        self.ask_for(&base, &row.payment, &command.effect, deadline).await
    }

    /// Finds out how an effect ended that was begun; asks for it again, by the same key, where the provider
    /// has not heard of it.
    async fn finish(
        &self,
        base: &Base<'_>,
        held: &Payment,
        begun: &Effect,
        deadline: Deadline,
    ) -> Result<(), Error> {
        match self.provider.find(begun, deadline).await? {
            Some(ended) => self.end(base, held, ended, true, deadline).await,
            None => self.ask_for(base, held, begun, deadline).await,
        }
    }

    async fn ask_for(
        &self,
        base: &Base<'_>,
        held: &Payment,
        effect: &Effect,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let token = self.token(base.order_id, &held.payment_ref)?;
        if let Some(ended) = self.provider.ask_for(effect, &token, deadline).await? {
            return self.end(base, held, ended, false, deadline).await;
        }
        // No answer: it may have been done all the same.
        if let Ok(Some(ended)) = self.provider.find(effect, deadline).await {
            return self.end(base, held, ended, true, deadline).await;
        }
        if held.state != PaymentState::Unknown {
            self.store.save(base, domain::unknown(held), &[News::Unknown]).await?;
        }
        Err(Error::Unknown)
    }

    /// Stores how an effect ended.
    async fn end(
        &self,
        base: &Base<'_>,
        held: &Payment,
        mut ended: Ended,
        sought: bool,
        deadline: Deadline,
    ) -> Result<(), Error> {
        if ended.effect.operation != Operation::Void {
            let payment = domain::settle(held, ended.clone(), sought);
            self.store.save(base, payment, &[News::Ended(ended)]).await?;
            return Ok(());
        }
        // A capture may have come first, or another void: the token tells.
        let settled = domain::settle(held, ended.clone(), sought);
        let (mut payment, found) = self.rebuild(base.order_id, settled, deadline).await?;
        if payment.state == PaymentState::Voided && !ended.done {
            ended = Ended { done: true, amount: 0, reason: None, ..ended };
            payment = domain::settle(&payment, ended.clone(), sought);
        }
        let news: Vec<News> = std::iter::once(ended).chain(found).map(News::Ended).collect();
        self.store.save(base, payment, &news).await?;
        Ok(())
    }

    /// What is known of an order's payment.
    pub(crate) async fn look_up(&self, order_id: OrderId) -> Result<PaymentView, Error> {
        let branches = self.store.load(order_id).await?;
        branches.highest().map(Row::view).ok_or(Error::NotFound)
    }

    fn token(&self, order_id: OrderId, payment_ref: &str) -> Result<String, Error> {
        Ok(self.seal()?.open(&order_id.to_string(), payment_ref)?)
    }

    fn seal(&self) -> Result<Seal, platform::seal::Unopenable> {
        Seal::payment(&self.platform.config.secrets)
    }
}

/// The capture of a token, as every owner asks for it.
fn capture_of(order_id: OrderId, attempt: u32, amount: i64) -> Effect {
    Effect { operation: Operation::Capture, key: format!("{order_id}:capture:{attempt}"), amount, attempt }
}
