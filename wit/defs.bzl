"""WIT packages: libraries, packages from registries, and vendoring.

```starlark
load("@rules_wasm_airgap//wit:defs.bzl", "wit_library")
```
"""

load("//bazel:wasi_wit.bzl", _wasi_wit_dependencies = "wasi_wit_dependencies")
load("//bazel:wit_library.bzl", _WitInfo = "WitInfo", _vendored_wit_library = "vendored_wit_library", _wit_library = "wit_library")
load("//bazel:wit_package.bzl", _wit_package = "wit_package")
load("//bazel:wit_vendor_lock.bzl", _wit_vendor_lock = "wit_vendor_lock")

WitInfo = _WitInfo
vendored_wit_library = _vendored_wit_library
wasi_wit_dependencies = _wasi_wit_dependencies
wit_library = _wit_library
wit_package = _wit_package
wit_vendor_lock = _wit_vendor_lock
