//! The OCI client against a registry in memory. No test leaves the machine or waits for real.
// Tests lay out their own folders.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "support/accesses.rs"]
mod accesses;
#[path = "support/authority.rs"]
mod authority;
#[path = "oci/blobs.rs"]
mod blobs;
#[path = "support/clock.rs"]
mod clock;
#[path = "oci/credentials.rs"]
mod credentials;
#[path = "support/fake.rs"]
mod fake;
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

use accesses::Accesses;
use fake::Fake;

/// The blob that the tests move.
const BODY: &[u8] = b"The quick brown fox jumps over the lazy dog";

/// The repository that it is in.
const HOME: &str = "ns/name";

/// A folder, settings, credentials and a clock for one test.
struct Case {
    folder: tempfile::TempDir,
    network: Network,
    accesses: Arc<Accesses>,
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

    /// A case in which this registry is asked by somebody.
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

    /// Downloads what should be [`BODY`].
    fn pull(&self, client: &Client, fake: &Fake) -> Result<Verified> {
        client.blob(&home(fake), &body(), &self.place(), &Item::hidden())
    }

    /// Looks whether just the right file is there.
    #[track_caller]
    fn succeeded(&self, pulled: Result<Verified>) {
        let verified = pulled.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(verified.size(), BODY.len() as u64);
        assert_eq!(fs::read(self.destination()).unwrap(), BODY);
        assert_eq!(self.names(), ["blob.wasm"]);
    }

    /// Looks whether nothing is there that looks finished.
    #[track_caller]
    fn failed(&self, pulled: Result<Verified>) -> Error {
        let Err(error) = pulled else { panic!("it should have failed") };
        assert!(!self.destination().exists());
        error
    }

    /// What is in the destination's folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.destination().parent().unwrap()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The descriptor of [`BODY`].
fn body() -> Descriptor {
    Descriptor::new("application/wasm", Digest::of(BODY), BODY.len() as u64)
}

/// The repository with [`BODY`] in it.
fn home(fake: &Fake) -> Repository {
    repository(fake, HOME)
}

fn repository(fake: &Fake, name: &str) -> Repository {
    Repository::new(fake.host().parse().unwrap(), name).unwrap()
}

fn reference(fake: &Fake, rest: &str) -> Reference {
    Reference::parse(&format!("{}/{rest}", fake.host())).unwrap()
}

/// A registry that has [`BODY`].
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

/// A manifest of [`BODY`] as the only layer.
fn manifest() -> String {
    let digest = Digest::of(BODY);
    let size = BODY.len();
    let config = Digest::of(b"{}");
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.wasm.config.v0+json","digest":"sha256:{config}","size":2}},"layers":[{{"mediaType":"application/wasm","digest":"sha256:{digest}","size":{size}}}]}}"#,
        media_type::MANIFEST
    )
}

/// Looks for these words in an error.
#[track_caller]
fn says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}
