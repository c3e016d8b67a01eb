//! The OCI client against a registry in memory. No test uses another machine or waits in real time.
// Tests create their own folders.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/access.rs"]
mod access;
#[path = "support/authority.rs"]
mod authority;
#[path = "oci/blobs.rs"]
mod blobs;
#[path = "support/clock.rs"]
mod clock;
#[path = "oci/credentials.rs"]
mod credentials;
#[path = "support/fake_registry.rs"]
mod fake_registry;
#[path = "oci/hostile.rs"]
mod hostile;
#[path = "oci/lists.rs"]
mod lists;
#[path = "oci/manifests.rs"]
mod manifests;
#[path = "oci/push.rs"]
mod push;
#[path = "oci/quirks.rs"]
mod quirks;
#[path = "oci/reach.rs"]
mod reach;
#[path = "oci/refusals.rs"]
mod refusals;
#[path = "support/server.rs"]
mod server;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use airgap_core::digest::Digest;
use airgap_core::error::{Error, Result};
use airgap_core::network::Network;
use airgap_core::report::Item;
use airgap_core::rooted::RootedPath;
use airgap_core::verify::Verified;
use airgap_oci::{Access, Client, Credential, Descriptor, Reference, Repository, media_type};

use access::TestAccess;
use fake_registry::Fake;

/// The blob that the tests transfer.
const BODY: &[u8] = b"The quick brown fox jumps over the lazy dog";

/// The repository with the blob.
const HOME: &str = "ns/name";

/// A folder, settings, credentials and a clock for one test.
struct Case {
    folder: tempfile::TempDir,
    network: Network,
    accesses: Arc<TestAccess>,
    clock: Arc<clock::VirtualClock>,
}

impl Case {
    fn new() -> Case {
        Case {
            folder: tempfile::tempdir().unwrap(),
            network: clock::network(),
            accesses: Arc::default(),
            clock: Arc::default(),
        }
    }

    /// Creates a case with this credential for the registry.
    fn by(fake: &Fake, credential: Credential) -> Case {
        let case = Case::new();
        case.accesses.set(&fake.host(), access(credential));
        case
    }

    fn client(&self) -> Client {
        let client = Client::new(&self.network, self.accesses.clone()).unwrap();
        client.with_clock(self.clock.clone())
    }

    fn destination(&self) -> PathBuf {
        self.folder.path().join("out/blob.wasm")
    }

    fn place(&self) -> RootedPath {
        RootedPath::beside(&self.destination())
    }

    /// Downloads a blob that should be [`BODY`].
    fn pull(&self, client: &Client, fake: &Fake) -> Result<Verified> {
        client.blob(&home(fake), &body(), &self.place(), &Item::hidden())
    }

    /// Checks that exactly the right file exists.
    #[track_caller]
    fn succeeded(&self, pulled: Result<Verified>) {
        let verified = pulled.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(verified.size(), BODY.len() as u64);
        assert_eq!(fs::read(self.destination()).unwrap(), BODY);
        assert_eq!(self.names(), ["blob.wasm"]);
    }

    /// Checks that no file looks finished.
    #[track_caller]
    fn failed(&self, pulled: Result<Verified>) -> Error {
        let Err(error) = pulled else { panic!("it should have failed") };
        assert!(!self.destination().exists());
        error
    }

    /// Returns the file names in the destination's folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.destination().parent().unwrap()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Returns the descriptor of [`BODY`].
fn body() -> Descriptor {
    Descriptor::new("application/wasm", Digest::compute(BODY), BODY.len() as u64)
}

/// Returns the repository with [`BODY`] in it.
fn home(fake: &Fake) -> Repository {
    repository(fake, HOME)
}

fn repository(fake: &Fake, name: &str) -> Repository {
    Repository::new(fake.host().parse().unwrap(), name).unwrap()
}

fn reference(fake: &Fake, rest: &str) -> Reference {
    Reference::parse(&format!("{}/{rest}", fake.host())).unwrap()
}

/// Adds [`BODY`] to a registry.
fn filled(fake: Fake) -> Fake {
    fake.store().add_blob(HOME, BODY);
    fake
}

fn alice() -> Credential {
    Credential::Basic { username: "alice".into(), password: "p1".into() }
}

fn access(credential: Credential) -> Access {
    Access {
        plain_http: false,
        tls: false,
        tls_remedy: String::new(),
        credential,
        origin: "the settings of the test".into(),
        roots: Vec::new(),
        identity: None,
        parts: Vec::new(),
    }
}

/// Returns a manifest with [`BODY`] as the only layer.
fn manifest() -> String {
    let digest = Digest::compute(BODY);
    let size = BODY.len();
    let config = Digest::compute(b"{}");
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"sha256:{config}","size":2}},"layers":[{{"mediaType":"application/wasm","digest":"sha256:{digest}","size":{size}}}]}}"#,
        media_type::MANIFEST
    )
}

/// Checks that an error contains these words.
#[track_caller]
fn says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}
