//! Replays the seeds of each target, and every input that once broke it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use wasm_airgap_fuzz::{TARGETS, seeds};

#[test]
fn seeds_and_regressions_pass() {
    for target in TARGETS {
        for (n, seed) in seeds::seeds(target.name).iter().enumerate() {
            println!("{} {n}", target.name);
            target.check(seed);
        }
    }
}

#[test]
fn each_folder_of_regressions_and_each_driver_belongs_to_a_target() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let names: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let listed = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    assert!(listed("regressions").is_subset(&names));
    assert_eq!(listed("fuzz_targets"), names);
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    for name in names {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}
