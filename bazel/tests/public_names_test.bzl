"""Tests of the names that users load, each from every file that has it."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load(
    "//bazel:component.bzl",
    "wasm_component_file",
    "wasm_component_from_oci",
    _ComponentInfo = "WasmComponentInfo",
)
load("//bazel:components.bzl", "wasm_components")
load("//bazel:defs.bzl", _defs_component = "wasm_component_from_oci", _defs_file = "wasm_component_file", _defs_library = "wit_library", _defs_lock = "wit_vendor_lock", _defs_vendor_all = "vendor_all", _defs_vendor_components = "vendor_components", _defs_vendor_helper = "vendor_helper", _defs_vendor_toolchains = "vendor_toolchains", _defs_vendor_verify_test = "vendor_verify_test", _defs_vendored = "vendored_wit_library")
load("//bazel:helper.bzl", "wasm_helper")
load("//bazel:providers.bzl", "WasmComponentInfo", "WasmHelperInfo", "WasmToolInfo", "WitInfo")
load("//bazel:toolchain.bzl", "missing_tool", "resolved_tool_rule", "wasm_tool", _ToolInfo = "WasmToolInfo")
load("//bazel:toolchains.bzl", "wasm_toolchains")
load("//bazel:vendor.bzl", "helper_command", "helper_test", "vendor_all", "vendor_components", "vendor_helper", "vendor_toolchains", "vendor_verify_test")
load("//bazel:wasi_wit.bzl", "wasi_wit_dependencies")
load("//bazel:wit.bzl", "wit_packages")
load("//bazel:wit_library.bzl", "vendored_wit_library", "wit_library", _LibraryWitInfo = "WitInfo")
load("//bazel:wit_package.bzl", "wit_package")
load("//bazel:wit_vendor_lock.bzl", "wit_vendor_lock")
load("//wit:defs.bzl", _WitInfo = "WitInfo", _wit_dependencies = "wasi_wit_dependencies", _wit_library = "wit_library", _wit_lock = "wit_vendor_lock", _wit_package = "wit_package", _wit_vendored = "vendored_wit_library")
load("//wkg:defs.bzl", _WkgComponentInfo = "WasmComponentInfo", _wkg_component = "wasm_component_from_oci")

# Each name, as every file has it.
_NAMES = [
    [WasmComponentInfo, _ComponentInfo, _WkgComponentInfo],
    [WasmToolInfo, _ToolInfo],
    [WitInfo, _WitInfo, _LibraryWitInfo],
    [vendor_all, _defs_vendor_all],
    [vendor_components, _defs_vendor_components],
    [vendor_helper, _defs_vendor_helper],
    [vendor_toolchains, _defs_vendor_toolchains],
    [vendor_verify_test, _defs_vendor_verify_test],
    [vendored_wit_library, _wit_vendored, _defs_vendored],
    [wasi_wit_dependencies, _wit_dependencies],
    [wasm_component_file, _defs_file],
    [wasm_component_from_oci, _wkg_component, _defs_component],
    [wit_library, _wit_library, _defs_library],
    [wit_package, _wit_package],
    [wit_vendor_lock, _wit_lock, _defs_lock],
]

# Names that one file has.
_ALONE = [
    WasmHelperInfo,
    helper_command,
    helper_test,
    missing_tool,
    resolved_tool_rule,
    wasm_components,
    wasm_helper,
    wasm_tool,
    wasm_toolchains,
    wit_packages,
]

def _public_names_impl(ctx):
    env = unittest.begin(ctx)
    for files in _NAMES:
        for other in files[1:]:
            asserts.equals(env, files[0], other)
    asserts.false(env, None in _ALONE)
    return unittest.end(env)

_public_names_test = unittest.make(_public_names_impl)

def public_names_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(name, _public_names_test)
