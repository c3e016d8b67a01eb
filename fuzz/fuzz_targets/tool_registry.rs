#![no_main]
wasm_airgap_fuzz::driver!("tool_registry");
