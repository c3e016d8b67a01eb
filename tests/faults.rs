//! Every command that writes, under faults: killed at each system call, each error number at each
//! call, small disks, no handles, no stderr, inputs that are not regular files, many processes.
//!
//! A fault may end a run. It must not make it hang or panic, its exit code must be in the table,
//! its message must say what failed, and the next run without a fault must leave the tree of a run
//! that never had one: the same files, modes and links, and no other file.
//!
//! strace injects the faults. It counts the calls of each thread separately, so that every point is
//! tried twice: in the thread that gets there first, and in the main thread. `FAULTS=all` tries
//! every call with every error number, which takes an hour; without it, frequent calls are sampled.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a test reads FAULTS and PATH")]

#[allow(dead_code, reason = "the tests of extraction use more of it")]
#[path = "support/archives.rs"]
mod archives;
#[path = "support/bundles.rs"]
mod bundles;
#[path = "support/fake_registry.rs"]
mod fake_registry;
#[path = "support/images.rs"]
mod images;
#[allow(dead_code, reason = "the tests of the command line use more of it")]
#[path = "support/sandbox.rs"]
mod sandbox;
#[path = "support/server.rs"]
mod server;

#[path = "faults/environment.rs"]
mod environment;
#[path = "faults/inputs.rs"]
mod inputs;
#[path = "faults/run.rs"]
mod run;
#[path = "faults/scenarios.rs"]
mod scenarios;
#[path = "faults/strace.rs"]
mod strace;
#[path = "faults/together.rs"]
mod together;
#[path = "faults/tree.rs"]
mod tree;
#[path = "faults/world.rs"]
mod world;

/// Creates a test of each scenario from a function that takes a scenario.
macro_rules! for_each_scenario {
    ($check:path, $reason:literal: $($name:ident)*) => {$(
        #[test]
        #[ignore = $reason]
        fn $name() {
            $check(&$crate::scenarios::$name());
        }
    )*};
    ($check:path, $reason:literal) => {
        $crate::for_each_scenario!($check, $reason:
            vendor_toolchains vendor_wit vendor_components vendor_all
            extract_tar extract_zip extract_for_bazel
            component_pull component_pin toolchain_pin
            wit_fetch wit_library wit_inspect emit_tool emit_wit
            mirror_list_new mirror_list_more mirror_values mirror_kustomize mirror_lock
            copy_to_folder copy_to_tar copy_folder_to_tar copy_folder_to_registry
            verify
            bundle_create bundle_create_split bundle_inventory
            bundle_apply bundle_apply_delta
            sbom prune import_registries
        );
    };
}
pub(crate) use for_each_scenario;
