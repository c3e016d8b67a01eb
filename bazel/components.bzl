"""The module extension that provides components.

    components = use_extension("@rules_wasm_airgap//bazel:components.bzl", "wasm_components")
    components.oci(
        name = "auth_service",
        reference = "ghcr.io/my-org/auth-service:v1.2.0",
        digest = "sha256:...",
    )
    use_repo(components, "auth_service")

The component is `@auth_service`, and vendored as `components/auth-service.wasm`.
"""

load("//bazel/private:asked.bzl", "asked_by", "contradiction", "one_each", "pin")
load("//bazel/private:component_reference.bzl", "is_in_registry", "registry_of")
load("//bazel/private:component_repo.bzl", "component_hub", "component_repo")
load("//bazel/private:direct_deps.bzl", "extension_metadata")
load("//bazel/private:registry.bzl", "foreign_file")

def _wasm_components_impl(mctx):
    asked = asked_by(mctx.modules, lambda module: module.tags.oci, _wish)
    tags, problem = one_each("components", asked, "Give one of the two another name.")
    if problem:
        fail(problem)
    files = []
    pins = []
    for module in reversed(mctx.modules):
        # The registry file that is added last wins.
        own = [file for tag in module.tags.registry for file in _files(mctx, tag.file)]
        files.extend(own)
        pins.extend([one for file in own for one in _pins(module, file)])
    problem = contradiction("components", pins)
    if problem:
        fail(problem)
    for tag in tags.values():
        component_repo(
            name = tag.name,
            component = _component(tag),
            digest = tag.digest,
            pinned = bool(tag.digest) or is_in_registry(tag.reference),
            reference = tag.reference,
            registry = registry_of(tag.reference, files),
            target = tag.name,
        )
    component_hub(
        name = "wasm_components",
        request = json.encode_indent({
            "component_registry": files,
            "components": [
                {"digest": tag.digest, "name": _component(tag), "reference": tag.reference}
                for tag in tags.values()
            ],
            "schema_version": 1,
        }, indent = "  ") + "\n",
    )
    return extension_metadata(mctx, own = ["wasm_components"], tags = lambda module: module.tags.oci)

def _wish(tag):
    """Returns the request of a tag in words."""
    words = tag.reference + (" with the digest " + tag.digest if tag.digest else " without a digest")
    return words + (" as `{}.wasm`".format(tag.component) if tag.component else "")

def _files(mctx, label):
    """Returns the content of a component's registry file, or of those that a `registry.json` lists."""
    path = mctx.path(label)
    content = _decode(mctx, path)
    if "components" not in content:
        return [content]
    return [_decode(mctx, path.dirname.get_child(listed["file"])) for listed in content["components"].values()]

def _pins(module, file):
    """Returns the pins of a registry file, for `contradiction`."""
    return [
        pin(module, "{}@{}".format(file.get("component_name"), version), published.get("digest", ""))
        for version, published in file.get("versions", {}).items()
    ]

def _decode(mctx, path):
    content = json.decode(mctx.read(path), default = None)
    if type(content) != "dict":
        fail("the checksum registry file `{}` is not a JSON object".format(path))
    if "oci_repository" in content or type(content.get("components", {})) != "dict":
        fail(foreign_file(path))
    return content

def _component(tag):
    """Returns the component's name: by default the last part of its repository."""
    return tag.component or tag.reference.split("/")[-1].split("@")[0].split(":")[0]

_oci = tag_class(
    doc = "Asks for a component.",
    attrs = {
        "component": attr.string(
            doc = "The name of the file in vendor folders; by default the last part of the repository.",
        ),
        "digest": attr.string(
            doc = "The digest of the manifest or of the content. Without a digest the component is fetched " +
                  "online only, with a warning that prints the digest to add.",
        ),
        "name": attr.string(mandatory = True, doc = "The name of the repository and of its target."),
        "reference": attr.string(
            mandatory = True,
            doc = "Its reference, as in `ghcr.io/my-org/auth-service:v1.2.0`; or its name and version in a checksum " +
                  "registry, as in `auth-service@1.2.0`.",
        ),
    },
)

_registry = tag_class(
    doc = "Adds a checksum registry file of your own, as `wasm-airgap component pin --registry` writes it.",
    attrs = {"file": attr.label(mandatory = True, doc = "The registry file.")},
)

wasm_components = module_extension(
    implementation = _wasm_components_impl,
    doc = "Provides WebAssembly components from OCI registries.",
    tag_classes = {"oci": _oci, "registry": _registry},
)
