//! Counts of the requests to registries.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use ureq::http::Method;

/// The counts of requests to registries so far. Each request counts once, retries too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// First requests to a registry.
    pub pings: u64,
    /// Requests to token servers.
    pub tokens: u64,
    /// Requests that follow a redirect.
    pub redirects: u64,
    /// `GET` requests other than the above.
    pub get: u64,
    /// `HEAD` requests.
    pub head: u64,
    /// `POST` requests: uploads begun, mounts.
    pub post: u64,
    /// `PUT` requests: uploads finished, manifests.
    pub put: u64,
    /// `PATCH` requests: parts of uploads.
    pub patch: u64,
    /// Bytes of blobs that were received.
    pub received: u64,
    /// Bytes of blobs that were sent.
    pub sent: u64,
}

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestPurpose {
    Ping,
    Token,
    Api,
}

/// Counters for any number of threads.
#[derive(Default)]
pub(super) struct Counters {
    pings: AtomicU64,
    tokens: AtomicU64,
    redirects: AtomicU64,
    get: AtomicU64,
    head: AtomicU64,
    post: AtomicU64,
    put: AtomicU64,
    patch: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
}

impl Counters {
    /// Counts a request.
    pub(super) fn request(&self, purpose: RequestPurpose, method: &Method, redirected: bool) {
        let counter = match (purpose, method.as_str()) {
            _ if redirected => &self.redirects,
            (RequestPurpose::Ping, _) => &self.pings,
            (RequestPurpose::Token, _) => &self.tokens,
            (RequestPurpose::Api, "HEAD") => &self.head,
            (RequestPurpose::Api, "POST") => &self.post,
            (RequestPurpose::Api, "PUT") => &self.put,
            (RequestPurpose::Api, "PATCH") => &self.patch,
            (RequestPurpose::Api, _) => &self.get,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts received bytes of a blob.
    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts sent bytes of a blob.
    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Returns the counts so far.
    pub(super) fn traffic(&self) -> Traffic {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic {
            pings: read(&self.pings),
            tokens: read(&self.tokens),
            redirects: read(&self.redirects),
            get: read(&self.get),
            head: read(&self.head),
            post: read(&self.post),
            put: read(&self.put),
            patch: read(&self.patch),
            received: read(&self.received),
            sent: read(&self.sent),
        }
    }
}
