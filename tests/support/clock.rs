//! Time that passes only when somebody waits, and a network without settings.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use airgap_core::network::Network;
use airgap_http::Clock;

/// When it begins.
pub fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// Time that passes only when somebody waits, or a test says so.
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
    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        *self.passed.lock().unwrap() += time;
    }

    /// The waits so far, in whole seconds.
    pub fn waits(&self) -> Vec<u64> {
        self.waits.lock().unwrap().iter().map(Duration::as_secs).collect()
    }
}

/// A network without proxies, private authorities and credentials.
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
