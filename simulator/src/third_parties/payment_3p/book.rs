//! The provider's rules and its books. No network and no clock: time is an argument.

use super::wire::{ByKey, LedgerEntry, MoveAnswer, Operation, PreauthRequest, TokenState, TokenView};
use aws_lc_rs::{digest, hmac};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Many times what the longest run makes; the provider refuses what it could not write down.
const MAX_ENTRIES: usize = 2_000_000;

/// An authorisation.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// The most that may be captured, minor units.
    pub(super) authorised: u64,
    /// What was captured.
    pub(super) captured: u64,
    /// What was given back.
    pub(super) refunded: u64,
    /// Whether the rest was freed.
    pub(super) voided: bool,
    /// ISO 4217.
    pub(super) currency: String,
    /// The card's last digits.
    pub(super) last4: String,
    /// Tells two cards apart without their numbers.
    pub(super) card_hash: String,
}

impl Token {
    /// What may still be captured.
    pub(super) fn left(&self) -> u64 {
        if self.voided { 0 } else { self.authorised.saturating_sub(self.captured) }
    }

    /// What outsiders see of it.
    pub(super) fn view(&self) -> TokenView {
        let state = match self {
            Token { captured: 0, voided: true, .. } => TokenState::Voided,
            Token { captured: 0, .. } => TokenState::Authorised,
            Token { captured, refunded, .. } if captured == refunded => TokenState::Refunded,
            _ => TokenState::Captured,
        };
        TokenView {
            state,
            authorised: self.authorised,
            captured: self.captured,
            refunded: self.refunded,
            currency: self.currency.clone(),
            last4: self.last4.clone(),
            card_hash: self.card_hash.clone(),
        }
    }
}

/// Something that moves or frees money.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) operation: Operation,
    pub(super) token: Uuid,
    pub(super) amount: Option<u64>,
    pub(super) key: Option<String>,
    /// The issuer says no, whatever the books say.
    pub(super) issuer_refuses: bool,
}

/// A command that was not even considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// The key was used for something else.
    KeyReused,
    /// The ledger is full.
    Full,
}

#[derive(Clone)]
struct Done {
    operation: Operation,
    token: Uuid,
    asked: Option<u64>,
    answer: MoveAnswer,
}

pub(super) struct Book {
    rng: StdRng,
    card_key: hmac::Key,
    tokens: BTreeMap<Uuid, Token>,
    by_key: BTreeMap<String, Done>,
    ledger: Vec<LedgerEntry>,
}

impl Book {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let card_key = hmac::Key::new(hmac::HMAC_SHA256, &rng.random::<[u8; 32]>());
        Book { rng, card_key, tokens: BTreeMap::new(), by_key: BTreeMap::new(), ledger: Vec::new() }
    }

    pub(super) fn ledger(&self) -> &[LedgerEntry] {
        &self.ledger
    }

    pub(super) fn token(&self, token: Uuid) -> Option<&Token> {
        self.tokens.get(&token)
    }

    /// Issues a token. The request was found well-formed.
    pub(super) fn preauth(&mut self, request: &PreauthRequest, at_ms: i64) -> Result<Uuid, Rejected> {
        self.room()?;
        let id = uuid::Builder::from_random_bytes(self.rng.random()).into_uuid();
        let card = request.card_number.as_bytes();
        let token = Token {
            authorised: request.amount,
            captured: 0,
            refunded: 0,
            voided: false,
            currency: request.currency.clone().unwrap_or_else(|| "USD".to_owned()),
            last4: request.card_number.chars().skip(12).collect(),
            card_hash: hex(hmac::sign(&self.card_key, card).as_ref()),
        };
        self.tokens.insert(id, token);
        let answer =
            MoveAnswer { ok: true, reference: self.reference(), amount: request.amount, reason: None };
        let command = Command {
            operation: Operation::Preauth,
            token: id,
            amount: None,
            key: None,
            issuer_refuses: false,
        };
        self.enter(&command, &answer, at_ms, false);
        Ok(id)
    }

    /// Whether `amount` could be captured now.
    pub(super) fn covers(&self, token: Uuid, amount: u64) -> bool {
        self.token(token).is_some_and(|token| token.left() >= amount)
    }

    /// Does what is asked, once for each key.
    pub(super) fn execute(&mut self, command: &Command, at_ms: i64) -> Result<MoveAnswer, Rejected> {
        self.room()?;
        if let Some(done) = command.key.as_ref().and_then(|key| self.by_key.get(key)).cloned() {
            let same = (done.operation, done.token, done.asked)
                == (command.operation, command.token, command.amount);
            if !same {
                return Err(Rejected::KeyReused);
            }
            self.enter(command, &done.answer, at_ms, true);
            return Ok(done.answer);
        }
        let answer = self.decide(command);
        self.enter(command, &answer, at_ms, false);
        if let Some(key) = &command.key {
            let (operation, token, asked) = (command.operation, command.token, command.amount);
            self.by_key.insert(key.clone(), Done { operation, token, asked, answer: answer.clone() });
        }
        Ok(answer)
    }

    /// How the operation with a key ended.
    pub(super) fn by_key(&self, key: &str) -> Option<ByKey> {
        let done = self.by_key.get(key)?;
        Some(ByKey {
            operation: done.operation,
            ok: done.answer.ok,
            amount: done.answer.amount,
            reference: done.answer.reference.clone(),
            reason: done.answer.reason.clone(),
            payment_token_hash: token_hash(done.token),
        })
    }

    fn decide(&mut self, command: &Command) -> MoveAnswer {
        let reference = self.reference();
        let moved = match self.tokens.get_mut(&command.token) {
            None => Err("unknown token"),
            Some(_) if command.issuer_refuses => Err("refused by the issuer"),
            Some(token) => apply(token, command.operation, command.amount),
        };
        match moved {
            Ok(amount) => MoveAnswer { ok: true, reference, amount, reason: None },
            Err(reason) => MoveAnswer { ok: false, reference, amount: 0, reason: Some(reason.to_owned()) },
        }
    }

    fn enter(&mut self, command: &Command, answer: &MoveAnswer, at_ms: i64, replayed: bool) {
        let amount = if answer.ok { answer.amount } else { command.amount.unwrap_or(0) };
        self.ledger.push(LedgerEntry {
            seq: self.ledger.len() as u64 + 1,
            at_ms,
            operation: command.operation,
            token: command.token,
            amount,
            key: command.key.clone(),
            ok: answer.ok,
            reference: answer.reference.clone(),
            reason: answer.reason.clone(),
            replayed,
        });
    }

    fn reference(&mut self) -> String {
        format!("P{:016X}", self.rng.random::<u64>())
    }

    fn room(&self) -> Result<(), Rejected> {
        if self.ledger.len() < MAX_ENTRIES { Ok(()) } else { Err(Rejected::Full) }
    }
}

/// Changes a token and says how much was moved, or why nothing was.
fn apply(token: &mut Token, operation: Operation, amount: Option<u64>) -> Result<u64, &'static str> {
    match operation {
        Operation::Capture => {
            let amount = amount.unwrap_or_else(|| token.left());
            if token.voided {
                return Err("the authorisation was voided");
            }
            if amount == 0 || amount > token.left() {
                return Err("more than was authorised");
            }
            token.captured += amount;
            Ok(amount)
        }
        Operation::Void => {
            if token.voided {
                return Err("already voided");
            }
            if token.left() == 0 {
                return Err("already captured");
            }
            let freed = token.left();
            token.voided = true;
            Ok(freed)
        }
        Operation::Refund => {
            let amount = amount.unwrap_or(0);
            if amount == 0 || amount > token.captured - token.refunded {
                return Err("more than was captured");
            }
            token.refunded += amount;
            Ok(amount)
        }
        Operation::Update => {
            let amount = amount.unwrap_or(0);
            if token.voided || amount > token.authorised || amount < token.captured {
                return Err("an authorisation can only be lowered, and not below what was captured");
            }
            token.authorised = amount;
            Ok(amount)
        }
        Operation::Preauth => Err("a token is authorised once"),
    }
}

/// SHA-256 of a token's text, in hexadecimal.
fn token_hash(token: Uuid) -> String {
    hex(digest::digest(&digest::SHA256, token.to_string().as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
