//! `wasm-airgap`: fetch WebAssembly toolchains, WIT packages, components and images once, pinned by
//! SHA-256, and build from them with no network.
//!
//! This package is the command line. The crates below it, from the lowest to the highest:
//!
//! ```text
//! airgap-core         names, digests, errors, paths that follow no link, all printing,
//!                     readers of stored credentials
//! airgap-http         downloads             airgap-archive   unpacking
//! airgap-oci          OCI registries        airgap-wit       WIT packages
//! airgap-config       policy, the registry and the credential of a package
//! airgap-vendor       request --plan--> Plan --fetch--> Unverified --verify--> Verified
//!                                       --extract--> tree --emit--> BUILD files
//! airgap-mirror       container images (feature `mirror`)
//! airgap-operations   diagnosis, proofs, transfers, SBOMs, pruning (feature `operations`)
//! ```

#![warn(unreachable_pub)]
// Tests lay out their own folders.
#![cfg_attr(test, allow(clippy::disallowed_methods))]

mod cli;

use std::process::ExitCode;

use airgap_core::environment::Environment;

fn main() -> ExitCode {
    ExitCode::from(cli::run(std::env::args_os(), Environment::from_process()))
}
