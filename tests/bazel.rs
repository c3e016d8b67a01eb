//! Vendoring and building in a real Bazel, with a real tool, from a real server, and without a
//! network.
//!
//! These tests need root and a Bazel; `scripts/test` provides both and runs them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/buildbox.rs"]
mod buildbox;
#[path = "support/data.rs"]
mod data;
#[path = "support/nginx.rs"]
mod nginx;
#[allow(dead_code, reason = "the tests of the OCI client use more of it")]
#[path = "support/registry.rs"]
mod registry;
#[path = "support/release.rs"]
mod release;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/sandbox.rs"]
mod sandbox;
#[path = "support/workspace.rs"]
mod workspace;

#[path = "bazel/bundle.rs"]
mod bundle;
#[path = "bazel/ci.rs"]
mod ci;
#[path = "bazel/components.rs"]
mod components;
#[path = "bazel/doctor.rs"]
mod doctor;
#[path = "bazel/exec_platforms.rs"]
mod exec_platforms;
#[path = "bazel/first_page.rs"]
mod first_page;
#[path = "bazel/hints.rs"]
mod hints;
#[path = "bazel/later_bazels.rs"]
mod later_bazels;
#[path = "bazel/migration.rs"]
mod migration;
#[path = "bazel/modules.rs"]
mod modules;
#[path = "bazel/prove.rs"]
mod prove;
#[path = "bazel/rc.rs"]
mod rc;
#[path = "bazel/released.rs"]
mod released;
#[path = "bazel/remote.rs"]
mod remote;
#[path = "bazel/settings.rs"]
mod settings;
#[path = "bazel/tidy.rs"]
mod tidy;
#[path = "bazel/toolchains.rs"]
mod toolchains;
#[path = "bazel/wit.rs"]
mod wit;
#[path = "bazel/workspaces.rs"]
mod workspaces;

use workspace::output;
