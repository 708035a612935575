//! One connection through a link.

use super::{Condition, Delay, LinkConfig, condition::Direction, link::Counts};
use crate::sockets::Stream;
use platform::watch;
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

/// Pieces under way in one direction; with [`PIECE`] the most that a connection holds back.
const PIECES: usize = 64;
const PIECE: usize = 16 * 1024;
/// The target is on this machine: not to be reached at once means not to be there.
const CONNECT: Duration = Duration::from_secs(1);

/// What every connection of a link knows.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) config: Arc<LinkConfig>,
    pub(super) condition: watch::Receiver<Condition>,
    pub(super) target: watch::Receiver<Option<SocketAddr>>,
    pub(super) counts: Arc<Counts>,
}

type Reading<'s> = io::ReadHalf<&'s mut Stream>;
type Writing<'s> = io::WriteHalf<&'s mut Stream>;

/// The connection was broken and both sides must see it as broken.
struct Broken;

enum Piece {
    Bytes(Vec<u8>),
    End,
    Broken,
}

/// Forwards one connection until it is closed, broken or reset.
pub(super) async fn serve(mut client: Stream, context: Context, number: u64) {
    context.counts.accepted.fetch_add(1, Ordering::Relaxed);
    context.counts.open.fetch_add(1, Ordering::Relaxed);
    let mut condition = context.condition.clone();
    let broken = tokio::select! {
        biased;
        ended = forward(&mut client, &context, number) => ended.is_err(),
        // The sender goes away with the link itself, which ends this task too.
        _ = condition.wait_for(|condition| condition.reset) => {
            context.counts.reset.fetch_add(1, Ordering::Relaxed);
            true
        }
    };
    if broken {
        client.end_with_reset();
    }
    context.counts.open.fetch_sub(1, Ordering::Relaxed);
}

async fn forward(client: &mut Stream, context: &Context, number: u64) -> Result<(), Broken> {
    let Some(early) = handshake(client, context).await else {
        context.counts.given_up.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    };
    let ended = exchange(client, context, number, early).await;
    if ended.is_err() {
        // That one side broke is news, and travels like any other.
        let mut condition = context.condition.clone();
        let _ = condition.wait_for(Condition::can_open).await;
    }
    ended
}

/// Connects to the target and passes bytes both ways until both are done or one side breaks.
async fn exchange(client: &mut Stream, context: &Context, number: u64, early: Vec<u8>) -> Result<(), Broken> {
    let target = (*context.target.borrow()).ok_or(Broken)?;
    let connected = timeout(CONNECT, Stream::connect(target)).await;
    let mut server = connected.map_err(|_| Broken)?.map_err(|_| Broken)?;
    let ended = {
        let (client_read, client_write) = io::split(client);
        let (server_read, server_write) = io::split(&mut server);
        let there = Pump::new(context, Direction::Forward, number);
        let back = Pump::new(context, Direction::Back, number);
        tokio::try_join!(
            there.run(early, client_read, server_write),
            back.run(Vec::new(), server_read, client_write)
        )
    };
    if ended.is_err() {
        server.end_with_reset();
    }
    ended.map(|_| ())
}

/// Waits until the connection would be open: packets pass both ways, and one round trip is over. Gives back what
/// the client sent while they did not pass; `None` when it gave up, as nothing of the connection was ever seen
/// on the other side.
async fn handshake(client: &mut Stream, context: &Context) -> Option<Vec<u8>> {
    let mut early = Vec::new();
    let mut condition = context.condition.clone();
    while !condition.borrow_and_update().can_open() {
        tokio::select! {
            biased;
            changed = condition.changed() => changed.ok()?,
            read = client.read_buf(&mut early), if early.len() < PIECE => {
                let bytes = read.ok().filter(|bytes| *bytes > 0)?;
                context.counts.swallowed_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
                context.counts.swallowed_pieces.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    let ways = *condition.borrow();
    let round_trip = 2 * context.config.one_way + ways.forward.extra + ways.back.extra;
    tokio::time::sleep(round_trip).await;
    Some(early)
}

/// One direction of a connection.
struct Pump<'c> {
    context: &'c Context,
    direction: Direction,
    delay: Delay,
}

impl<'c> Pump<'c> {
    fn new(context: &'c Context, direction: Direction, number: u64) -> Self {
        let config = &context.config;
        let lane = number * 2 + u64::from(direction == Direction::Back);
        let delay = Delay::new(config.one_way, config.jitter_pct, config.seed.wrapping_add(lane));
        Pump { context, direction, delay }
    }

    async fn run(self, early: Vec<u8>, from: Reading<'_>, to: Writing<'_>) -> Result<(), Broken> {
        let (sender, receiver) = mpsc::channel(PIECES);
        let (context, direction) = (self.context, self.direction);
        let read = self.read(early, from, sender);
        let write = write(context, direction, receiver, to);
        tokio::try_join!(read, write).map(|_| ())
    }

    /// Puts what comes in on its way. A full way makes the sender wait.
    async fn read(
        mut self,
        early: Vec<u8>,
        mut from: Reading<'_>,
        way: mpsc::Sender<(Instant, Piece)>,
    ) -> Result<(), Broken> {
        let mut next = if early.is_empty() { None } else { Some(Piece::Bytes(early)) };
        loop {
            let piece = match next.take() {
                Some(piece) => piece,
                None => read_piece(&mut from).await,
            };
            let last = !matches!(piece, Piece::Bytes(_));
            let state = self.context.condition.borrow().way(self.direction);
            let due = self.delay.due(Instant::now(), state);
            if self.delay.lost() {
                self.context.counts.lost_pieces.fetch_add(1, Ordering::Relaxed);
            }
            way.send((due, piece)).await.map_err(|_| Broken)?;
            if last {
                return Ok(());
            }
        }
    }
}

async fn read_piece(from: &mut Reading<'_>) -> Piece {
    let mut bytes = Vec::with_capacity(PIECE);
    match from.read_buf(&mut bytes).await {
        Ok(0) => Piece::End,
        Ok(_) => Piece::Bytes(bytes),
        Err(_) => Piece::Broken,
    }
}

/// Delivers each piece when it is due; where packets vanish, when they pass again.
async fn write(
    context: &Context,
    direction: Direction,
    mut way: mpsc::Receiver<(Instant, Piece)>,
    mut to: Writing<'_>,
) -> Result<(), Broken> {
    let mut condition = context.condition.clone();
    while let Some((due, piece)) = way.recv().await {
        sleep_until(due).await;
        if condition.borrow().way(direction).blackhole {
            swallowed(&context.counts, &piece);
            let passes = |condition: &Condition| !condition.way(direction).blackhole;
            condition.wait_for(passes).await.map_err(|_| Broken)?;
        }
        match piece {
            Piece::Bytes(bytes) => {
                to.write_all(&bytes).await.map_err(|_| Broken)?;
                delivered(&context.counts, direction, bytes.len());
            }
            Piece::End => return to.shutdown().await.map_err(|_| Broken),
            Piece::Broken => return Err(Broken),
        }
    }
    Ok(())
}

fn swallowed(counts: &Counts, piece: &Piece) {
    if let Piece::Bytes(bytes) = piece {
        counts.swallowed_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        counts.swallowed_pieces.fetch_add(1, Ordering::Relaxed);
    }
}

fn delivered(counts: &Counts, direction: Direction, bytes: usize) {
    let counter = match direction {
        Direction::Forward => &counts.bytes_forward,
        Direction::Back => &counts.bytes_back,
    };
    counter.fetch_add(bytes as u64, Ordering::Relaxed);
}
