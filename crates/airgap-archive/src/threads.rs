//! Checks whether threads can be started.

use std::thread;

/// The limit of the address space, in bytes, below which no thread is started.
#[cfg(target_os = "linux")]
const ROOM_FOR_THREADS: u64 = 1 << 30;

/// Returns whether the address space suffices for threads. The allocator of the GNU C library
/// reserves 64 MB of it for each thread, although hardly any of that becomes memory in use. Under a
/// limit (`ulimit -v`) there would be nothing left for the dictionary of a decoder.
pub(super) fn can_start_threads() -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, getrlimit};

        getrlimit(Resource::As).current.is_none_or(|limit| limit >= ROOM_FOR_THREADS)
    }
    #[cfg(not(target_os = "linux"))]
    true
}

/// Returns whether the system can start a thread. Some libraries start their own and fail if it
/// cannot.
pub(super) fn start() -> bool {
    can_start_threads()
        && thread::Builder::new().spawn(|| ()).is_ok_and(|started| started.join().is_ok())
}
