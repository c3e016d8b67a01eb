"""The repository that holds the `wasm-airgap` binary for this machine.

    wasm-airgap     the binary (wasm-airgap.exe on Windows)
    stamp           the version of the interface between Starlark and the binary

Other repository rules depend on `stamp` and never on the binary. Bazel records the digest of each
dependency, and a helper that was built by another compiler would mark every fetched tool out of
date, which breaks `bazel vendor`.
"""

load(":copy.bzl", "copy_program")
load(":download.bzl", "reproducible")
load(":execute.bzl", "execute_checked", "fail_before_helper")
load(":helper_cache.bzl", "HELPER_SOURCES", "cached_helper", "keep_helper")
load(":module_name.bzl", "module_label")
load(":pinned_helper.bzl", "helper_build_file", "path_in_workspace", "policy_answer", "take_pinned_helper")
load(":platforms.bzl", "executable_name", "platform_of")
load(":policy.bzl", "is_offline", "vendor_folder")

def _three_ways(rctx, pin = None):
    """Returns the end of a message: the three sources of a helper, with commands that run as printed."""
    return (_PINNED_WAYS if pin else _WAYS).format(
        manifest = rctx.path(rctx.attr.manifest),
        vendor_helper = module_label(rctx, "//tools/vendor:helper"),
    )

_WAYS = """
The helper can come from one of three places:
  1. a binary at a path:  --repo_env=BAZEL_WASM_HELPER=/path/to/wasm-airgap
  2. a pinned binary in the vendor folder or on the mirror: run
       bazel run {vendor_helper} -- --output-dir vendor/toolchains
     on a machine that has cargo, and copy the `wasm_helper.pin(...)` that it prints into MODULE.bazel
  3. the sources, built by the cargo on PATH (https://rustup.rs); for a build without a
     network, first run this in the workspace on an online machine
       cargo vendor --locked --versioned-dirs --manifest-path {manifest} vendor/crates
"""

_PINNED_WAYS = """
The helper can come from one of three places:
  1. a binary at a path:  --repo_env=BAZEL_WASM_HELPER=/path/to/wasm-airgap
  2. the pinned binary, in one of the places above: run
       bazel run {vendor_helper} -- --output-dir vendor/toolchains
     on a machine with a network, and copy the folder here
  3. the sources, built by the cargo on PATH (https://rustup.rs): replace the `wasm_helper.pin(...)` in
     MODULE.bazel, if there is one, by `wasm_helper.from_sources()`
"""

def _helper_repo_impl(rctx):
    platform = platform_of(rctx.os.name, rctx.os.arch)
    name = executable_name("wasm-airgap", platform or "")

    # Tracked, unlike the variables that select the sources of pinned bytes: this one changes the
    # content of the repository.
    override = rctx.getenv("BAZEL_WASM_HELPER", "")
    if override:
        _copy_override(rctx, override, name)
    else:
        pin = _pin(rctx, platform)
        if pin:
            take_pinned_helper(rctx, pin, platform, name, _three_ways(rctx, pin))
        else:
            _build(rctx, name)

    stamp = execute_checked(rctx, "ask the helper for its stamp", [rctx.path(name), "stamp"])
    rctx.file("stamp", stamp, executable = False)
    rctx.file("BUILD.bazel", helper_build_file(name, ["stamp"]), executable = False)
    return reproducible(rctx)

def _copy_override(rctx, override, name):
    source = path_in_workspace(rctx, override)
    if not source.exists:
        fail_before_helper(rctx, "the helper `{}` does not exist\n  named by: BAZEL_WASM_HELPER\n{}".format(source, _three_ways(rctx)))
    rctx.watch(source)
    copy_program(rctx, source, name)

def _pin(rctx, platform):
    """Returns the pinned binary for this machine, or None."""
    if platform not in rctx.attr.pins:
        return None
    version, sha256, url = rctx.attr.pins[platform]
    return struct(version = version, sha256 = sha256, url = url)

def _build(rctx, name):
    cargo = rctx.which("cargo")
    if not cargo:
        fail_before_helper(rctx, "there is no cargo on PATH to build the helper with\n" + _three_ways(rctx))
    root = rctx.path(rctx.attr.manifest).dirname
    for source in HELPER_SOURCES:
        path = root.get_child(source)
        if path.is_dir:
            rctx.watch_tree(path)
        else:
            rctx.watch(path)
    offline = policy_answer(rctx, is_offline(rctx.os.environ))
    kept = cached_helper(rctx, root, name)
    if kept and kept.exists:
        copy_program(rctx, kept, name)
        return

    rctx.report_progress("building the wasm-airgap helper with cargo, once for this user")
    target = rctx.path("target")
    arguments = [
        cargo,
        "build",
        "--profile=helper",
        "--locked",
        "--bin=wasm-airgap",
        # Without the features `mirror` and `operations`, which no rule uses.
        "--no-default-features",
        "--manifest-path={}".format(root.get_child("Cargo.toml")),
        "--target-dir={}".format(target),
    ]
    crates = _vendored_crates(rctx, root)
    if crates:
        arguments.extend([
            "--config=source.crates-io.replace-with='vendored-crates'",
            "--config=source.vendored-crates.directory='{}'".format(crates),
        ])
    if crates or offline:
        arguments.append("--offline")
    result = rctx.execute(
        arguments,
        # Cargo's own progress, such as `Building [==>  ] 52/157: rustls`, is shown at once.
        environment = {"CARGO_TERM_PROGRESS_WHEN": "always", "CARGO_TERM_PROGRESS_WIDTH": "80"},
        quiet = False,
        timeout = 1800,
        # From the module's root, so that its toolchain file applies.
        working_directory = str(root),
    )
    if result.return_code:
        fail_before_helper(rctx, "cannot build the helper with cargo (exit code {}), see its messages above\n{}".format(
            result.return_code,
            _three_ways(rctx),
        ))
    copy_program(rctx, target.get_child("helper", name), name)
    if kept:
        keep_helper(rctx, rctx.path(name), kept)
    rctx.delete("target")

def _vendored_crates(rctx, root):
    """Returns the folder with vendored crates, or None if there is none."""
    folder = vendor_folder(rctx.os.environ)
    places = [rctx.workspace_root.get_child("vendor", "crates"), root.get_child("vendor", "crates")]
    if folder:
        places.insert(0, path_in_workspace(rctx, folder + "/crates"))
    for place in places:
        if place.exists:
            return place
    return None

helper_repo = repository_rule(
    implementation = _helper_repo_impl,
    doc = "Provides the `wasm-airgap` binary for this machine: by path, pinned, or built by cargo.",
    attrs = {
        "manifest": attr.label(
            default = Label("//:Cargo.toml"),
            doc = "The Cargo.toml of the helper's sources.",
        ),
        "pins": attr.string_list_dict(
            doc = "Platform -> `[version, sha256, url]` of a binary that is used instead of a build.",
        ),
    },
)
