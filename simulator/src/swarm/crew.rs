//! Several runs at once.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError, mpsc},
};

/// Does `work` on every item, several at once, and tells `done` of each result as it comes. Gives the results
/// in the order of the items.
pub fn each<T: Send, R: Send>(
    jobs: NonZeroUsize,
    items: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> R + Sync,
    mut done: impl FnMut(&R),
) -> Vec<R> {
    let items = Mutex::new(items.enumerate());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let (tell, told) = mpsc::channel();
    let mut results = std::thread::scope(|scope| {
        for _ in 0..jobs.get() {
            let (tell, next, work) = (tell.clone(), &next, &work);
            scope.spawn(move || {
                while let Some((place, item)) = next() {
                    let _ = tell.send((place, work(item))); // whoever listens outlives this thread
                }
            });
        }
        drop(tell);
        let told = told.into_iter().inspect(|(_, result)| done(result));
        told.collect::<Vec<(usize, R)>>()
    });
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_the_order_stays() {
        let mut told = 0;
        let jobs = NonZeroUsize::new(3).expect("three");
        let doubled = each(jobs, 1..=50, |number| number * 2, |_| told += 1);
        assert_eq!(doubled, (1..=50).map(|number| number * 2).collect::<Vec<_>>());
        assert_eq!(told, 50);
    }
}
