"""Libraries of WIT, which are checked at build time and put together with their dependencies.

`bazel build //:my_wit` creates the folder `my_wit_wit`: the package's own `.wit` files at its top,
and `deps/<namespace>-<name>-<version>` for each dependency. wit-bindgen, wasm-tools and wkg read
such a folder.
"""

load("//bazel:wit_package.bzl", "hub_label")
load("//bazel/private:wasi_table.bzl", "WASI_WIT")

WitInfo = provider(
    doc = "A WIT package.",
    fields = {
        "directory": "File: the folder `<name>_wit`.",
        "interfaces": "list of string: the interfaces that the rule names; empty if it names none.",
        "package": "string: the package as the rule names it, as in `wasi:http@0.2.6`; empty if only the WIT names it.",
        "transitive": "depset of struct(label, package, directory): this package and its dependencies, direct and indirect.",
    },
)

def _wit_library_impl(ctx):
    directory = ctx.actions.declare_directory(ctx.label.name + "_wit")
    request = ctx.actions.declare_file(ctx.label.name + "_wit.request.json")
    transitive = depset(transitive = [dep[WitInfo].transitive for dep in ctx.attr.deps])
    direct = {str(dep.label): None for dep in ctx.attr.deps}
    ctx.actions.write(request, json.encode_indent({
        "deps": [
            {
                "direct": str(dep.label) in direct,
                "directory": dep.directory.path,
                "label": _shown(dep.label),
            }
            for dep in transitive.to_list()
        ],
        "interfaces": ctx.attr.interfaces,
        "known": {package: hub_label(package) for package in WASI_WIT},
        "label": _shown(ctx.label),
        "package": ctx.attr.package_name,
        "schema_version": 1,
        "srcs": [{"path": file.path, "short_path": _short_path(ctx, file)} for file in ctx.files.srcs],
    }, indent = "  "))
    ctx.actions.run(
        arguments = ["wit", "library", "--request", request.path, "--out", directory.path],
        executable = ctx.executable._helper,
        inputs = depset(
            ctx.files.srcs + [request],
            transitive = [depset([dep.directory for dep in transitive.to_list()])],
        ),
        mnemonic = "WitLibrary",
        outputs = [directory],
        progress_message = "Checking WIT of %{label}",
        toolchain = None,
    )
    this = struct(directory = directory, label = ctx.label, package = ctx.attr.package_name)
    return [
        DefaultInfo(files = depset([directory]), runfiles = ctx.runfiles([directory])),
        WitInfo(
            directory = directory,
            interfaces = ctx.attr.interfaces,
            package = ctx.attr.package_name,
            transitive = depset([this], transitive = [transitive]),
        ),
    ]

def _shown(label):
    """Returns a label as a person writes it, as far as that can be known here."""
    return str(label).removeprefix("@@") if not label.repo_name else str(label)

def _short_path(ctx, file):
    """Returns the path below the package; a folder `deps` in it holds dependencies that came along."""
    path = file.short_path
    if path.startswith("../"):
        path = path.split("/", 2)[2]
    package = ctx.label.package
    return path.removeprefix(package + "/") if package else path

wit_library = rule(
    implementation = _wit_library_impl,
    doc = """A WIT package.

Fails if a file does not parse, if the files declare another package than `package_name`, if an
interface in `interfaces` does not exist, or if the files use a package that is not in `deps`; the
error names the label to add.""",
    attrs = {
        "deps": attr.label_list(
            doc = "The libraries of the packages that the files use.",
            providers = [WitInfo],
        ),
        "interfaces": attr.string_list(
            doc = "Interfaces that the package must have; it may have others too.",
        ),
        "package_name": attr.string(
            doc = "The package that the files must declare, as in `wasi:http@0.2.6`; by default the one that they declare.",
        ),
        "srcs": attr.label_list(
            allow_files = [".wit", ".wasm"],
            doc = "The package's `.wit` files. A file in a folder `deps` belongs to a dependency that came along.",
            mandatory = True,
        ),
        "_helper": attr.label(
            allow_single_file = True,
            cfg = "exec",
            default = Label("@wasm_airgap_helper//:helper"),
            executable = True,
        ),
    },
    provides = [WitInfo],
)

def vendored_wit_library(name, path, package_name = "", interfaces = None, deps = None, **kwargs):
    """Creates a `wit_library` of a folder with `.wit` files.

    Args:
        name: the target's name.
        path: the folder, relative to the BUILD file; with its `deps`, if it has any.
        package_name: as in `wit_library`.
        interfaces: as in `wit_library`.
        deps: as in `wit_library`.
        **kwargs: the attributes that every rule has.
    """
    srcs = native.glob(
        [path + "/*.wit", path + "/deps/**/*.wit", path + "/deps/*.wasm"],
        allow_empty = True,
    )
    if not srcs:
        fail("there are no `.wit` files in `{}`".format(path))
    wit_library(
        name = name,
        srcs = srcs,
        deps = deps,
        interfaces = interfaces,
        package_name = package_name,
        **kwargs
    )
