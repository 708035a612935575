//! Time, randomness and ids: the only places where a service meets chance.

use crate::planted::Planted;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use contracts::Timestamp;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU16, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;
use uuid::Uuid;

/// Tells the stream of trace ids from the one that everything else draws from.
const TRACE_STREAM: u64 = 0x7472_6163_6570_6172;

/// The world as a service sees it. Clones share one clock and one source of randomness.
///
/// The wall clock is a fixed start plus tokio's clock, so that a paused or simulated runtime moves it too.
#[derive(Clone)]
pub struct World {
    inner: Arc<Inner>,
}

struct Inner {
    wall_at_start_ms: i64,
    started: Instant,
    /// How far the wall clock is off, in milliseconds: a fault that the simulator injects.
    skew_ms: AtomicI64,
    random: Mutex<StdRng>,
    /// A stream of its own: whether work is traced changes nothing of what it draws.
    trace_bits: Mutex<StdRng>,
    aws_http: SharedHttpClient,
    aws_credentials: Option<SharedCredentialsProvider>,
    /// A bit for each defect.
    planted: AtomicU16,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl World {
    /// A world whose wall clock stands at `wall_ms` now, with randomness from `seed` and the AWS SDK's
    /// requests going through `aws_http` into a cloud of this process, which checks no signatures: none are made.
    pub fn new(wall_ms: i64, seed: u64, aws_http: SharedHttpClient) -> Self {
        World::with(wall_ms, seed, aws_http, None)
    }

    fn with(
        wall_ms: i64,
        seed: u64,
        aws_http: SharedHttpClient,
        aws_credentials: Option<SharedCredentialsProvider>,
    ) -> Self {
        let inner = Inner {
            wall_at_start_ms: wall_ms,
            started: Instant::now(),
            skew_ms: AtomicI64::new(0),
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            trace_bits: Mutex::new(StdRng::seed_from_u64(seed ^ TRACE_STREAM)),
            aws_http,
            aws_credentials,
            planted: AtomicU16::new(0),
        };
        World { inner: Arc::new(inner) }
    }

    /// The world outside: the machine's clock and entropy, and a cloud that is asked in the name of `aws_credentials`.
    pub fn real(aws_http: SharedHttpClient, aws_credentials: SharedCredentialsProvider) -> Self {
        #[allow(clippy::disallowed_methods)] // the one place where the machine's clock is read
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        #[allow(clippy::disallowed_methods)] // the one place where the machine's entropy is read
        let seed = rand::rng().next_u64();
        World::with(wall.as_millis() as i64, seed, aws_http, Some(aws_credentials))
    }

    /// The wall clock.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.inner.started.elapsed().as_millis() as i64;
        Timestamp(self.inner.wall_at_start_ms + elapsed + self.inner.skew_ms.load(Ordering::Relaxed))
    }

    /// A clock that only goes forward, for measuring and for deadlines.
    pub fn instant(&self) -> Instant {
        Instant::now()
    }

    /// Puts the wall clock off by `ms`.
    pub fn set_skew(&self, ms: i64) {
        self.inner.skew_ms.store(ms, Ordering::Relaxed);
    }

    /// Plants a defect, for a search that is to find it.
    pub fn plant(&self, defect: Planted) {
        self.inner.planted.fetch_or(defect.bit(), Ordering::Relaxed);
    }

    /// Takes a defect out again.
    #[cfg(any(feature = "chaos", test))]
    pub(crate) fn uproot(&self, defect: Planted) {
        self.inner.planted.fetch_and(!defect.bit(), Ordering::Relaxed);
    }

    /// Whether this defect is planted. Never in a release build.
    pub fn has(&self, defect: Planted) -> bool {
        cfg!(debug_assertions) && self.inner.planted.load(Ordering::Relaxed) & defect.bit() != 0
    }

    /// 64 random bits.
    pub fn random_u64(&self) -> u64 {
        self.with_random(|random| random.next_u64())
    }

    /// Fills a buffer with random bytes.
    pub fn random_bytes(&self, buffer: &mut [u8]) {
        self.with_random(|random| random.fill_bytes(buffer));
    }

    /// Random bits for the ids of traces and spans.
    pub(crate) fn trace_bits(&self) -> [u64; 3] {
        let mut random = self.inner.trace_bits.lock().unwrap_or_else(PoisonError::into_inner);
        std::array::from_fn(|_| random.next_u64())
    }

    /// A duration between half of `mean` and one and a half times `mean`: jitter for retries.
    pub fn jitter(&self, mean: Duration) -> Duration {
        let share = (self.random_u64() >> 11) as f64 / (1u64 << 53) as f64;
        mean.mul_f64(0.5 + share)
    }

    /// A new UUIDv7.
    pub fn new_id(&self) -> Uuid {
        let mut random = [0u8; 10];
        self.random_bytes(&mut random);
        uuid::Builder::from_unix_timestamp_millis(self.now().0.max(0) as u64, &random).into_uuid()
    }

    /// The HTTP client of the AWS SDK.
    pub fn aws_http(&self) -> SharedHttpClient {
        self.inner.aws_http.clone()
    }

    /// In whose name requests to the cloud are signed; none are signed where it is of this process.
    pub fn aws_credentials(&self) -> Option<SharedCredentialsProvider> {
        self.inner.aws_credentials.clone()
    }

    /// The wall clock as the AWS SDK wants it.
    pub fn time_source(&self) -> impl TimeSource + 'static {
        WorldClock(self.clone())
    }

    fn with_random<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.inner.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[derive(Debug)]
struct WorldClock(World);

impl TimeSource for WorldClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.now().0.max(0) as u64)
    }
}
