#![no_main]
wasm_airgap_fuzz::driver!("component_registry");
