//! The OCI distribution API, as far as components, WIT packages and images need it.
//!
//! ```text
//! client ─┬─ blob, tags, push   requests of the API, built on `airgap_http`
//!         ├─ api_call           one request, repeated if a retry can help
//!         │  └─ error_response  the error response of a registry
//!         └─ exchange         one request with its authorization
//!            └─ session ─┬─ challenge, token, transport
//!                        └─ access  the credential: see `AccessProvider`
//! ```
//!
//! `layout` is independent of all this: the same content in a folder or a tar, without a registry.
//!
//! A credential is sent to the registry that it is for and to the token server which that registry
//! names, and to no other origin. Bytes are hashed on download and on upload.

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

pub mod access;
mod api_call;
mod blob;
mod challenge;
mod client;
mod error_response;
mod exchange;
#[doc(hidden)]
pub mod fuzzing;
mod layout;
mod manifest;
pub mod media_type;
mod push;
mod readable;
mod reference;
mod session;
mod tags;
mod token;
mod traffic;
mod transport;
mod verifying_reader;

pub use access::{Access, AccessProvider, Credential, CredentialPart};
pub use blob::{RemoteBlob, UrlBlob};
pub use client::Client;
pub use layout::{FilePart, HashedBlobs, Layout, LayoutFolder};
pub use manifest::{ATTESTS, MANIFEST_LIMIT};
pub use manifest::{
    Annotations, Content, Descriptor, ImageManifest, Index, Manifest, OtherFields, Platform,
};
pub use push::{MountResult, UploadLocation};
pub use readable::Readable;
pub use reference::{Reference, Registry, Repository, Tag};
pub use reference::{check_name, is_host, shown, without_login};
pub use traffic::Traffic;
