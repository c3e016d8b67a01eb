#![no_main]
wasm_airgap_fuzz::driver!("allow_list");
