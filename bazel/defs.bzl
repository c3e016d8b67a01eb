"""All rules and macros for BUILD files.

```starlark
load("@rules_wasm_airgap//bazel:defs.bzl", "wasm_component_from_oci", "wit_library")
```

`//wit:defs.bzl` and `//wkg:defs.bzl` have the same rules in two parts. A module extension is loaded
from its own file, because Bazel takes the same extension in another file for another extension.
"""

load("//bazel:component.bzl", _wasm_component_file = "wasm_component_file", _wasm_component_from_oci = "wasm_component_from_oci")
load("//bazel:vendor.bzl", _vendor_all = "vendor_all", _vendor_components = "vendor_components", _vendor_helper = "vendor_helper", _vendor_toolchains = "vendor_toolchains", _vendor_verify_test = "vendor_verify_test")
load("//bazel:wit_library.bzl", _vendored_wit_library = "vendored_wit_library", _wit_library = "wit_library")
load("//bazel:wit_vendor_lock.bzl", _wit_vendor_lock = "wit_vendor_lock")

vendor_all = _vendor_all
vendor_components = _vendor_components
vendor_helper = _vendor_helper
vendor_toolchains = _vendor_toolchains
vendor_verify_test = _vendor_verify_test
vendored_wit_library = _vendored_wit_library
wasm_component_file = _wasm_component_file
wasm_component_from_oci = _wasm_component_from_oci
wit_library = _wit_library
wit_vendor_lock = _wit_vendor_lock
