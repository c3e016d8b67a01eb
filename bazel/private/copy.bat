@copy /b /y "%WASM_AIRGAP_FROM%" "%WASM_AIRGAP_TO%"
