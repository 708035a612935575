use super::*;
use contracts::{
    OrderId, Region, Timestamp,
    events::{Happening, Metadata},
    keys,
};
use futures::FutureExt;
use uuid::Uuid;

fn event(version: u64) -> Event {
    let order_id = OrderId(Uuid::from_u128(7));
    let happening = Happening::DeliveryStarted { order_id, tracking_id: "T1".into() };
    let id = order_id.to_string();
    let metadata = Metadata {
        event_id: keys::event_id("delivery", &id, 1, version, happening.detail_type()),
        schema: happening.schema(),
        aggregate: "delivery".into(),
        aggregate_id: id.clone(),
        aggregate_version: version,
        epoch: 1,
        home_region: Region::from("eu-west-1"),
        produced_at: Timestamp(0),
        correlation_id: id.clone(),
        causation_id: id,
        traceparent: None,
    };
    Event { metadata, happening }
}

fn waiting(listening: &mut Listening) -> usize {
    std::iter::from_fn(|| listening.events.try_recv().ok()).count()
}

#[test]
fn the_rule_lets_every_event_through() {
    let interests = subscription().events.iter();
    let kinds: Vec<(&str, &[&str])> = interests.map(|interest| (interest.source, interest.kinds)).collect();
    let of_service = |(service, kinds): &(&str, &'static [&'static str])| {
        (source::of_service(service).expect("a source"), *kinds)
    };
    assert_eq!(kinds, schemas::PUBLISHED.iter().map(of_service).collect::<Vec<_>>());
}

#[test]
fn an_event_is_told_to_whoever_registered_for_its_service_and_to_nobody_else() {
    let listeners = Listeners::default();
    let [mut one, mut other, mut none] = std::array::from_fn(|_| listeners.join().expect("room"));
    one.ticket.register(source::DELIVERY);
    other.ticket.register(source::ORDERS);
    listeners.tell(&event(1));
    let told = one.events.try_recv().expect("told");
    let envelope: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(Event::from_envelope(&envelope).expect("an event"), event(1));
    assert_eq!((waiting(&mut one), waiting(&mut other), waiting(&mut none)), (0, 0, 0));
    other.ticket.register(source::DELIVERY);
    listeners.tell(&event(2));
    assert_eq!((waiting(&mut one), waiting(&mut other), waiting(&mut none)), (1, 1, 0));
}

#[test]
fn a_slow_listener_is_cut_off_and_holds_up_no_other() {
    let listeners = Listeners::default();
    let [mut slow, mut quick] = std::array::from_fn(|_| listeners.join().expect("room"));
    slow.ticket.register(source::DELIVERY);
    quick.ticket.register(source::DELIVERY);
    for version in 1..=WAITING_MAX as u64 + 1 {
        listeners.tell(&event(version));
        assert_eq!(waiting(&mut quick), 1);
    }
    assert_eq!((&mut slow.cut).now_or_never(), Some(Ok(())), "by a word: it is too slow");
    assert_eq!((&mut quick.cut).now_or_never(), None);
    assert_eq!(waiting(&mut slow), WAITING_MAX);
    assert_eq!(lock(&listeners.0).listening.len(), 1);
}

#[test]
fn there_is_a_limit_and_a_place_is_given_up() {
    let listeners = Listeners::default();
    let mut all: Vec<Listening> = (0..LISTENERS_MAX).map(|_| listeners.join().expect("room")).collect();
    assert!(listeners.join().is_none());
    all.pop();
    assert!(listeners.join().is_some());
}

#[test]
fn listeners_end_with_the_process() {
    let listeners = Listeners::default();
    let mut one = listeners.join().expect("room");
    drop(listeners);
    assert!((&mut one.cut).now_or_never().expect("cut off").is_err(), "without a word");
}
