use super::*;
use crate::{engine::regions::Standing, robots::Place, serving::Serving};
use axum::{Json, extract::State, http::StatusCode, routing::post};
use contracts::ids::Region;
use platform::watch;
use serde_json::{Value, json};

type Heard = Arc<Mutex<Vec<Value>>>;

/// A region that hears everything and takes the third try.
async fn shop() -> (Serving, Heard) {
    async fn hear(State(heard): State<Heard>, Json(said): Json<Value>) -> StatusCode {
        let mut heard = heard.lock().expect("unpoisoned");
        heard.push(said);
        if heard.len() < 3 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    }
    let heard = Heard::default();
    let callback = "/users/backend/age-verifications/callback";
    let router = Router::new().route(callback, post(hear)).with_state(heard.clone());
    (Serving::start(router).await.expect("a port"), heard)
}

fn checker(shop: &Serving, standing: Standing) -> AgeChecker {
    let (_, standing) = watch::channel(standing);
    let region = Region::from("eu-west-1");
    let place = Place::at(region, "eu".into(), shop.addr(), standing);
    let shop = Ground::new(vec![place]);
    let config = AgeCheckConfig { key: "key".to_owned(), rtt: Duration::ZERO, jitter_pct: 0.0, shop };
    AgeChecker::new(1, Arc::new(|| 1_764_000_000_000), config)
}

async fn until_told(checker: &AgeChecker) {
    let over = async {
        while checker.under_way() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), over).await.expect("told or given up");
}

#[tokio::test]
async fn the_shop_is_told_until_it_takes_the_verdict_and_always_the_same() {
    let (shop, heard) = shop().await;
    let checker = checker(&shop, Standing::Up);
    checker.look("reference".to_owned(), Papers::TooYoung).expect("room");
    assert_eq!(checker.under_way(), 1);
    until_told(&checker).await;
    let said = json!({
        "reference": "reference", "verdict": "FAILED", "method": "document", "providerReference": "check-1",
    });
    assert_eq!(*heard.lock().expect("unpoisoned"), vec![said; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_shop_that_cannot_be_reached_is_given_up() {
    let (shop, heard) = shop().await;
    let checker = checker(&shop, Standing::Dead);
    checker.look("reference".to_owned(), Papers::OfAge).expect("room");
    let begun = tokio::time::Instant::now();
    while checker.under_way() > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(begun.elapsed() > PATIENCE && begun.elapsed() < 2 * PATIENCE);
    assert!(heard.lock().expect("unpoisoned").is_empty());
}
