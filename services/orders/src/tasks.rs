//! Work that goes on behind an answer: owned, and looked after.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;

/// Tasks of one owner. Clones are the same.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    /// Starts one.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.lock().spawn(work);
    }

    /// Lets go of those that have ended; a worker calls it.
    ///
    /// # Errors
    /// When one panicked.
    pub fn reap(&self) -> Result<(), String> {
        let mut tasks = self.lock();
        while let Some(ended) = tasks.try_join_next() {
            ended.map_err(|cause| cause.to_string())?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
