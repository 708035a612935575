//! At the end somebody tries what nobody may: other people's orders, other groups' work, the services'
//! own routes without a signature.

use super::stage::Stage;
use crate::{checks::ProbeResult, history::HistoryRecord, sockets};
use anyhow::Context as _;
use bytes::Bytes;
use contracts::{
    Timestamp,
    bodies::warehouse::ReserveRequest,
    graphql,
    ids::OrderId,
    journal::{Ballot, Incarnations, PromiseRequest},
};
use http::{Method, Request, Uri, header};
use loadtests::accounts::SignedIn;
use platform::network::Network;
use serde_json::{Value, json};
use std::time::Duration;

/// One try takes no longer.
const LIMIT: Duration = Duration::from_secs(5);
/// A region that is slow at the moment is asked again, this often in all.
const TRIES: u32 = 3;

/// Who tries.
pub struct Trespassers<'a> {
    /// Customers.
    pub customers: &'a [SignedIn],
    /// A picker's token, where there is one.
    pub staff_token: Option<&'a str>,
    /// Whose orders there are.
    pub records: &'a [HistoryRecord],
}

/// Where a region's process has its public door.
const DOOR: &str = "/frontend-api/graphql";

/// One try.
#[derive(Clone)]
struct Probe {
    name: &'static str,
    method: Method,
    path: String,
    token: Option<String>,
    body: Value,
    wanted: Wanted,
}

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// One of these statuses.
    Status(&'static [u16]),
    /// A GraphQL error with this code.
    Code(&'static str),
    /// Nothing: the field is null, without an error.
    Null(&'static str),
}

/// Tries everything at a region that stands.
///
/// # Errors
/// When there is no region, or none answers at all.
pub async fn run(stage: &Stage, who: &Trespassers<'_>) -> anyhow::Result<Vec<ProbeResult>> {
    let base = stage.survivors().last().map(|region| format!("http://{}", region.address));
    let base = base.context("no region stands")?;
    let network = sockets::network(None);
    let mut results = Vec::new();
    for probe in probes(who) {
        results.push(attempt(&network, &base, &probe).await?);
    }
    Ok(results)
}

/// Tries at a public door, `…/graphql`, what can be tried there.
///
/// # Errors
/// When it does not answer at all.
pub(super) async fn run_outside(
    network: &Network,
    graphql: &str,
    who: &Trespassers<'_>,
) -> anyhow::Result<Vec<ProbeResult>> {
    let mut results = Vec::new();
    for probe in probes(who).iter().filter(|probe| probe.path == DOOR) {
        results.push(attempt(network, graphql, &Probe { path: String::new(), ..probe.clone() }).await?);
    }
    Ok(results)
}

fn probes(who: &Trespassers<'_>) -> Vec<Probe> {
    let customer = who.customers.first().map(|one| one.token.clone());
    let forged = customer.as_deref().map(forge);
    let mut probes = vec![
        ask("anonymous reads orders", None, graphql::GET_ORDERS, json!({}), Wanted::Code("UNAUTHENTICATED")),
        ask(
            "a customer looks for packages",
            customer.clone(),
            graphql::GET_NEW_PACKAGING,
            json!({}),
            FORBIDDEN,
        ),
        ask(
            "a customer looks for parcels",
            customer.clone(),
            graphql::GET_NEW_DELIVERIES,
            json!({}),
            FORBIDDEN,
        ),
        call("a forged token", "/orders/", forged, json!(null), &[401]),
        call(
            "an unsigned promise to the journal",
            "/orders/backend/journal/promise",
            None,
            promise(),
            &[401],
        ),
        call("an unsigned reservation", "/warehouse/backend/reservations", None, reservation(), &[401]),
        call(
            "a customer reserves stock",
            "/warehouse/backend/reservations",
            customer.clone(),
            reservation(),
            &[403],
        ),
        call(
            "a customer closes a warehouse",
            "/warehouse/admin/warehouses/wh-eu/close",
            customer,
            json!({ "reason": "curiosity", "lost": false }),
            &[403],
        ),
        call("the simulator's control without its token", "/_sim/dump", None, json!(null), &[404, 405]),
    ];
    probes.extend(who.staff_token.map(|token| {
        let token = Some(token.to_owned());
        ask("a picker looks for parcels", token, graphql::GET_NEW_DELIVERIES, json!({}), FORBIDDEN)
    }));
    probes.extend(somebody_elses_order(who));
    probes
}

const FORBIDDEN: Wanted = Wanted::Code("FORBIDDEN");

/// A well-formed call of one service to another: only the signature is missing.
fn promise() -> Value {
    let ballot = Ballot { epoch: 1, region: "nowhere".into(), incarnation: "nobody".to_owned() };
    json!(PromiseRequest {
        ballot,
        shards: Vec::new(),
        disowned: Vec::new(),
        incarnations: Incarnations::default()
    })
}

/// Another one.
fn reservation() -> Value {
    json!(ReserveRequest {
        order_id: OrderId(uuid::Uuid::nil()),
        allocation: 1,
        lines: Vec::new(),
        warehouse_id: "wh-eu".into(),
        allow_backorder: false,
        expires_at: Timestamp(0),
    })
}

/// Another customer asks for an order that exists.
fn somebody_elses_order(who: &Trespassers<'_>) -> Option<Probe> {
    let order = who.records.iter().rev().find(|record| record.acknowledged() && record.order_id.is_some())?;
    let stranger = who.customers.iter().find(|one| one.customer.sub != order.user_id)?;
    let order_id: OrderId = order.order_id?;
    Some(ask(
        "a customer reads another one's order",
        Some(stranger.token.clone()),
        graphql::GET_ORDER,
        json!({ "orderId": order_id }),
        Wanted::Null("getOrder"),
    ))
}

fn ask(name: &'static str, token: Option<String>, document: &str, variables: Value, wanted: Wanted) -> Probe {
    let body = json!({ "query": document, "variables": variables });
    Probe { name, method: Method::POST, path: DOOR.to_owned(), token, body, wanted }
}

fn call(
    name: &'static str,
    path: &str,
    token: Option<String>,
    body: Value,
    statuses: &'static [u16],
) -> Probe {
    let method = if body.is_null() { Method::GET } else { Method::POST };
    Probe { name, method, path: path.to_owned(), token, body, wanted: Wanted::Status(statuses) }
}

/// The same token with another signature.
fn forge(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let other: String = signature.chars().map(|letter| if letter == 'A' { 'B' } else { 'A' }).collect();
    format!("{signed}.{other}")
}

async fn attempt(network: &Network, base: &str, probe: &Probe) -> anyhow::Result<ProbeResult> {
    let mut answer = send(network, base, probe).await;
    for _ in 1..TRIES {
        // Slow or busy is not an answer to what is asked here.
        if answer.as_ref().is_ok_and(|(status, _)| *status < 500 && *status != 429) {
            break;
        }
        answer = send(network, base, probe).await;
    }
    let (status, body) = answer.with_context(|| format!("probe: {}", probe.name))?;
    let (wanted, got, passed) = judge(probe.wanted, status, &body);
    Ok(ProbeResult { invariant: "X2".to_owned(), name: probe.name.to_owned(), wanted, got, passed })
}

async fn send(network: &Network, base: &str, probe: &Probe) -> anyhow::Result<(u16, Value)> {
    let uri: Uri = format!("{base}{}", probe.path).parse()?;
    let host = uri.authority().map(ToString::to_string).unwrap_or_default();
    let mut request = Request::builder()
        .method(probe.method.clone())
        .uri(uri)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(token) = &probe.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let body = if probe.body.is_null() { Bytes::new() } else { Bytes::from(probe.body.to_string()) };
    let answer = tokio::time::timeout(LIMIT, network.send(request.body(body)?)).await??;
    let body = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
    Ok((answer.status().as_u16(), body))
}

fn judge(wanted: Wanted, status: u16, body: &Value) -> (String, String, bool) {
    let code =
        body["errors"][0]["extensions"]["code"].as_str().or(body["code"].as_str()).unwrap_or("no code");
    match wanted {
        Wanted::Status(statuses) => {
            (format!("status {statuses:?}"), format!("status {status}"), statuses.contains(&status))
        }
        Wanted::Code(wanted) => (wanted.to_owned(), format!("status {status}, {code}"), code == wanted),
        Wanted::Null(field) => {
            let empty = body["data"].get(field).is_some_and(Value::is_null) && body.get("errors").is_none();
            let got = if empty { "nothing".to_owned() } else { format!("status {status}, {code}") };
            ("nothing".to_owned(), got, empty)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_passes_only_with_what_was_wanted() {
        let forbidden = json!({ "data": null, "errors": [{ "extensions": { "code": "FORBIDDEN" } }] });
        assert!(judge(FORBIDDEN, 200, &forbidden).2);
        assert!(!judge(FORBIDDEN, 200, &json!({ "data": { "getOrders": [] } })).2);
        assert!(judge(Wanted::Null("getOrder"), 200, &json!({ "data": { "getOrder": null } })).2);
        assert!(
            !judge(Wanted::Null("getOrder"), 200, &json!({ "data": { "getOrder": { "orderId": "x" } } })).2
        );
        assert!(!judge(Wanted::Null("getOrder"), 200, &forbidden).2);
        assert!(judge(Wanted::Status(&[401]), 401, &Value::Null).2);
    }

    #[test]
    fn a_forged_token_differs_in_its_signature_alone() {
        let forged = forge("head.claims.AbC");
        assert_eq!(forged, "head.claims.BAA");
    }
}
