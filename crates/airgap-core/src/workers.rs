//! Threads that work through a list.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

/// Starts a named thread in a scope.
///
/// # Errors
/// The system's, if it has no thread left (`EAGAIN`). `Scope::spawn` would panic.
pub fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().name(name.to_owned()).spawn_scoped(scope, work)
}

/// Starts a named thread that may outlive its caller.
///
/// # Errors
/// The errors of [`spawn`].
pub fn spawn_detached<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).spawn(work)
}

/// Runs `work` in up to `jobs` threads at a time, of which the calling one is the first. If the
/// system has no thread left, there are fewer.
fn run_in(jobs: usize, work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            if spawn(scope, "worker", &work).is_err() {
                break;
            }
        }
        work();
    });
}

/// Does the work for each item, `jobs` at a time, and returns the results in the order of the
/// items.
pub fn each<T: Sync, R: Send>(items: &[T], jobs: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    run_in(jobs.min(items.len()), || {
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(nth) else { break };
            let result = work(item);
            lock(&results).push((nth, result));
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(nth, _)| *nth);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Does each piece of work, `jobs` at a time, and the pieces that it returns. Those come before the
/// waiting pieces, so that work that was begun ends first.
pub fn each_with_more<T: Send>(first: Vec<T>, jobs: usize, work: impl Fn(T) -> Vec<T> + Sync) {
    let queue = Queue { state: Mutex::new((first.into(), 0)), changed: Condvar::new() };
    run_in(jobs, || {
        while let Some(item) = queue.next() {
            let mut done = Done { queue: &queue, more: Vec::new() };
            done.more = work(item);
        }
    });
}

/// The pieces of work that wait, and the number of those in progress.
struct Queue<T> {
    state: Mutex<(VecDeque<T>, usize)>,
    changed: Condvar,
}

/// A guard that tells the other threads that a piece of work is over, even if it panicked.
struct Done<'a, T> {
    queue: &'a Queue<T>,
    more: Vec<T>,
}

impl<T> Queue<T> {
    /// Returns the next piece, and waits for one while another thread may still add some.
    fn next(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.0.pop_front() {
                state.1 += 1;
                return Some(item);
            }
            if state.1 == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, (VecDeque<T>, usize)> {
        lock(&self.state)
    }
}

impl<T> Drop for Done<'_, T> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.1 -= 1;
        while let Some(item) = self.more.pop() {
            state.0.push_front(item);
        }
        self.queue.changed.notify_all();
    }
}

/// Locks a mutex. A thread that panicked while it held the lock has not left a half-made change:
/// each change here is one step.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_the_work_adds_are_worked_on_too() {
        let seen = Mutex::new(Vec::new());
        each_with_more(vec![3, 2], 4, |count: u32| {
            seen.lock().unwrap().push(count);
            (0..count).collect()
        });
        // 3 gives 0 1 2, and so on: 2^3 and 2^2.
        assert_eq!(seen.lock().unwrap().len(), 12);
        let one_by_one = Mutex::new(Vec::new());
        each_with_more(vec![10, 20], 1, |it: u32| {
            one_by_one.lock().unwrap().push(it);
            if it == 10 { vec![11, 12] } else { Vec::new() }
        });
        assert_eq!(*one_by_one.lock().unwrap(), [10, 11, 12, 20]);
    }

    #[test]
    fn each_item_is_worked_on_once_and_the_results_have_their_order() {
        let items: Vec<_> = (0..100).collect();
        let found = each(&items, 4, |item| {
            // The first items finish last.
            std::thread::sleep(std::time::Duration::from_micros(100 - item));
            item * 2
        });
        assert_eq!(found, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(each(&[] as &[u8], 4, |item| *item).is_empty());
    }
}
