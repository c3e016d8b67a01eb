"""The providers of all rules.

```starlark
load("@rules_wasm_airgap//bazel:providers.bzl", "WasmComponentInfo", "WitInfo")
```
"""

WasmComponentInfo = provider(
    doc = "A WebAssembly component.",
    fields = {
        "component": "File: the `.wasm`.",
        "digest": "string: the digest that pins the component, as in `sha256:...`; empty if it is not pinned.",
        "reference": "string: its reference, as in `ghcr.io/my-org/auth-service:v1.2.0`; empty if it is not known.",
    },
)

WasmHelperInfo = provider(
    doc = "The program `wasm-airgap` for one exec platform.",
    fields = {
        "executable": "File: the program; None if the platform has no helper.",
        "problem": "string: the remedy if there is no program.",
    },
)

WasmSettingsInfo = provider(
    doc = "The settings of the workspace, for the rules of this module.",
    fields = {
        "file": "File: the settings. An action with this input runs again when they change.",
        "helper": "File: a helper in the same folder as the settings, which it reads.",
        "seen": "dict: the variables in the file -> a hash of the value.",
    },
)

WasmToolInfo = provider(
    doc = "A tool that runs on the exec platform.",
    fields = {
        "executable": "File: the main executable.",
        "executables": "dict: the name of each executable -> its File.",
        "files": "depset of File: all files of the tool, which an action that runs it needs.",
        "tool": "string: the tool's name, as in `wasm-tools`.",
        "version": "string: its version, as in `1.244.0`.",
    },
)

WitInfo = provider(
    doc = "A WIT package.",
    fields = {
        "directories": "depset of File: the folders of this package and of its dependencies, direct and indirect.",
        "directory": "File: the folder `<name>_wit`.",
        "interfaces": "list of string: the interfaces that the rule names; empty if it names none.",
        "package": "string: the package as the rule names it, as in `wasi:http@0.2.6`; empty if only the WIT names it.",
        "transitive": "depset of struct(label, package, directory): this package and its dependencies, direct and indirect.",
    },
)
