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
/// waiting pieces, so that work that was begun ends first. A thread is started only for a piece for
/// which no other thread is free.
pub fn each_with_more<T: Send>(first: Vec<T>, jobs: usize, work: impl Fn(T) -> Vec<T> + Sync) {
    let queue = Queue::new(first, jobs);
    std::thread::scope(|scope| queue.run(scope, &work));
}

/// The pieces of work, and the threads that do them.
struct Queue<T> {
    state: Mutex<QueueState<T>>,
    changed: Condvar,
    /// The most threads.
    jobs: usize,
}

struct QueueState<T> {
    waiting: VecDeque<T>,
    /// The number of pieces in progress.
    busy: usize,
    /// The number of threads. All of them live until the work is done.
    threads: usize,
}

/// A guard that tells the other threads that a piece of work is over, even if it panicked.
struct Done<'a, T> {
    queue: &'a Queue<T>,
    more: Vec<T>,
}

impl<T: Send> Queue<T> {
    fn new(first: Vec<T>, jobs: usize) -> Queue<T> {
        let state = Mutex::new(QueueState { waiting: first.into(), busy: 0, threads: 1 });
        Queue { state, changed: Condvar::new(), jobs }
    }

    /// Works in this thread until nothing is left. Each piece that it takes may start one more
    /// thread, which does the same.
    fn run<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        work: &'scope (impl Fn(T) -> Vec<T> + Sync),
    ) {
        while let Some((item, needs_thread)) = self.next() {
            let mut done = Done { queue: self, more: Vec::new() };
            // Without another thread, those that there are do all the work.
            if needs_thread && spawn(scope, "worker", || self.run(scope, work)).is_err() {
                self.lock().threads -= 1;
            }
            done.more = work(item);
        }
    }

    /// Returns the next piece, and whether another one waits for a thread that is to be started.
    /// Waits for a piece while another thread may still add some.
    fn next(&self) -> Option<(T, bool)> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.waiting.pop_front() {
                state.busy += 1;
                let needs_thread = !state.waiting.is_empty()
                    && state.busy == state.threads
                    && state.threads < self.jobs;
                state.threads += usize::from(needs_thread);
                return Some((item, needs_thread));
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState<T>> {
        lock(&self.state)
    }
}

impl<T> Drop for Done<'_, T> {
    fn drop(&mut self) {
        let mut state = lock(&self.queue.state);
        state.busy -= 1;
        let is_over = state.busy == 0 && state.waiting.is_empty() && self.more.is_empty();
        // This thread takes one of the pieces itself.
        for _ in 1..self.more.len() {
            self.queue.changed.notify_one();
        }
        while let Some(item) = self.more.pop() {
            state.waiting.push_front(item);
        }
        if is_over {
            self.queue.changed.notify_all();
        }
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
    fn as_many_pieces_as_jobs_are_worked_on_at_a_time() {
        // Each piece waits for the three others.
        let together = std::sync::Barrier::new(4);
        each_with_more(vec![(); 4], 4, |()| {
            together.wait();
            Vec::new()
        });
        // Also those that one piece adds.
        each_with_more(vec![true], 4, |adds| {
            if adds {
                return vec![false; 4];
            }
            together.wait();
            Vec::new()
        });
    }

    /// Returns the number of threads that did this work.
    fn threads<T: Send>(first: Vec<T>, jobs: usize, work: impl Fn(T) -> Vec<T> + Sync) -> usize {
        let queue = Queue::new(first, jobs);
        std::thread::scope(|scope| queue.run(scope, &work));
        queue.state.into_inner().unwrap().threads
    }

    #[test]
    fn no_thread_is_started_without_a_piece_for_it() {
        assert_eq!(threads(Vec::<u32>::new(), 8, |_| Vec::new()), 1);
        let one_by_one = |left: u32| if left > 0 { vec![left - 1] } else { Vec::new() };
        assert_eq!(threads(vec![3], 8, one_by_one), 1);
        let together = std::sync::Barrier::new(3);
        let wait = |()| {
            together.wait();
            Vec::new()
        };
        assert_eq!(threads(vec![(); 3], 8, wait), 3);
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let result = std::panic::catch_unwind(|| {
            each_with_more(vec![1, 2, 3], 2, |nth| match nth {
                2 => panic!("expected by the test"),
                _ => Vec::new(),
            });
        });
        assert!(result.is_err());
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
