//! A region with every service in it, and everybody who may come to its door.

use axum::Router;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use platform::network::Network;
use platform::regions::{self, Desk};
use platform::{Platform, deadline, openapi, ops};
use serde_json::Value;
use simulator::region;

use crate::support::{Needs, Running};

/// Long enough for a route that needs nobody outside; the others may say that the time ran out.
const BUDGET_MS: &str = "300";
/// Where the region's services are, and where its operators'.
const SERVICES: &str = "us-east-1.local";
const OPERATORS: &str = "operators.local";
/// How far the clock is put back to make a token that has expired.
const A_DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Whoever calls.
pub(super) enum Who {
    Nobody,
    /// With a proof that does not hold.
    Impostor,
    /// With these groups.
    Person(&'static [&'static str]),
    Service(&'static str),
}

pub(super) struct Caller {
    pub(super) name: String,
    pub(super) who: Who,
    proof: Proof,
}

enum Proof {
    None,
    Header(String),
    Signature(&'static str),
    /// One that its maker had put under another request.
    StolenSignature(&'static str),
}

/// Whoever signs; the last is none of ours.
const SIGNERS: [&str; 10] = [
    "users",
    "products",
    "orders",
    "warehouse",
    "delivery",
    "payment",
    "frontend-api",
    "platform",
    "ops",
    "stranger",
];
const PEOPLE: [(&str, &[&str]); 5] = [
    ("ann", &[]),
    ("bob", &[]),
    ("picker", &["warehouse"]),
    ("courier", &["delivery"]),
    ("boss", &["admin"]),
];

pub(super) struct Place {
    region: Running,
    network: Network,
    pub(super) callers: Vec<Caller>,
    /// Where routes are described.
    descriptions: Vec<String>,
}

impl Place {
    /// A region with every service, the operators' routes beside them, and nobody outside who answers.
    pub(super) async fn start() -> Place {
        let network = Network::new();
        for other in ["eu-west-1.local", "ap-southeast-1.local", "provider.local", "carrier.local"] {
            network.mount(other, Router::new());
        }
        let needs = Needs { tables: region::tables(), subscriptions: region::subscriptions() };
        let (mut names, mut operators) = (Vec::new(), Router::new());
        let build = |platform: Platform| {
            let desk = Desk::new(&platform);
            let mut services = region::build(&platform);
            services.push(regions::service(&platform, &desk));
            operators = ops::router(&platform, &desk, &services);
            names = services.iter().map(|service| service.name).collect();
            services
        };
        let region = Running::start("us-east-1", &network, needs, build, Router::new()).await;
        network.mount(OPERATORS, operators);
        let callers = callers(&region).await;
        let of_service = |name: &str| format!("http://{SERVICES}/{name}{}", openapi::PATH);
        let mut descriptions: Vec<String> = names.into_iter().map(of_service).collect();
        descriptions.push(format!("http://{OPERATORS}{}", ops::DESCRIPTION));
        Place { region, network, callers, descriptions }
    }

    async fn send(&self, request: Request<Bytes>) -> (u16, Value) {
        let answer = self.network.send(request).await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
    }

    /// Every description, with the address that its paths begin with.
    pub(super) async fn described(&self) -> Vec<(String, Value)> {
        let mut described = Vec::new();
        for url in &self.descriptions {
            let (status, document) = self.send(Request::get(url).body(Bytes::new()).unwrap()).await;
            assert_eq!(status, 200, "{url}");
            let authority = url.parse::<Uri>().unwrap().authority().unwrap().clone();
            let server = document["servers"][0]["url"].as_str().unwrap().trim_end_matches('/');
            described.push((format!("http://{authority}{server}"), document));
        }
        described
    }

    pub(super) async fn call(
        &self,
        caller: &Caller,
        method: &Method,
        url: &str,
        body: &Value,
    ) -> (u16, Value) {
        let url: Uri = url.parse().unwrap();
        let mut request = request(method, &url, body);
        match &caller.proof {
            Proof::None => {}
            Proof::Header(text) => {
                request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_str(text).unwrap());
            }
            Proof::Signature(by) => self.sign(by, &mut request),
            Proof::StolenSignature(by) => {
                let other = format!("http://{}/another", url.authority().unwrap()).parse().unwrap();
                let mut signed = self::request(method, &other, body);
                self.sign(by, &mut signed);
                *request.headers_mut() = signed.headers().clone();
            }
        }
        self.send(request).await
    }

    fn sign(&self, by: &str, request: &mut Request<Bytes>) {
        let platform = &self.region.platform;
        platform.identity.sign(&platform.world, by, request).unwrap();
    }
}

fn request(method: &Method, url: &Uri, body: &Value) -> Request<Bytes> {
    let headers = [
        (header::HOST.as_str(), url.authority().unwrap().as_str()),
        (deadline::HEADER, BUDGET_MS),
        (header::CONTENT_TYPE.as_str(), "application/json"),
        (header::IF_MATCH.as_str(), "\"1\""),
        ("idempotency-key", "key-1"),
    ];
    let request = Request::builder().method(method).uri(url);
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    request.body(Bytes::from(body.to_string())).unwrap()
}

async fn callers(region: &Running) -> Vec<Caller> {
    let caller = |name: &str, who: Who, proof: Proof| Caller { name: name.to_owned(), who, proof };
    let bearer = |token: &str| Proof::Header(format!("Bearer {token}"));
    let mut callers = vec![
        caller("nobody", Who::Nobody, Proof::None),
        caller("a token that is none", Who::Impostor, bearer("nonsense")),
        caller("a proof of another kind", Who::Impostor, Proof::Header("Basic YW5uOmFubg==".into())),
    ];
    for (name, groups) in PEOPLE {
        callers.push(caller(name, Who::Person(groups), bearer(&region.token(name).await)));
    }
    for name in SIGNERS {
        callers.push(caller(name, Who::Service(name), Proof::Signature(name)));
    }
    callers.push(caller("a stolen signature", Who::Impostor, Proof::StolenSignature("orders")));
    let world = &region.platform.world;
    world.set_skew(-A_DAY_MS);
    let expired = region.token("boss").await;
    world.set_skew(0);
    callers.push(caller("an expired token", Who::Impostor, bearer(&expired)));
    callers
}
