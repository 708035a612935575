//! One link: a listening port that forwards to a target.

use super::{
    Condition,
    connection::{self, Context},
};
use crate::sockets::Listener;
use platform::watch;
use serde::{Deserialize, Serialize};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Semaphore,
    task::{JoinHandle, JoinSet},
};

/// Connections of one link at a time; more wait in the listener's queue.
const MAX_CONNECTIONS: usize = 256;

/// What a link is.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// For logs, such as `us-east-1 to eu-west-1`.
    pub name: String,
    /// Where connections go; may be set later, until then they are reset.
    pub target: Option<SocketAddr>,
    /// How long a byte is under way, each way.
    pub one_way: Duration,
    /// Random spread of that, percent, either way.
    pub jitter_pct: f32,
    /// Where the spread comes from.
    pub seed: u64,
}

/// A running link; it stops, and its connections with it, when this is dropped.
#[derive(Debug)]
pub struct Link {
    /// Where it listens.
    pub address: SocketAddr,
    condition: watch::Sender<Condition>,
    target: watch::Sender<Option<SocketAddr>>,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

/// What went through a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCounters {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections open now, hanging ones included.
    pub open: u64,
    /// Connections that were reset on purpose.
    pub reset: u64,
    /// Connections that their opener gave up before they could be opened.
    pub given_up: u64,
    /// Bytes delivered to the target.
    pub bytes_forward: u64,
    /// Bytes delivered back.
    pub bytes_back: u64,
    /// Bytes that arrived where packets vanish; those sent again later are also in the figures above.
    pub swallowed_bytes: u64,
    /// Pieces in which they came, about one a message.
    pub swallowed_pieces: u64,
    /// Pieces that were lost and sent again.
    pub lost_pieces: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) reset: AtomicU64,
    pub(super) given_up: AtomicU64,
    pub(super) bytes_forward: AtomicU64,
    pub(super) bytes_back: AtomicU64,
    pub(super) swallowed_bytes: AtomicU64,
    pub(super) swallowed_pieces: AtomicU64,
    pub(super) lost_pieces: AtomicU64,
}

impl Link {
    /// Binds a free port and begins to forward.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(config: LinkConfig) -> io::Result<Link> {
        let listener = Listener::bind(0).await?;
        let address = listener.address();
        let (condition, seen) = watch::channel(Condition::up());
        let (target, aim) = watch::channel(config.target);
        let counts = Arc::new(Counts::default());
        let context =
            Context { config: Arc::new(config), condition: seen, target: aim, counts: Arc::clone(&counts) };
        let task = tokio::spawn(accept(listener, context));
        Ok(Link { address, condition, target, counts, task })
    }

    /// Changes the link's state, for open connections too.
    pub fn set(&self, condition: Condition) {
        self.condition.send_replace(condition);
    }

    /// The link's state.
    pub fn condition(&self) -> Condition {
        *self.condition.borrow()
    }

    /// Where new connections go from now on.
    pub fn set_target(&self, target: SocketAddr) {
        self.target.send_replace(Some(target));
    }

    /// What went through so far.
    pub fn counters(&self) -> LinkCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LinkCounters {
            accepted: read(&self.counts.accepted),
            open: read(&self.counts.open),
            reset: read(&self.counts.reset),
            given_up: read(&self.counts.given_up),
            bytes_forward: read(&self.counts.bytes_forward),
            bytes_back: read(&self.counts.bytes_back),
            swallowed_bytes: read(&self.counts.swallowed_bytes),
            swallowed_pieces: read(&self.counts.swallowed_pieces),
            lost_pieces: read(&self.counts.lost_pieces),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: Listener, context: Context) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Dropped with this task, and every connection with it.
    let mut connections = JoinSet::new();
    for number in 0u64.. {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((client, _)) => {
                let work = connection::serve(client, context.clone(), number);
                connections.spawn(async move {
                    work.await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Most likely out of descriptors: some must be given back before it makes sense to go on.
                tracing::warn!(%error, link = context.config.name, "cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}
