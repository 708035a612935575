//! Whether the books balance: the simulator's own checks, over all that a shop holds and everybody's ledgers.

use contracts::ids::ProductId;
use simulator::checks::{
    AfterHeal, Attempt, AttemptLine, Case, InvariantResult, Outcome, Places, RegionDump, Rules, Settling,
    Tap, check,
};
use simulator::engine::collect;
use simulator::engine::judge::is_service_level;

use crate::paused::{Bought, Paused};

/// These must have been judged, or nothing was looked at.
const JUDGED: [&str; 11] = ["D1", "D2", "D4", "D5", "G1", "G2", "P6", "P7", "S2", "E1", "E2"];

/// Every promise that is broken.
pub(crate) fn broken(shop: &Paused, bought: &[Bought]) -> Vec<String> {
    let results = check(&case(shop, bought));
    for id in JUDGED {
        let result = results.iter().find(|result| result.id == id).unwrap();
        assert!(result.checked > 0, "{id} was not judged: {:?}", result.not_judged);
    }
    let kept = |result: &&InvariantResult| !is_service_level(result.id);
    let violations = results.iter().filter(kept).flat_map(|result| &result.violations);
    violations.map(|one| format!("{}: {} {:?}", one.invariant, one.message, one.ids)).collect()
}

fn case(shop: &Paused, bought: &[Bought]) -> Case {
    let topology = &shop.plan.scenario.topology;
    let products: Vec<ProductId> = shop.catalogue.iter().map(|item| item.product_id).collect();
    let now_ms = shop.now_ms();
    Case {
        places: Places::from(topology),
        rules: Rules { card_canary: loadtests::CARD_CANARY.to_owned(), ..Rules::default() },
        attempts: bought.iter().map(attempt).collect(),
        before_heal: dumps(shop),
        after_heal: AfterHeal::AsBefore,
        provider: Some(collect::provider(&shop.provider)),
        carrier: Some(collect::carrier(&shop.carrier)),
        taps: Some(taps(shop)),
        parked: Some(Vec::new()),
        initial_stock: Some(collect::initial_stock(&shop.plan, &products)),
        settling: Some(Settling { began_ms: now_ms, allowed_ms: 0, dumped_ms: now_ms, robots_worked: true }),
        ..Case::default()
    }
}

fn dumps(shop: &Paused) -> Vec<RegionDump> {
    let dumps = shop.places.iter().map(|(region, place)| {
        let continent = shop.plan.scenario.topology.continent_of(region).unwrap();
        let dump = place.cloud.dump();
        let dead = dump.queues.iter().filter(|(name, _)| name.ends_with("-dlq"));
        let parked: usize = dead.map(|(_, depth)| depth.visible + depth.in_flight).sum();
        assert_eq!(parked, 0, "{region} has parked events");
        let names = dump.tables.keys();
        let tables = names.map(|name| (name.clone(), place.cloud.dump_table(name).unwrap()));
        RegionDump { region: region.to_string(), continent: continent.to_string(), tables: tables.collect() }
    });
    dumps.collect()
}

fn taps(shop: &Paused) -> Vec<Tap> {
    let taps = shop.places.iter().map(|(region, place)| Tap {
        region: region.to_string(),
        events: place.cloud.tap(),
        dropped: place.cloud.usage().events.tap_dropped,
    });
    taps.collect()
}

/// An attempt to order, as its customer saw it.
fn attempt(bought: &Bought) -> Attempt {
    let order = &bought.request;
    let line = |line: &contracts::OrderLine| AttemptLine {
        product_id: line.product_id,
        quantity: line.quantity,
        price: line.price,
    };
    let total = contracts::Order::computed_total(&order.products, order.delivery_price).unwrap();
    Attempt {
        user_id: bought.customer.sub.clone(),
        home: bought.customer.home.clone(),
        idempotency_key: bought.key.clone(),
        body_hash: contracts::keys::canonical_hash(order),
        lines: order.products.iter().map(line).collect(),
        country: order.address.country.clone(),
        delivery_price: order.delivery_price,
        total,
        currency: order.currency.clone().unwrap_or_default(),
        sent_ms: bought.sent_ms,
        answered_ms: Some(bought.answered_ms),
        outcome: Outcome::Acknowledged,
        order_id: Some(bought.order_id),
        served_by: Some(crate::paused::HOME.into()),
        planned_refusal: false,
        sold_out: false,
        source: "test".to_owned(),
    }
}
