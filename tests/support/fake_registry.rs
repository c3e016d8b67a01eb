//! A registry in memory, with a token server beside it: it follows the specification except for the
//! faults of a test, and records the requests.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use airgap_core::digest::Digest;

use crate::server::{Reply, Request, Server};

/// `alice:p1`
pub const ALICE: &str = "Basic YWxpY2U6cDE=";

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A running registry.
pub struct Fake {
    pub server: Server,
    /// The token server, if there is one.
    pub tokens: Option<Server>,
    store: Arc<Mutex<Store>>,
}

/// The content of a registry.
#[derive(Default)]
pub struct Store {
    blobs: HashMap<(String, String), Vec<u8>>,
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    uploads: HashMap<String, Vec<u8>>,
    tokens: HashMap<String, Token>,
    count: usize,
    /// The number of uses of each further token.
    pub uses: Option<usize>,
    /// Whether it answers requests for referrers.
    pub referrers: bool,
    /// Whether it accepts a manifest only if it has all content that the manifest names.
    pub strict: bool,
}

struct Token {
    scopes: Vec<String>,
    uses: Option<usize>,
}

/// The authentication of a registry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Open,
    /// Basic, for alice.
    Basic,
    /// With a token, which the token server gives to everyone.
    Token,
    /// With a token, which the token server gives to alice.
    AliceToken,
}

type Fault = dyn Fn(&Request, &mut Store) -> Option<Reply> + Send + Sync;

impl Fake {
    pub fn new(door: Door) -> Fake {
        Fake::with(door, |_, _| None)
    }

    /// Creates a registry that gives another answer if `fault` returns one.
    pub fn with(
        door: Door,
        fault: impl Fn(&Request, &mut Store) -> Option<Reply> + Send + Sync + 'static,
    ) -> Fake {
        Fake::gated(door, |_| usize::MAX, fault)
    }

    /// Creates the same, which reads only this many bytes of each body.
    pub fn gated(
        door: Door,
        gate: impl Fn(&Request) -> usize + Send + Sync + 'static,
        fault: impl Fn(&Request, &mut Store) -> Option<Reply> + Send + Sync + 'static,
    ) -> Fake {
        let store = Arc::new(Mutex::new(Store::default()));
        let tokens = matches!(door, Door::Token | Door::AliceToken).then(|| {
            let store = store.clone();
            Server::start(move |request| store.lock().unwrap().token(door, request))
        });
        let challenge = match &tokens {
            Some(tokens) => {
                let realm = tokens.url("/token");
                format!("Bearer realm=\"{realm}\",service=\"fake, \\\"registry\\\"\"")
            }
            None => "Basic realm=\"fake\"".to_owned(),
        };
        let shared = store.clone();
        let fault: Arc<Fault> = Arc::new(fault);
        let server = Server::start_gated(gate, move |request| {
            let mut store = shared.lock().unwrap();
            match store.admits(door, request) {
                true => fault(request, &mut store).unwrap_or_else(|| store.answer(request)),
                false => error("401 Unauthorized", "UNAUTHORIZED", "authentication required")
                    .header("WWW-Authenticate", &challenge),
            }
        });
        Fake { server, tokens, store }
    }

    /// Returns its host and port, as in references.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.server.port())
    }

    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }

    /// Returns the requests after the first contact, such as `GET /v2/...`.
    pub fn request_lines(&self) -> Vec<String> {
        let requests = self.server.requests().into_iter().filter(|it| it.path != "/v2/");
        requests.map(|it| format!("{} {}", it.method, it.path)).collect()
    }

    /// Returns the number of connections.
    #[allow(dead_code, reason = "for tests that expect none")]
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Returns the scopes that were requested from the token server.
    pub fn scopes(&self) -> Vec<Vec<String>> {
        let requests = self.tokens.as_ref().unwrap().requests();
        requests.iter().map(scopes).collect()
    }
}

impl Store {
    pub fn add_blob(&mut self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::compute(bytes);
        self.blobs.insert((repository.to_owned(), format!("sha256:{digest}")), bytes.to_vec());
        digest
    }

    pub fn blob(&self, repository: &str, digest: &Digest) -> Option<&[u8]> {
        let key = (repository.to_owned(), format!("sha256:{digest}"));
        self.blobs.get(&key).map(Vec::as_slice)
    }

    pub fn add_manifest(&mut self, repository: &str, tag: &str, kind: &str, json: &str) -> Digest {
        let digest = Digest::compute(json.as_bytes());
        for name in [tag.to_owned(), format!("sha256:{digest}")] {
            let manifest = (kind.to_owned(), json.as_bytes().to_vec());
            self.manifests.insert((repository.to_owned(), name), manifest);
        }
        digest
    }

    pub fn manifest(&self, repository: &str, name: &str) -> Option<&[u8]> {
        let found = self.manifests.get(&(repository.to_owned(), name.to_owned()));
        found.map(|(_, bytes)| bytes.as_slice())
    }

    /// Returns each blob: its repository, digest and bytes.
    pub fn all_blobs(&self) -> impl Iterator<Item = (&str, &str, &[u8])> {
        self.blobs.iter().map(|((repository, digest), bytes)| {
            (repository.as_str(), digest.as_str(), bytes.as_slice())
        })
    }

    /// Returns each manifest: its repository, tag or digest, and bytes.
    pub fn all_manifests(&self) -> impl Iterator<Item = (&str, &str, &[u8])> {
        self.manifests.iter().map(|((repository, name), (_, bytes))| {
            (repository.as_str(), name.as_str(), bytes.as_slice())
        })
    }

    /// Returns the number of received bytes of each unfinished upload.
    pub fn uploads(&self) -> Vec<usize> {
        self.uploads.values().map(Vec::len).collect()
    }

    /// Keeps the received bytes of an upload that was aborted.
    pub fn keep(&mut self, request: &Request) {
        let id = id(&request.path);
        self.uploads.get_mut(&id).unwrap().extend(&request.body);
    }

    /// Makes all tokens invalid.
    pub fn expire(&mut self) {
        self.tokens.clear();
    }

    fn admits(&mut self, door: Door, request: &Request) -> bool {
        let shown = request.header("authorization").unwrap_or_default();
        match door {
            Door::Open => true,
            Door::Basic => shown == ALICE,
            Door::Token | Door::AliceToken => {
                let name = shown.strip_prefix("Bearer ").unwrap_or_default();
                let Some(token) = self.tokens.get_mut(name) else { return false };
                if token.uses == Some(0) {
                    return false;
                }
                token.uses = token.uses.map(|uses| uses - 1);
                let (repository, _) = split(&request.path);
                let push = !matches!(request.method.as_str(), "GET" | "HEAD")
                    || request.path.contains("/uploads/");
                let actions = if push { "pull,push" } else { "pull" };
                let needed = format!("repository:{repository}:{actions}");
                let wider = format!("repository:{repository}:pull,push");
                let from = param(&request.path, "from").map(|it| format!("repository:{it}:pull"));
                let has = |scope: &String| token.scopes.contains(scope);
                (has(&needed) || has(&wider)) && from.iter().all(has)
            }
        }
    }

    fn token(&mut self, door: Door, request: &Request) -> Reply {
        let form = String::from_utf8(request.body.clone()).unwrap();
        let refreshed = param(&format!("?{form}"), "refresh_token").as_deref() == Some("refresh");
        let known = request.header("authorization") == Some(ALICE) || refreshed;
        if door == Door::AliceToken && !known {
            return Reply::json(
                "401 Unauthorized",
                r#"{"details":"incorrect username or password"}"#,
            );
        }
        self.count += 1;
        let token = format!("token-{}", self.count);
        self.tokens.insert(token.clone(), Token { scopes: scopes(request), uses: self.uses });
        Reply::json("200 OK", &format!(r#"{{"token":"{token}","expires_in":300}}"#))
    }

    /// Returns the answer of a registry without faults.
    pub fn answer(&mut self, request: &Request) -> Reply {
        let (repository, rest) = split(&request.path);
        let (kind, name) = rest.split_once('/').unwrap_or((rest.as_str(), ""));
        let key = (repository.clone(), name.to_owned());
        match (request.method.as_str(), kind) {
            ("GET", "") => Reply::json("200 OK", "{}"),
            ("GET" | "HEAD", "manifests") => match self.manifests.get(&key) {
                Some((kind, bytes)) => Reply::ok(bytes.clone())
                    .header("Content-Type", kind)
                    .header("Docker-Content-Digest", &format!("sha256:{}", Digest::compute(bytes))),
                None => error("404 Not Found", "MANIFEST_UNKNOWN", "manifest unknown"),
            },
            ("PUT", "manifests") => {
                let kind = request.header("content-type").unwrap().to_owned();
                let json = String::from_utf8(request.body.clone()).unwrap();
                if let Some(missing) = self.missing(&repository, &json).filter(|_| self.strict) {
                    return error("404 Not Found", "MANIFEST_BLOB_UNKNOWN", &missing);
                }
                let digest = self.add_manifest(&repository, name, &kind, &json);
                let reply = Reply::new("201 Created", "")
                    .header("Location", &format!("/v2/{repository}/manifests/sha256:{digest}"))
                    .header("Docker-Content-Digest", &format!("sha256:{digest}"));
                match subject(json.as_bytes()).filter(|_| self.referrers) {
                    Some(subject) => reply.header("OCI-Subject", &subject),
                    None => reply,
                }
            }
            ("GET", "referrers") if self.referrers => {
                let attached = self.attached(&repository, name);
                Reply::ok(attached.to_string()).header("Content-Type", INDEX)
            }
            (_, "blobs") if name.starts_with("uploads/") => self.upload(request, &repository),
            ("GET" | "HEAD", "blobs") => match self.blobs.get(&key) {
                Some(bytes) => Reply::file(request, bytes, "\"1\""),
                None => error("404 Not Found", "BLOB_UNKNOWN", "blob unknown to registry"),
            },
            ("GET", "tags") => {
                let mine = self.manifests.keys().filter(|(it, _)| *it == repository);
                let tags: Vec<_> = mine.map(|(_, name)| name.as_str()).collect();
                let tags: Vec<_> = tags.into_iter().filter(|it| !it.contains(':')).collect();
                if tags.is_empty() {
                    return error("404 Not Found", "NAME_UNKNOWN", "repository name not known");
                }
                let json = serde_json::json!({ "name": repository, "tags": tags });
                Reply::json("200 OK", &json.to_string())
            }
            _ => Reply::new("404 Not Found", "404 page not found"),
        }
    }

    /// Returns the first digest that a manifest names and the repository does not have.
    fn missing(&self, repository: &str, json: &str) -> Option<String> {
        let manifest: serde_json::Value = serde_json::from_str(json).unwrap();
        let list = |key: &str| manifest[key].as_array().cloned().unwrap_or_default();
        let has = |kind: &str, it: &serde_json::Value| {
            let key = (repository.to_owned(), it["digest"].as_str().unwrap().to_owned());
            match kind {
                "manifests" => self.manifests.contains_key(&key),
                _ => self.blobs.contains_key(&key),
            }
        };
        for kind in ["manifests", "layers"] {
            if let Some(it) = list(kind).iter().find(|it| !has(kind, it)) {
                return Some(format!("{} is unknown", it["digest"]));
            }
        }
        None
    }

    fn attached(&self, repository: &str, digest: &str) -> serde_json::Value {
        let mine = self
            .manifests
            .iter()
            .filter(|((it, name), _)| it == repository && name.starts_with("sha256:"));
        let attached = mine.filter(|(_, (_, bytes))| subject(bytes).as_deref() == Some(digest));
        let descriptors: Vec<_> = attached
            .map(|((_, name), (kind, bytes))| {
                serde_json::json!({"mediaType": kind, "digest": name, "size": bytes.len()})
            })
            .collect();
        serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors})
    }

    fn upload(&mut self, request: &Request, repository: &str) -> Reply {
        let id = id(&request.path);
        let here = |id: &str| format!("/v2/{repository}/blobs/uploads/{id}?state=a%2Fb");
        if request.method == "POST" {
            let digest = param(&request.path, "mount").unwrap_or_default();
            let from = param(&request.path, "from").unwrap_or_default();
            if let Some(bytes) = self.blobs.get(&(from, digest.clone())).cloned() {
                self.blobs.insert((repository.to_owned(), digest), bytes);
                return Reply::new("201 Created", "");
            }
            self.count += 1;
            let id = format!("upload-{}", self.count);
            self.uploads.insert(id.clone(), Vec::new());
            return Reply::new("202 Accepted", "").header("Location", &here(&id));
        }
        let Some(bytes) = self.uploads.get_mut(&id) else {
            return error("404 Not Found", "BLOB_UPLOAD_UNKNOWN", "blob upload unknown");
        };
        assert_eq!(param(&request.path, "state").as_deref(), Some("a/b"), "the query is kept");
        let range = |length: usize| format!("0-{}", length.saturating_sub(1));
        match request.method.as_str() {
            "GET" => Reply::new("204 No Content", "")
                .header("Range", &range(bytes.len()))
                .header("Location", &here(&id)),
            "PATCH" => {
                let begins = request.header("content-range").unwrap().split('-').next().unwrap();
                if begins != bytes.len().to_string() {
                    return error("416 Range Not Satisfiable", "RANGE_INVALID", "out of order");
                }
                bytes.extend(&request.body);
                Reply::new("202 Accepted", "")
                    .header("Range", &range(bytes.len()))
                    .header("Location", &here(&id))
            }
            "PUT" => {
                let mut bytes = self.uploads.remove(&id).unwrap();
                bytes.extend(&request.body);
                let digest = format!("sha256:{}", Digest::compute(&bytes));
                if param(&request.path, "digest").as_deref() != Some(&digest) {
                    return error("400 Bad Request", "DIGEST_INVALID", "digest did not match");
                }
                let here = format!("/v2/{repository}/blobs/{digest}");
                self.blobs.insert((repository.to_owned(), digest), bytes);
                Reply::new("201 Created", "").header("Location", &here)
            }
            other => panic!("{other} to an upload"),
        }
    }
}

/// Returns an error in the form of the OCI distribution-spec.
pub fn error(status: &str, code: &str, message: &str) -> Reply {
    let json = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
    Reply::json(status, &json.to_string())
}

/// Returns the subject of a manifest.
fn subject(bytes: &[u8]) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    manifest["subject"]["digest"].as_str().map(str::to_owned)
}

/// Splits a path into the repository and the rest, such as `manifests/1.0`.
fn split(path: &str) -> (String, String) {
    let path = path.split('?').next().unwrap().strip_prefix("/v2/").unwrap();
    for kind in ["/manifests/", "/blobs/", "/tags/", "/referrers/"] {
        if let Some(at) = path.rfind(kind) {
            return (path[..at].to_owned(), path[at + 1..].to_owned());
        }
    }
    (String::new(), path.to_owned())
}

fn id(path: &str) -> String {
    path.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned()
}

/// Returns a parameter of a query.
pub fn param(path: &str, name: &str) -> Option<String> {
    all(path, name).into_iter().next()
}

fn all(path: &str, name: &str) -> Vec<String> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
}

/// Returns the scopes in a request to a token server.
fn scopes(request: &Request) -> Vec<String> {
    let form = format!("?{}", String::from_utf8(request.body.clone()).unwrap());
    let mut scopes = all(&request.path, "scope");
    scopes.extend(all(&form, "scope").iter().flat_map(|it| it.split(' ').map(str::to_owned)));
    scopes
}
