"""WebAssembly components from OCI registries.

```starlark
load("@rules_wasm_airgap//wkg:defs.bzl", "wasm_component_from_oci")
```
"""

load("//bazel:component.bzl", _WasmComponentInfo = "WasmComponentInfo", _wasm_component_from_oci = "wasm_component_from_oci")

WasmComponentInfo = _WasmComponentInfo
wasm_component_from_oci = _wasm_component_from_oci
