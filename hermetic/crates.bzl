"""The crates of this repository and of Cargo.lock as targets of rules_rust.

The pinned cargo resolves the features and the dependencies, from archives that have the SHA-256 of
Cargo.lock. So Cargo.toml and Cargo.lock are the only lists of crates, and no file is generated from
them that could be out of date.
"""

# The processors for which the program is built. The builds differ in a few dependencies.
_CPUS = ["aarch64", "x86_64"]

# The pinned cargo, with rustc beside it, for each processor as Bazel names it.
_CARGO = {
    "aarch64": Label("@rust_arm64_build//:bin/cargo"),
    "amd64": Label("@rust_amd64_build//:bin/cargo"),
}

_LIBRARY = """\
load("@rules_rust//rust:defs.bzl", "{rule}")

{rule}(
    name = "{name}",
    srcs = glob(["**/*.rs"]),
    aliases = {aliases},
    compile_data = glob(
        ["**"],
        exclude = ["**/* *", "**/*.rs", "BUILD.bazel"],
    ) + {data},
    crate_features = {features},
    crate_name = "{crate}",
    crate_root = "{root}",
    edition = "{edition}",
    proc_macro_deps = {macros},
    rustc_flags = {flags},
    version = "{version}",
    visibility = ["//visibility:public"],
    deps = {deps},
)
"""

_BUILD_SCRIPT = """
load("@rules_rust//cargo:defs.bzl", "cargo_build_script")

cargo_build_script(
    name = "build_script",
    srcs = glob(["**/*.rs"]),
    aliases = {aliases},
    crate_features = {features},
    crate_name = "build_script_build",
    crate_root = "{root}",
    data = glob(
        ["**"],
        exclude = ["**/* *", "**/*.rs", "BUILD.bazel"],
    ),
    edition = "{edition}",
    link_deps = {links_deps},
    links = "{links}",
    pkg_name = "{package}",
    proc_macro_deps = {macros},
    rustc_flags = ["--cap-lints=allow"],
    version = "{version}",
    deps = {deps},
)
"""

# The home of cargo. A relative path in its settings begins at the folder above it.
_CARGO_HOME = ".cargo-home"

_CARGO_CONFIG = """\
[source.crates-io]
replace-with = "archives"

[source.archives]
directory = "vendor"
"""

def _locked(lock):
    """Returns the packages of a Cargo.lock that are in a registry, as (name, version, SHA-256)."""
    packages = []
    for entry in lock.split("[[package]]\n")[1:]:
        fields = {}
        for line in entry.split("\n"):
            key, equals, value = line.partition(" = ")
            if equals:
                fields[key] = value.strip("\"")
        if "source" not in fields:
            continue
        if fields["source"] != "registry+https://github.com/rust-lang/crates.io-index":
            fail("Cargo.lock: {} {} comes from {}, and only crates of crates.io can be pinned".format(
                fields["name"],
                fields["version"],
                fields["source"],
            ))
        packages.append((fields["name"], fields["version"], fields["checksum"]))
    return packages

def _download(rctx, lock):
    for name, version, sha256 in _locked(lock):
        folder = "vendor/{}-{}".format(name, version)
        rctx.download_and_extract(
            url = "https://static.crates.io/crates/{0}/{0}-{1}.crate".format(name, version),
            output = folder,
            sha256 = sha256,
            type = "tar.gz",
            stripPrefix = "{}-{}".format(name, version),
        )
        rctx.file(folder + "/.cargo-checksum.json", json.encode({"files": {}, "package": sha256}))

        # A crate may have a BUILD file of its own, which is not for this workspace.
        for file in ["BUILD", "BUILD.bazel", "WORKSPACE", "MODULE.bazel"]:
            rctx.delete("{}/{}".format(folder, file))

def _without_tests(manifest):
    """Returns a Cargo.toml without the dependencies of its tests, whose features a release does not have."""
    before, found, after = manifest.partition("\n[dev-dependencies]\n")
    if not found:
        return manifest
    return before + "\n" + "".join(after.partition("\n[")[1:])

def _own_files(rctx, root):
    rctx.file("Cargo.toml", _without_tests(rctx.read(root.get_child("Cargo.toml"))))
    rctx.symlink(root.get_child("src"), "src")

    # File by file, without the BUILD files, which would make packages of the folders.
    checksums = root.get_child("checksums")
    for folder in [checksums] + [each for each in checksums.readdir() if each.is_dir]:
        at = "checksums" if folder == checksums else "checksums/" + folder.basename
        for file in folder.readdir():
            if not file.is_dir and file.basename != "BUILD.bazel":
                rctx.symlink(file, "{}/{}".format(at, file.basename))
    for folder in root.get_child("crates").readdir():
        at = "crates/{}/".format(folder.basename)
        rctx.file(at + "Cargo.toml", _without_tests(rctx.read(folder.get_child("Cargo.toml"))))
        rctx.symlink(folder.get_child("src"), at + "src")

def _metadata(rctx, tools, cpu):
    # cargo reads the variables of the user, and the settings in each folder above the one in which it
    # runs and in its home. So it has no variables, and runs in the root folder with a home of its own.
    result = rctx.execute(
        [
            "env",
            "-i",
            "CARGO_HOME={}".format(rctx.path(_CARGO_HOME)),
            "RUSTC={}".format(tools.get_child("rustc")),
            tools.get_child("cargo"),
            "metadata",
            "--format-version=1",
            "--manifest-path={}".format(rctx.path("Cargo.toml")),
            "--offline",
            "--filter-platform={}-unknown-linux-musl".format(cpu),
        ],
        quiet = True,
        working_directory = "/",
    )
    if result.return_code:
        fail("cargo metadata could not resolve the crates of Cargo.lock:\n" + result.stderr)
    return json.decode(result.stdout)

def _library(package):
    """Returns the library of a package, or None."""
    for target in package["targets"]:
        if [kind for kind in target["kind"] if kind in ["lib", "rlib", "proc-macro"]]:
            return target
    return None

def _build_script(package):
    for target in package["targets"]:
        if target["kind"] == ["custom-build"]:
            return target
    return None

def _is_macro(package):
    return _library(package)["kind"] == ["proc-macro"]

def _folder(package, home):
    return package["manifest_path"].removeprefix(home).removeprefix("/").removesuffix("Cargo.toml").rstrip("/")

def _dependencies(node, packages, home, kind):
    """Returns the dependencies of one kind: labels of libraries, of macros and of libraries with `links`, and aliases."""
    found = struct(libraries = [], macros = [], links = [], aliases = {})
    for dependency in node["deps"]:
        if not [1 for each in dependency["dep_kinds"] if each["kind"] == kind]:
            continue
        package = packages[dependency["pkg"]]
        label = "//{}:{}".format(_folder(package, home), package["name"])
        (found.macros if _is_macro(package) else found.libraries).append(label)
        if package["links"] and not _is_macro(package):
            found.links.append(label)
        if dependency["name"] != _library(package)["name"].replace("-", "_"):
            found.aliases[label] = dependency["name"]
    return found

def _choice(values):
    """Returns the Starlark for a value that may depend on the processor.

    Args:
        values: The value for each processor, None where the package is not used.
    """
    used = [value for value in values.values() if value != None]
    if not [value for value in used if value != used[0]]:
        return repr(used[0])
    return "select({%s})" % ", ".join([
        "\"@platforms//cpu:{}\": {}".format(cpu, repr(value))
        for cpu, value in values.items()
        if value != None
    ])

def _build_file(package, nodes, packages, home):
    """Returns the BUILD file of a package.

    Args:
        package: The package, of `cargo metadata`.
        nodes: Its place in the resolved graph for each processor, None where it is not used.
        packages: All packages by their id.
        home: The absolute path of the repository.
    """
    folder = _folder(package, home)
    own = not folder.startswith("vendor/")
    used = {
        kind: {cpu: _dependencies(node, packages, home, kind) if node else None for cpu, node in nodes.items()}
        for kind in [None, "build"]
    }

    def field(name, kind):
        return {cpu: getattr(found, name) if found else None for cpu, found in used[kind].items()}

    features = _choice({cpu: node["features"] if node else None for cpu, node in nodes.items()})
    script = _build_script(package)
    library = _library(package)
    target = library or [each for each in package["targets"] if each["kind"] == ["bin"]][0]
    rule = "rust_binary"
    if library:
        rule = "rust_proc_macro" if _is_macro(package) else "rust_library"
    flags = ["-Ccodegen-units=4"] + ([] if own else ["--cap-lints=allow"])
    content = _LIBRARY.format(
        aliases = _choice(field("aliases", None)),
        crate = target["name"].replace("-", "_"),
        data = repr(["//:checksums"] if own and folder else []),
        deps = _choice(field("libraries", None)) + (" + [\":build_script\"]" if script else ""),
        edition = target["edition"],
        features = features,
        flags = repr(flags + (["-Cstrip=symbols"] if rule == "rust_binary" else [])),
        macros = _choice(field("macros", None)),
        name = package["name"],
        package = package["name"],
        root = target["src_path"].removeprefix(home + "/").removeprefix(folder + "/"),
        rule = rule,
        version = package["version"],
    )
    if script:
        content += _BUILD_SCRIPT.format(
            aliases = _choice(field("aliases", "build")),
            deps = _choice(field("libraries", "build")),
            edition = script["edition"],
            features = features,
            links = package["links"] or "",
            links_deps = _choice(field("links", None)),
            macros = _choice(field("macros", "build")),
            package = package["name"],
            root = script["src_path"].removeprefix(home + "/").removeprefix(folder + "/"),
            version = package["version"],
        )
    if not folder:
        content = content.replace("glob([\"**/*.rs\"])", "glob([\"src/**/*.rs\"])").replace("[\"**\"]", "[\"src/**\"]")
        content += _CHECKSUMS
    return folder, content

_CHECKSUMS = """
filegroup(
    name = "checksums",
    srcs = glob(["checksums/**"]),
    visibility = ["//visibility:public"],
)
"""

def _crates_impl(rctx):
    root = rctx.path(Label("//:MODULE.bazel")).dirname.dirname
    lock = rctx.read(root.get_child("Cargo.lock"))
    _own_files(rctx, root)
    _download(rctx, lock)
    rctx.file("Cargo.lock", lock)
    rctx.file(_CARGO_HOME + "/config.toml", _CARGO_CONFIG)

    tools = rctx.path(_CARGO[rctx.os.arch]).dirname
    metadata = {cpu: _metadata(rctx, tools, cpu) for cpu in _CPUS}
    home = metadata[_CPUS[0]]["workspace_root"]
    nodes = {cpu: {node["id"]: node for node in graph["resolve"]["nodes"]} for cpu, graph in metadata.items()}
    packages = {package["id"]: package for graph in metadata.values() for package in graph["packages"]}
    for id, package in packages.items():
        folder, content = _build_file(package, {cpu: nodes[cpu].get(id) for cpu in _CPUS}, packages, home)
        rctx.file("{}/BUILD.bazel".format(folder) if folder else "BUILD.bazel", content)

    # The home of cargo has times in it.
    rctx.delete(_CARGO_HOME)

crates = repository_rule(
    implementation = _crates_impl,
    doc = "The crates of this repository and of Cargo.lock, with a BUILD file for each.",
)
