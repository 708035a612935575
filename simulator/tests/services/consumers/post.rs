//! The post between the queues and the consumers.

use std::collections::BTreeSet;
use std::time::Duration;

use contracts::Region;
use contracts::resources::queue_name;
use platform::consumer::Consumer;
use serde_json::Value;
use tokio::time::Instant;

use crate::paused::{LOOK_EVERY, Paused};

/// A consumer and a detail type that it listens to.
pub(crate) type Pair = (&'static str, &'static str);

/// Whatever is waited for comes within this time.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two deliveries the services go on by so much.
const BETWEEN: Duration = Duration::from_millis(20);
/// A queue delivers an event so often before it parks it.
const RECEIVES_MAX: u32 = 8;

/// How events are handed out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// In which of the [`arrangements`]; 0 is as they were published.
    pub(crate) arrangement: usize,
    pub(crate) times: Times,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Once,
    /// One after the other, each at once a second time.
    EachTwice,
    /// All, and then all once more.
    AllTwice,
}

/// An event in a queue.
#[derive(Clone)]
struct Letter {
    region: Region,
    consumer: &'static str,
    detail_type: String,
    body: String,
}

pub(crate) struct Post<'s> {
    shop: &'s Paused,
    how: How,
    held: Vec<Letter>,
    /// What comes late.
    aside: Vec<Letter>,
    /// Who received what.
    pub(crate) delivered: BTreeSet<Pair>,
    /// The most events that were handed out at once.
    pub(crate) most: usize,
}

impl<'s> Post<'s> {
    pub(crate) fn new(shop: &'s Paused, how: How) -> Self {
        Post { shop, how, held: Vec::new(), aside: Vec::new(), delivered: BTreeSet::new(), most: 0 }
    }

    /// Waits until these events are here, and hands out all that is.
    pub(crate) async fn round(&mut self, expected: &[Pair]) {
        self.gather(expected).await;
        self.hand_out(|_| true).await;
    }

    /// Waits until these events are here, in any region.
    pub(crate) async fn gather(&mut self, expected: &[Pair]) {
        let began = Instant::now();
        loop {
            self.fetch().await;
            let here = |pair: &Pair| self.held.iter().any(|letter| letter.is(*pair));
            let missing: Vec<&Pair> = expected.iter().filter(|pair| !here(pair)).collect();
            if missing.is_empty() {
                break;
            }
            let held: Vec<_> =
                self.held.iter().map(|letter| (letter.consumer, &letter.detail_type)).collect();
            assert!(began.elapsed() < PATIENCE, "waited in vain for {missing:?}; here are {held:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // In the order in which they are expected, whoever was faster.
        let place =
            |letter: &Letter| expected.iter().position(|pair| letter.is(*pair)).unwrap_or(expected.len());
        self.held.sort_by_key(place);
    }

    /// Hands out those events that are for these consumers.
    pub(crate) async fn hand_out(&mut self, wanted: impl Fn(&str) -> bool) {
        let (letters, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.held).into_iter().partition(|letter| wanted(letter.consumer));
        self.held = rest;
        self.most = self.most.max(letters.len());
        let arrangements = arrangements(letters.len());
        let order = &arrangements[self.how.arrangement % arrangements.len()];
        let arranged = || order.iter().map(|place| &letters[*place]);
        let mut waiting: Vec<Letter> = match self.how.times {
            Times::Once => arranged().cloned().collect(),
            Times::EachTwice => arranged().flat_map(|letter| [letter.clone(), letter.clone()]).collect(),
            Times::AllTwice => arranged().chain(arranged()).cloned().collect(),
        };
        for tried in 0..RECEIVES_MAX {
            let mut again = Vec::new();
            for letter in waiting {
                if !self.deliver(&letter).await {
                    again.push(letter);
                }
                tokio::time::sleep(BETWEEN).await;
            }
            if again.is_empty() {
                return;
            }
            waiting = again;
            // As a consumer that could not apply it lets it come again.
            tokio::time::sleep(Duration::from_secs(1 << tried)).await;
        }
        let parked: Vec<_> = waiting.iter().map(|letter| (letter.consumer, &letter.detail_type)).collect();
        panic!("never applied with {:?}: {parked:?}", self.how);
    }

    /// Keeps events back that are here, as a slow queue does.
    pub(crate) fn set_aside(&mut self, pair: Pair) {
        self.aside.extend(self.held.extract_if(.., |letter| letter.is(pair)));
    }

    /// Has what was kept back handed out with the rest.
    pub(crate) fn take_up(&mut self) {
        self.held.append(&mut self.aside);
    }

    /// Hands out what still comes until nothing is left to do anywhere.
    pub(crate) async fn finish(&mut self) {
        let began = Instant::now();
        loop {
            self.fetch().await;
            if self.held.is_empty() && self.shop.at_rest() {
                return;
            }
            self.hand_out(|_| true).await;
            assert!(began.elapsed() < PATIENCE, "the shop does not come to rest");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Says whether it was applied.
    async fn deliver(&mut self, letter: &Letter) -> bool {
        let consumer = self.consumer(letter);
        let applied = consumer.apply(&letter.body).await.is_ok();
        if applied {
            let detail_type = contracts::schemas::PUBLISHED.iter().flat_map(|(_, names)| *names);
            let detail_type = detail_type.copied().find(|name| *name == letter.detail_type).unwrap();
            self.delivered.insert((letter.consumer, detail_type));
        }
        applied
    }

    fn consumer(&self, letter: &Letter) -> &'s Consumer {
        let consumers = &self.shop.places[&letter.region].consumers;
        consumers.iter().find(|consumer| consumer.name() == letter.consumer).unwrap()
    }

    /// Takes everything out of all queues.
    async fn fetch(&mut self) {
        let shop = self.shop;
        for (region, place) in &shop.places {
            for consumer in &place.consumers {
                let sqs = &place.platform.aws.queues;
                let name = queue_name(&place.platform.config.env, consumer.name());
                let url = sqs.get_queue_url().queue_name(name).send().await.unwrap().queue_url.unwrap();
                loop {
                    let received = sqs.receive_message().queue_url(&url).max_number_of_messages(10).send();
                    let messages = received.await.unwrap().messages.unwrap_or_default();
                    if messages.is_empty() {
                        break;
                    }
                    for message in messages {
                        let body = message.body.unwrap();
                        let envelope: Value = serde_json::from_str(&body).unwrap();
                        let detail_type = envelope["detail-type"].as_str().unwrap().to_owned();
                        let consumer = consumer.name();
                        self.held.push(Letter { region: region.clone(), consumer, detail_type, body });
                        let receipt = message.receipt_handle.unwrap();
                        sqs.delete_message().queue_url(&url).receipt_handle(receipt).send().await.unwrap();
                    }
                }
            }
        }
    }
}

impl Letter {
    fn is(&self, (consumer, detail_type): Pair) -> bool {
        (self.consumer, self.detail_type.as_str()) == (consumer, detail_type)
    }
}

/// Orders in which so many events are handed out, as they were published first. All there are of up to three; of more
/// every exchange of two neighbours, every rotation and the reverse.
pub(crate) fn arrangements(count: usize) -> Vec<Vec<usize>> {
    let straight: Vec<usize> = (0..count).collect();
    let mut all = vec![straight.clone()];
    let mut add = |order: Vec<usize>| {
        if !all.contains(&order) {
            all.push(order);
        }
    };
    for place in 1..count {
        let mut swapped = straight.clone();
        swapped.swap(place - 1, place);
        add(swapped);
    }
    for by in 1..count {
        let mut rotated = straight.clone();
        rotated.rotate_left(by);
        add(rotated);
    }
    add(straight.iter().rev().copied().collect());
    all
}

#[test]
fn three_events_are_handed_out_in_every_order() {
    let counts: Vec<usize> = (0..5).map(|count| arrangements(count).len()).collect();
    assert_eq!(counts, [1, 1, 2, 6, 8]);
}
