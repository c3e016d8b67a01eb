//! The driver of libFuzzer for the target that WASM_AIRGAP_FUZZ_TARGET names.
#![no_main]

use std::sync::OnceLock;

use wasm_airgap_fuzz::Target;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    static TARGET: OnceLock<&Target> = OnceLock::new();
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("WASM_AIRGAP_FUZZ_TARGET").unwrap_or_default();
        Target::find(&name).unwrap_or_else(|| {
            panic!(
                "WASM_AIRGAP_FUZZ_TARGET={name:?} is not a target; `scripts/fuzz --list` has them"
            )
        })
    });
    target.check(input);
});
