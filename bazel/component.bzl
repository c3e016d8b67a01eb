"""Components as targets: pulled by an action, vendored, or in a repository of their own."""

load("//bazel:providers.bzl", "WasmSettingsInfo", _WasmComponentInfo = "WasmComponentInfo")
load("//bazel/private:component_reference.bzl", "component_problem", "component_reference", "is_pinned")
load("//bazel/private:helper_toolchain.bzl", "HELPER_ATTRS", "helper_of")
load("//bazel/private:settings.bzl", "action_environment")

WasmComponentInfo = _WasmComponentInfo

def _wasm_component_from_oci_impl(ctx):
    problem = component_problem(ctx.attr)
    if problem:
        fail("{}: {}".format(ctx.label, problem))
    component = ctx.actions.declare_file(ctx.label.name + ".wasm")
    arguments = ctx.actions.args()
    inputs = list(ctx.files.registries)
    if ctx.file.vendored_component:
        # Uses no network and is deterministic, so the result can come from any cache.
        mnemonic = "WasmComponentCheck"
        helper = helper_of(ctx)
        requirements = {}
        environ = {}
        arguments.add_all(["component", "check"])
        arguments.add("--out", component)
        arguments.add(ctx.file.vendored_component)
        inputs.append(ctx.file.vendored_component)
        if ctx.file.vendored_manifest:
            arguments.add("--manifest", ctx.file.vendored_manifest)
            inputs.append(ctx.file.vendored_manifest)
    else:
        settings = ctx.attr._settings[WasmSettingsInfo]
        mnemonic = "WasmComponentFetch"
        helper = settings.helper

        # Another machine does not have the settings. `requires-network` would override
        # `--sandbox_default_allow_network=false`; without that flag, actions have a network anyway.
        requirements = {"no-remote-exec": "1"}
        environ = action_environment(settings.seen, ctx.configuration.default_shell_env)
        if not is_pinned(ctx.attr):
            # A tag may move, and a cache must not give an old component to other users. A setting
            # decides whether a tag may be resolved.
            requirements["no-cache"] = "1"
            inputs.append(settings.file)
        arguments.add_all(["component", "fetch", "--settings=beside"])
        arguments.add("--reference", component_reference(ctx.attr))
        arguments.add("--name", ctx.attr.component_name)
        arguments.add(component)
    if ctx.attr.digest:
        arguments.add("--digest", ctx.attr.digest)
    for file in ctx.files.registries:
        arguments.add("--registry", file)
    ctx.actions.run(
        arguments = [arguments],
        env = environ,
        executable = helper,
        execution_requirements = requirements,
        inputs = inputs,
        mnemonic = mnemonic,
        outputs = [component],
        progress_message = "Getting component %{label}",
        toolchain = None,
    )
    return [
        DefaultInfo(files = depset([component]), runfiles = ctx.runfiles([component])),
        WasmComponentInfo(
            component = component,
            digest = ctx.attr.digest,
            reference = component_reference(ctx.attr) if ctx.attr.component_name else "",
        ),
    ]

wasm_component_from_oci = rule(
    implementation = _wasm_component_from_oci_impl,
    doc = """Provides a component from an OCI registry, or from a vendored file.

    wasm_component_from_oci(
        name = "auth_service",
        registry = "ghcr.io",
        namespace = "my-org",
        component_name = "auth-service",
        digest = "sha256:...",
    )

Prefer the module extension `wasm_components` for components from a registry: `bazel vendor`
includes its repositories, and then the build needs no network.""",
    attrs = {
        "component_name": attr.string(doc = "The last part of the repository, or the name in the checksum registry."),
        "digest": attr.string(
            doc = "The digest that pins the component: of its manifest, or of its content, which is the file's " +
                  "SHA-256. A `vendored_component` must have this digest.",
        ),
        "namespace": attr.string(doc = "The parts of the repository before the last."),
        "registries": attr.label_list(
            allow_files = [".json"],
            doc = "Checksum registry files of your own, for `version`.",
        ),
        "registry": attr.string(doc = "The registry's host, as in `ghcr.io`."),
        "tag": attr.string(
            doc = "The tag. It does not pin the component: the result is in no shared cache, a warning prints the " +
                  "digest to add, and offline the component is not pulled.",
        ),
        "vendored_component": attr.label(
            allow_single_file = [".wasm"],
            doc = "A component file, as `vendor components` writes it.",
        ),
        "vendored_manifest": attr.label(
            allow_single_file = [".json"],
            doc = "The manifest that `vendor components` writes beside the component. Needed if `digest` is the " +
                  "digest of the manifest, because that alone does not verify the component.",
        ),
        "version": attr.string(doc = "The version in the checksum registry, which holds the digest."),
        "_settings": attr.label(
            cfg = "exec",
            default = Label("@wasm_airgap_settings//:settings"),
            providers = [WasmSettingsInfo],
        ),
    } | HELPER_ATTRS,
    provides = [WasmComponentInfo],
)

def _wasm_component_file_impl(ctx):
    return [
        DefaultInfo(files = depset([ctx.file.src]), runfiles = ctx.runfiles([ctx.file.src])),
        WasmComponentInfo(component = ctx.file.src, digest = ctx.attr.digest, reference = ctx.attr.reference),
    ]

wasm_component_file = rule(
    implementation = _wasm_component_file_impl,
    doc = "Provides an existing component file. The extension `wasm_components` writes this rule into its repositories.",
    attrs = {
        "digest": attr.string(doc = "The digest that pins the component."),
        "reference": attr.string(doc = "The reference of the component."),
        "src": attr.label(allow_single_file = [".wasm"], doc = "The component.", mandatory = True),
    },
    provides = [WasmComponentInfo],
)
