//! A clock that advances only by waits, and a network without settings.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use airgap_core::network::Network;
use airgap_http::Clock;

/// Returns the first time of the clock.
pub fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// A clock that advances only by waits and by calls of a test.
#[derive(Default)]
pub struct VirtualClock {
    waits: Mutex<Vec<Duration>>,
    passed: Mutex<Duration>,
}

impl Clock for VirtualClock {
    fn now(&self) -> SystemTime {
        start() + *self.passed.lock().unwrap()
    }

    fn sleep(&self, time: Duration) {
        self.waits.lock().unwrap().push(time);
        self.pass(time);
    }
}

impl VirtualClock {
    /// Advances the clock.
    pub fn pass(&self, time: Duration) {
        *self.passed.lock().unwrap() += time;
    }

    /// Returns the waits so far, in whole seconds.
    pub fn waits(&self) -> Vec<u64> {
        self.waits.lock().unwrap().iter().map(Duration::as_secs).collect()
    }
}

/// Returns a network without proxies, private authorities and credentials.
pub fn network() -> Network {
    Network {
        https_proxy: None,
        http_proxy: None,
        no_proxy: None,
        ca_file: None,
        ca_dir: None,
        netrc: None,
        retry_budget: Duration::from_secs(120),
        silence: Duration::from_secs(20),
        answer: Duration::from_secs(20),
    }
}
