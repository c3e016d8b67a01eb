//! Downloads from scripted servers on loopback. No test uses another machine or waits in real time.
// Tests create their own folders.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "fetch/answers.rs"]
mod answers;
#[path = "support/authority.rs"]
mod authority;
#[path = "support/clock.rs"]
mod clock;
#[path = "fetch/credentials.rs"]
mod credentials;
#[path = "fetch/place.rs"]
mod place;
#[path = "fetch/proxy.rs"]
mod proxy;
#[path = "fetch/redirect.rs"]
mod redirect;
#[path = "fetch/resume.rs"]
mod resume;
#[path = "fetch/retry.rs"]
mod retry;
#[path = "support/server.rs"]
mod server;
#[path = "fetch/tls.rs"]
mod tls;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::network::Network;
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_core::verify::Verified;
use airgap_http::{Client, Download};

/// The file that the tests download.
const BODY: &[u8] = b"The quick brown fox jumps over the lazy dog";

/// A folder, settings and a clock for one test.
struct Case {
    folder: tempfile::TempDir,
    network: Network,
    clock: Arc<clock::VirtualClock>,
}

impl Case {
    fn new() -> Case {
        let (network, clock) = (clock::network(), Arc::new(clock::VirtualClock::default()));
        Case { folder: tempfile::tempdir().unwrap(), network, clock }
    }

    fn client(&self) -> Result<Client> {
        Ok(Client::new(&self.network)?.with_clock(self.clock.clone()))
    }

    fn destination(&self) -> PathBuf {
        self.folder.path().join("out/tool.tar.gz")
    }

    fn place(&self) -> RootedPath {
        RootedPath::beside(&self.destination())
    }

    /// Downloads a file that should be [`BODY`].
    fn get(&self, urls: &[&str]) -> Result<Verified> {
        self.get_bytes(urls, BODY)
    }

    fn get_bytes(&self, urls: &[&str], bytes: &[u8]) -> Result<Verified> {
        let urls: Vec<_> = urls.iter().map(|url| (*url).to_owned()).collect();
        let destination = self.place();
        self.client()?.download(
            &Download {
                subject: "tool 1.0 (linux_amd64)",
                urls: &urls,
                expected: &Digest::compute(bytes),
                destination: &destination,
            },
            &Item::hidden(),
        )
    }

    /// Downloads, and checks that exactly the right file exists.
    #[track_caller]
    fn succeed(&self, urls: &[&str]) {
        let verified = self.get(urls).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(verified.size(), BODY.len() as u64);
        assert_eq!(verified.path(), self.destination());
        assert_eq!(fs::read(self.destination()).unwrap(), BODY);
        assert_eq!(self.names(), ["tool.tar.gz"]);
    }

    /// Fails, and checks that no file looks finished.
    #[track_caller]
    fn fail(&self, urls: &[&str]) -> Error {
        let Err(error) = self.get(urls) else { panic!("it should have failed") };
        assert!(!self.destination().exists());
        error
    }

    /// Returns the file names in the destination's folder.
    fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.destination().parent().unwrap()) else {
            return Vec::new();
        };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Returns the waits so far, in whole seconds.
    fn waits(&self) -> Vec<u64> {
        self.clock.waits()
    }

    fn netrc(&mut self, text: &str) {
        let path = self.folder.path().join("netrc");
        fs::write(&path, text).unwrap();
        self.network.netrc = Some(path);
    }
}

/// Checks that an error contains these words.
#[track_caller]
fn says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}
