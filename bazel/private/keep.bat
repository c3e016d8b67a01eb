@mkdir "%WASM_AIRGAP_FOLDER%" 2>nul
@copy /b /y "%WASM_AIRGAP_FROM%" "%WASM_AIRGAP_TO%.part" && move /y "%WASM_AIRGAP_TO%.part" "%WASM_AIRGAP_TO%"
