//! One step of a journey: send, read to the end, time it, judge it.

use super::shop::{Shop, Visitor};
use crate::{
    client::{self, EdgeNotes, Reply, Request, Trouble},
    history::Op,
};
use goose::goose::{GooseMethod, GooseUser, TransactionError, TransactionResult};
use std::time::Duration;
use tokio::time::Instant;

/// After so long a customer gives up.
const PATIENCE: Duration = Duration::from_secs(2);
/// User pools give tokens for an hour; a customer signs in again before that.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(45 * 60);

/// What came back, and how long it took to the last byte.
pub(super) struct Asked {
    pub(super) took: Duration,
    pub(super) edge: EdgeNotes,
    answer: Result<(u16, Vec<u8>), String>,
}

impl Asked {
    pub(super) fn reply(&self) -> Result<Reply<'_>, &str> {
        match &self.answer {
            Ok((status, body)) => Ok(Reply { status: *status, body }),
            Err(why) => Err(why),
        }
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.answer.as_ref().ok().map(|(status, _)| *status)
    }

    fn seen<T>(&self, read: impl FnOnce(Reply<'_>) -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.reply().map_err(Trouble::unknown).and_then(read)
    }
}

/// A step whose answer is judged by `read`. A step without the wanted answer ends the visit.
pub(super) async fn ask<T>(
    shop: &Shop,
    user: &mut GooseUser,
    visitor: &Visitor,
    op: Op,
    request: Request,
    read: impl FnOnce(Reply<'_>) -> Result<T, Trouble>,
) -> Result<T, Box<TransactionError>> {
    let asked = send(user, edge(shop, visitor)?, request).await;
    let seen = asked.seen(read);
    let why = seen.as_ref().err().map(|trouble| trouble.why.clone());
    note(user, op.word(), &asked, why.as_deref()).await?;
    seen.map_err(|trouble| trouble.why.into())
}

/// Sends a request and waits for the whole answer. Goose itself would stop the clock at the headers.
pub(super) async fn send(user: &GooseUser, base: &str, request: Request) -> Asked {
    let began = Instant::now();
    let mut asked = Asked { took: Duration::ZERO, edge: EdgeNotes::default(), answer: Err(String::new()) };
    asked.answer = match tokio::time::timeout(PATIENCE, exchange(user, base, request, &mut asked)).await {
        Ok(answer) => answer,
        Err(_) => Err("no answer in time".to_owned()),
    };
    asked.took = began.elapsed();
    asked
}

async fn exchange(
    user: &GooseUser,
    base: &str,
    request: Request,
    asked: &mut Asked,
) -> Result<(u16, Vec<u8>), String> {
    let url = format!("{}{}", base.trim_end_matches('/'), request.path);
    let builder = user.get_request_builder(&GooseMethod::Post, &url).map_err(|fault| fault.to_string())?;
    let builder =
        request.headers.into_iter().fold(builder, |builder, (name, value)| builder.header(name, value));
    let response =
        builder.body(request.body).send().await.map_err(|fault| fault.without_url().to_string())?;
    asked.edge = EdgeNotes::read(|name| response.headers().get(name)?.to_str().ok());
    let status = response.status().as_u16();
    let body = response.bytes().await.map_err(|fault| fault.without_url().to_string())?;
    Ok((status, body.to_vec()))
}

/// Tells Goose of a step.
pub(super) async fn note(
    user: &mut GooseUser,
    step: &str,
    asked: &Asked,
    why: Option<&str>,
) -> TransactionResult {
    user.record_custom_request_duration("STEP", step, asked.took, why.is_none(), asked.status(), why).await
}

pub(super) fn edge<'a>(shop: &'a Shop, visitor: &Visitor) -> Result<&'a str, Box<TransactionError>> {
    let continent = &visitor.customer.continent;
    shop.edge(continent).ok_or_else(|| format!("no edge for customers of {continent}").into())
}

/// A user arrives: signs in, unless the token was given.
pub(super) async fn arrive(shop: &Shop, user: &mut GooseUser) -> TransactionResult {
    let mut visitor = shop.visitor(user.weighted_users_index).await.ok_or("more users than customers")?;
    token(shop, user, &mut visitor).await.map(|_| ())
}

/// The visitor's token; signs in where there is none yet.
pub(super) async fn token(
    shop: &Shop,
    user: &mut GooseUser,
    visitor: &mut Visitor,
) -> Result<String, Box<TransactionError>> {
    let stale = visitor.signed_in.is_some_and(|since| since.elapsed() > TOKEN_AGE_MAX);
    if let Some(token) = visitor.token.as_ref().filter(|_| !stale) {
        return Ok(token.clone());
    }
    let pool = shop.pool.as_ref().ok_or("no token, and no user pool to sign in at")?;
    let request = client::sign_in(&pool.client_id, &visitor.customer.username, &visitor.customer.password);
    let asked = send(user, &pool.url, request).await;
    let seen = asked.seen(client::signed_in);
    let why = seen.as_ref().err().map(|trouble| trouble.why.clone());
    note(user, Op::SignIn.word(), &asked, why.as_deref()).await?;
    match seen {
        Ok(token) => {
            visitor.signed_in = Some(Instant::now());
            Ok(visitor.token.insert(token).clone())
        }
        Err(trouble) => {
            // Or a pool that is down would be asked as fast as it refuses.
            visitor.think(shop).await;
            Err(trouble.why.into())
        }
    }
}
