//! A value that others wait for. Like tokio's channel of the same name, but whoever waited first is woken first:
//! tokio wakes in a random order, and a run in virtual time would not repeat.

use std::{
    fmt,
    ops::Deref,
    pin::pin,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};
use tokio::sync::Notify;

/// The sender is gone: the value will not change any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value will not change any more")]
pub struct Closed;

/// Changes the value.
#[derive(Debug)]
pub struct Sender<T>(Arc<Shared<T>>);

/// Sees the value. Each receiver knows which change it saw last.
#[derive(Debug)]
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// The value, which does not change as long as this is held: not for long, and never across an await.
#[derive(Debug)]
pub struct Ref<'a, T>(RwLockReadGuard<'a, State<T>>);

struct Shared<T> {
    state: RwLock<State<T>>,
    changed: Notify,
}

#[derive(Debug)]
struct State<T> {
    value: T,
    /// Counts the changes.
    version: u64,
    closed: bool,
}

/// A value and who may change and see it.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(value);
    let receiver = sender.subscribe();
    (sender, receiver)
}

impl<T> Sender<T> {
    /// A value that nobody sees yet.
    pub fn new(value: T) -> Self {
        let state = RwLock::new(State { value, version: 0, closed: false });
        Sender(Arc::new(Shared { state, changed: Notify::new() }))
    }

    /// A receiver that takes the value as it is for seen.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { seen: self.0.read().version, shared: self.0.clone() }
    }

    /// Changes the value, wakes everybody and gives back what was there before.
    pub fn send_replace(&self, value: T) -> T {
        let before = {
            let mut state = self.0.write();
            state.version += 1;
            std::mem::replace(&mut state.value, value)
        };
        self.0.changed.notify_waiters();
        before
    }

    /// The value.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(self.0.read())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.write().closed = true;
        self.0.changed.notify_waiters();
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver { shared: self.shared.clone(), seen: self.seen }
    }
}

impl<T> Receiver<T> {
    /// The value.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref(self.shared.read())
    }

    /// The value, which counts as seen.
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let state = self.shared.read();
        self.seen = state.version;
        Ref(state)
    }

    /// Waits until the value is another one than was seen last.
    ///
    /// # Errors
    /// [`Closed`] when it will not change any more.
    pub async fn changed(&mut self) -> Result<(), Closed> {
        let seen = self.seen;
        self.until(|state| state.version != seen).await.map(drop)
    }

    /// Waits until the value is as wanted.
    ///
    /// # Errors
    /// [`Closed`] when it is not and will not change any more.
    pub async fn wait_for(&mut self, mut wanted: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, Closed> {
        self.until(|state| wanted(&state.value)).await
    }

    async fn until(&mut self, mut wanted: impl FnMut(&State<T>) -> bool) -> Result<Ref<'_, T>, Closed> {
        loop {
            let mut change = pin!(self.shared.changed.notified());
            // From here on a change is not missed.
            change.as_mut().enable();
            {
                let state = self.shared.read();
                if wanted(&state) {
                    self.seen = state.version;
                    return Ok(Ref(state));
                }
                if state.closed {
                    return Err(Closed);
                }
            }
            change.await;
        }
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Shared<T> {
    fn read(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[tokio::test]
    async fn those_who_wait_are_woken_in_order() {
        for _ in 0..20 {
            let sender = Sender::new(0);
            let woken = Arc::new(Mutex::new(Vec::new()));
            let waiting = (0..50).map(|number| {
                let (mut receiver, woken) = (sender.subscribe(), woken.clone());
                tokio::spawn(async move {
                    receiver.changed().await.unwrap();
                    woken.lock().unwrap().push(number);
                })
            });
            let waiting: Vec<_> = waiting.collect();
            tokio::task::yield_now().await;
            sender.send_replace(1);
            futures::future::join_all(waiting).await;
            assert!(woken.lock().unwrap().is_sorted());
        }
    }

    #[tokio::test]
    async fn what_was_seen_is_no_change_and_a_lost_sender_is_told() {
        let (sender, mut receiver) = channel(1);
        sender.send_replace(2);
        assert_eq!(*receiver.borrow(), 2);
        receiver.changed().await.unwrap();
        sender.send_replace(3);
        assert_eq!(*receiver.borrow_and_update(), 3);
        assert_eq!(*receiver.wait_for(|value| *value == 3).await.unwrap(), 3);
        drop(sender);
        assert_eq!(receiver.changed().await, Err(Closed));
        assert!(receiver.wait_for(|value| *value == 4).await.is_err());
        assert_eq!(*receiver.wait_for(|value| *value == 3).await.unwrap(), 3);
    }
}
