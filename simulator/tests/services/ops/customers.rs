//! Where customers are sent while a region is drained: an edge, with every service of every region behind it.

use std::time::Duration;

use bytes::Bytes;
use contracts::Region;
use http::{Request, header};
use loadtests::client::Request as Customers;
use platform::network::Network;
use platform::watch;
use serde_json::json;
use simulator::edge::{Distance, Edge, EdgeConfig, EdgeRegion, Why};
use simulator::links::Condition;

use crate::orders::Shop;
use crate::support::eventually;

/// An edge to which the shop's first region is the nearest one.
async fn edge(shop: &Shop) -> Edge {
    let regions = shop.neighbours.plan.scenario.topology.regions.iter().enumerate().map(|(place, region)| {
        let address = shop.neighbours.address(&region.name).unwrap();
        EdgeRegion {
            name: region.name.clone(),
            continent: region.continent.clone(),
            base_url: format!("http://{address}/frontend-api"),
            rtt: Duration::from_millis(5 * (place as u64 + 1)),
            condition: watch::Sender::new(Condition::up()).subscribe(),
        }
    });
    let config = EdgeConfig {
        name: "test".to_owned(),
        regions: regions.collect(),
        distance: Distance::Simulated,
        hedge_after: Duration::from_millis(900),
        jitter_pct: 0.0,
        seed: 1,
        max_in_flight: 100,
        warm_connections: 1,
    };
    Edge::start(config).await.unwrap()
}

/// The region that answers a customer.
async fn served_by(edge: &Edge) -> Region {
    let asked = Customers::greeting();
    let mut request = Request::post(format!("{}{}", edge.url, asked.path));
    for (name, value) in asked.headers {
        request = request.header(name, value);
    }
    let request = request.header(header::HOST, edge.url.trim_start_matches("http://"));
    let answer = Network::new().send(request.body(Bytes::from(asked.body)).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.headers()["x-served-by"].to_str().unwrap().into()
}

async fn decide(shop: &Shop, at: &Region, region: &Region, verb: &str) {
    let boss = shop.neighbours.people().await.unwrap().desk_token;
    let host = shop.neighbours.address(at).unwrap().to_string();
    let request = Request::post(format!("http://{host}/ops/regions/{region}/{verb}"))
        .header(header::HOST, &host)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {boss}"))
        .header("x-deadline-ms", "8000")
        .body(Bytes::from(json!({ "reason": "a drill" }).to_string()));
    let answer = Network::new().send(request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200, "{verb}");
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_served_elsewhere_while_a_region_is_drained() {
    let shop = Shop::open().await;
    let (home, other) = (shop.region(0), shop.region(2));
    let edge = edge(&shop).await;
    // On a busy machine an edge may miss answers, so what it does when all is well is waited for.
    let at_home = async || (served_by(&edge).await == home).then_some(());
    eventually("an answer from nearby", at_home).await;
    for verb in ["drain", "evacuate"] {
        decide(&shop, &other, &home, verb).await;
        eventually("the edge to leave it out", async || (!edge.healthy().contains(&home)).then_some(()))
            .await;
        for _ in 0..10 {
            assert_ne!(served_by(&edge).await, home, "{verb}");
        }
        decide(&shop, &other, &home, "restore").await;
        eventually("an answer from nearby again", at_home).await;
    }
    let mut log = edge.health_log().into_iter();
    assert!(log.any(|change| change.region == home && change.why == Why::SaidNo), "its own word is why");
}
