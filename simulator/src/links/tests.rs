use super::*;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

const SHORT: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(10);

/// A server that answers every byte with the same byte.
async fn echo() -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    (addr, task)
}

async fn link(one_way_ms: u64) -> (Link, tokio::task::JoinHandle<()>) {
    let (target, task) = echo().await;
    let one_way = Duration::from_millis(one_way_ms);
    let config = LinkConfig { name: "test".into(), target: Some(target), one_way, jitter_pct: 10.0, seed: 1 };
    (Link::start(config).await.unwrap(), task)
}

async fn connect(link: &Link) -> TcpStream {
    TcpStream::connect(link.address).await.unwrap()
}

async fn say(stream: &mut TcpStream, text: &[u8]) -> Vec<u8> {
    stream.write_all(text).await.unwrap();
    let mut heard = vec![0; text.len()];
    timeout(LONG, stream.read_exact(&mut heard)).await.expect("an answer").unwrap();
    heard
}

async fn hears_nothing(stream: &mut TcpStream) -> bool {
    timeout(SHORT, stream.read(&mut [0; 64])).await.is_err()
}

/// Waits until the link's counters are as they should be.
async fn counts(link: &Link, wanted: impl Fn(LinkCounters) -> bool) {
    let reached = async {
        while !wanted(link.counters()) {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, reached).await.unwrap_or_else(|_| panic!("{:?}", link.counters()));
}

#[tokio::test]
async fn an_answer_takes_the_way_there_and_back_and_a_new_connection_one_more() {
    let (link, _server) = link(20).await;
    let start = Instant::now();
    let mut stream = connect(&link).await;
    assert_eq!(say(&mut stream, b"cold").await, b"cold");
    assert!(start.elapsed() >= Duration::from_millis(76), "{:?}", start.elapsed());
    let start = Instant::now();
    assert_eq!(say(&mut stream, b"warm").await, b"warm");
    assert!(start.elapsed() >= Duration::from_millis(36), "{:?}", start.elapsed());
}

#[tokio::test]
async fn many_bytes_arrive_in_order() {
    let (link, _server) = link(2).await;
    link.set(Condition { forward: Way { stall_pct: 1.0, ..Way::default() }, ..Condition::up() });
    let sent: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
    let (mut read, mut write) = connect(&link).await.into_split();
    let text = sent.clone();
    let writer = tokio::spawn(async move {
        write.write_all(&text).await.unwrap();
        write.shutdown().await.unwrap();
    });
    let mut heard = Vec::new();
    timeout(LONG, read.read_to_end(&mut heard)).await.expect("the end").unwrap();
    writer.await.unwrap();
    assert!(heard == sent, "{} of {}", heard.len(), sent.len());
    counts(&link, |counters| counters.bytes_forward == sent.len() as u64).await;
    counts(&link, |counters| counters.bytes_back == sent.len() as u64).await;
}

#[tokio::test]
async fn a_blackhole_hangs_open_and_new_connections_and_what_waited_arrives_when_it_ends() {
    let (link, _server) = link(1).await;
    let mut open = connect(&link).await;
    assert_eq!(say(&mut open, b"before").await, b"before");
    link.set(Condition::blackhole());
    open.write_all(b"during").await.unwrap();
    let mut new = connect(&link).await;
    new.write_all(b"new").await.unwrap();
    assert!(hears_nothing(&mut open).await && hears_nothing(&mut new).await);
    counts(&link, |counters| counters.swallowed_bytes == 9).await;

    link.set(Condition::up());
    let mut heard = [0; 6];
    timeout(LONG, open.read_exact(&mut heard)).await.unwrap().unwrap();
    assert_eq!(&heard, b"during");
    timeout(LONG, new.read_exact(&mut heard[..3])).await.unwrap().unwrap();
    assert_eq!(&heard[..3], b"new");
}

#[tokio::test]
async fn a_connection_that_was_given_up_in_a_blackhole_leaves_no_trace() {
    let (link, _server) = link(1).await;
    link.set(Condition::blackhole());
    let mut stream = connect(&link).await;
    stream.write_all(b"lost").await.unwrap();
    assert!(hears_nothing(&mut stream).await);
    drop(stream);
    counts(&link, |counters| counters.open == 0).await;
    link.set(Condition::up());
    assert_eq!((link.counters().given_up, link.counters().bytes_forward), (1, 0));
}

#[tokio::test]
async fn one_way_only_the_other_way_still_passes() {
    let (link, _server) = link(1).await;
    let mut stream = connect(&link).await;
    say(&mut stream, b"before").await;
    link.set(Condition { back: Way::blackhole(), ..Condition::up() });
    stream.write_all(b"during").await.unwrap();
    assert!(hears_nothing(&mut stream).await);
    counts(&link, |counters| (counters.bytes_forward, counters.bytes_back) == (12, 6)).await;
}

#[tokio::test]
async fn a_reset_breaks_open_and_new_connections() {
    let (link, _server) = link(1).await;
    let mut open = connect(&link).await;
    say(&mut open, b"before").await;
    link.set(Condition::reset());
    let mut new = connect(&link).await;
    for stream in [&mut open, &mut new] {
        let error = timeout(LONG, stream.read(&mut [0; 8])).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn the_death_of_a_server_is_not_seen_through_a_blackhole() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let config = LinkConfig {
        name: "test".into(),
        target: Some(listener.local_addr().unwrap()),
        one_way: Duration::from_millis(1),
        jitter_pct: 0.0,
        seed: 1,
    };
    let link = Link::start(config).await.unwrap();
    let mut stream = connect(&link).await;
    stream.write_all(b"x").await.unwrap();
    let (server, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
    link.set(Condition::blackhole());
    server.set_zero_linger().unwrap();
    drop((server, listener));
    assert!(hears_nothing(&mut stream).await);
    link.set(Condition::up());
    assert!(timeout(LONG, stream.read(&mut [0; 8])).await.unwrap().is_err(), "is broken now");
}

#[tokio::test]
async fn a_dark_region_is_dark_for_all_and_a_one_way_partition_is_one_way() {
    let path = crate::scenario::find("calm").unwrap();
    let topology = crate::scenario::load(&path).unwrap().topology;
    let mesh = Mesh::start(&topology, 1).await.unwrap();
    assert_eq!(mesh.reports().len(), 12);
    let (us, eu, ap) = ("us-east-1".into(), "eu-west-1".into(), "ap-southeast-1".into());
    let state = |from: &_, to: &_| mesh.links[&(Clone::clone(from), Clone::clone(to))].condition();
    mesh.change(&us, &eu, |way| way.blackhole = true);
    assert!(state(&us, &eu).forward.blackhole && !state(&us, &eu).back.blackhole);
    assert!(state(&eu, &us).back.blackhole && !state(&eu, &us).forward.blackhole);
    mesh.set_dark(&us, true);
    assert_eq!(state(&us, &eu), Condition::blackhole());
    assert_eq!(state(&ap, &us), Condition::blackhole());
    assert_eq!(state(&ap, &eu), Condition::up());
    assert_eq!(*mesh.outside(&us).unwrap().borrow(), Condition::blackhole());
    assert!(mesh.address(&us, &us).is_none() && mesh.address(&us, &eu).is_some());
}
