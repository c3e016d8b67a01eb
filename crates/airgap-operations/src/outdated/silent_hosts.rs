//! The hosts that did not answer in time, which are not asked again.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use airgap_core::error::{Error, ErrorKind, Result};
use airgap_core::workers;

/// The hosts that did not answer, each with the failure of its first request. Without it, a
/// workspace with 100 images of a host that hangs would wait for each of them.
pub(super) struct SilentHosts {
    /// The time of waiting after which a host counts as silent.
    patience: Duration,
    failures: Mutex<HashMap<String, Error>>,
}

impl SilentHosts {
    pub(super) fn new(patience: Duration) -> SilentHosts {
        SilentHosts { patience, failures: Mutex::default() }
    }

    /// Asks a host, or fails at once if the host is silent.
    ///
    /// # Errors
    /// Those of `ask`; network, if the host is silent.
    pub(super) fn ask<T>(&self, host: &str, ask: impl FnOnce() -> Result<T>) -> Result<T> {
        if let Some(failure) = workers::lock(&self.failures).get(host) {
            let statement =
                format!("`{host}` did not answer an earlier request and is not asked again");
            return Err(Error::new(ErrorKind::Network, statement).because(failure.one_line()));
        }
        let began = Instant::now();
        let answer = ask();
        if let Err(error) = &answer
            && error.kind() == ErrorKind::Network
            && began.elapsed() >= self.patience
        {
            workers::lock(&self.failures).entry(host.to_owned()).or_insert_with(|| error.clone());
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_host_is_asked_once_and_others_still_are() {
        let network = || Err::<(), _>(Error::new(ErrorKind::Network, "no answer within 60 s"));
        let hosts = SilentHosts::new(Duration::ZERO);
        assert!(hosts.ask("a", network).is_err());
        let error = hosts.ask("a", || Ok(())).unwrap_err().to_string();
        assert!(error.contains("is not asked again") && error.contains("60 s"), "{error}");
        assert!(hosts.ask("b", || Ok(())).is_ok());
        // Neither an answer nor a quick failure is silence.
        assert!(hosts.ask("b", || Err::<(), _>(Error::usage("wrong"))).is_err());
        assert!(hosts.ask("b", || Ok(())).is_ok());
        let patient = SilentHosts::new(Duration::from_secs(3600));
        assert!(patient.ask("a", network).is_err());
        assert!(patient.ask("a", || Ok(())).is_ok());
    }
}
