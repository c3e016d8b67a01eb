"""Libraries of WIT, which are checked at build time and put together with their dependencies.

`bazel build //:my_wit` creates the folder `my_wit_wit`: the package's own `.wit` files at the
top, and `deps/<namespace>-<name>-<version>` for each dependency. wit-bindgen, wasm-tools and wkg read
such a folder.
"""

load("//bazel:providers.bzl", _WitInfo = "WitInfo")
load("//bazel/private:helper_toolchain.bzl", "HELPER_ATTRS", "helper_of")

WitInfo = _WitInfo

def _wit_library_impl(ctx):
    directory = ctx.actions.declare_directory(ctx.label.name + "_wit")
    request = ctx.actions.declare_file(ctx.label.name + "_wit.request.json")
    transitive = depset(transitive = [dep[WitInfo].transitive for dep in ctx.attr.deps])
    directories = depset(transitive = [dep[WitInfo].directories for dep in ctx.attr.deps])
    ctx.actions.write(request, _request(ctx, transitive))
    arguments = ctx.actions.args()
    arguments.add_all(["wit", "library"])
    arguments.add("--request", request)
    arguments.add_all([directory], before_each = "--out", expand_directories = False)
    ctx.actions.run(
        arguments = [arguments],
        executable = helper_of(ctx),
        inputs = depset(ctx.files.srcs + [request], transitive = [directories]),
        mnemonic = "WitLibrary",
        outputs = [directory],
        progress_message = "Checking WIT of %{label}",
        toolchain = None,
    )
    this = struct(directory = directory, label = ctx.label, package = ctx.attr.package_name)
    return [
        DefaultInfo(files = depset([directory]), runfiles = ctx.runfiles([directory])),
        WitInfo(
            directories = depset([directory], transitive = [directories]),
            directory = directory,
            interfaces = ctx.attr.interfaces,
            package = ctx.attr.package_name,
            transitive = depset([this], transitive = [transitive]),
        ),
    ]

def _request(ctx, transitive):
    """Returns the request of the helper: JSON, in which Bazel fills in the libraries when it writes the file."""
    direct = {str(dep.label): None for dep in ctx.attr.deps}

    def encode_dep(dep):
        return json.encode({
            "direct": str(dep.label) in direct,
            "directory": dep.directory.path,
            "label": _shown(dep.label),
        })

    own = json.encode({
        "interfaces": ctx.attr.interfaces,
        # The helper knows the WASI packages, whose libraries its hints name. Helpers of earlier
        # releases need the field.
        "known": {},
        "label": _shown(ctx.label),
        "package": ctx.attr.package_name,
        "schema_version": 1,
        "srcs": [{"path": file.path, "short_path": _short_path(ctx, file)} for file in ctx.files.srcs],
    })
    request = ctx.actions.args()
    request.set_param_file_format("multiline")
    request.add(own.removesuffix("}") + ",")
    request.add_joined(
        transitive,
        # The dict of the direct libraries is small.
        allow_closure = True,
        format_joined = "\"deps\": [%s]}",
        join_with = ",\n",
        map_each = encode_dep,
        omit_if_empty = False,
    )
    return request

def _shown(label):
    """Returns a label in the form that users write, as far as a rule can tell."""
    return str(label).removeprefix("@@") if not label.repo_name else str(label)

def _short_path(ctx, file):
    """Returns the path below the package; a folder `deps` in it has the bundled dependencies."""
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
            doc = "The package that the files must declare, as in `wasi:http@0.2.6`; by default the declared one.",
        ),
        "srcs": attr.label_list(
            allow_files = [".wit", ".wasm"],
            doc = "The package's `.wit` files. A file in a folder `deps` belongs to a bundled dependency.",
            mandatory = True,
        ),
    } | HELPER_ATTRS,
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
        package = "/".join([part for part in [native.package_name(), path] if part])
        fail(("there are no `.wit` files in `{}`, or it has a BUILD file and so is a package of its own: " +
              "use a label of that package, such as `//{}:NAME`").format(path, package))
    wit_library(
        name = name,
        srcs = srcs,
        deps = deps,
        interfaces = interfaces,
        package_name = package_name,
        **kwargs
    )
