"""Vendoring WIT packages into the source tree, and a test that the tree is up to date."""

load(":vendor.bzl", "helper_command", "helper_test")

def wit_vendor_lock(
        name,
        packages,
        lock_file = "wit.lock",
        output_dir = "vendor/wit",
        registries = None,
        package_registries = None,
        wit_library = None,
        **kwargs):
    """Creates targets that vendor WIT packages, with their dependencies.

    * `bazel run //:<name>_generate` writes the lock and the folder. Packages in the lock keep their
      versions; `-- --update` takes the newest ones.
    * `bazel test //:<name>_test` fails if the command would change the lock or the folder.

    Args:
        name: the beginning of the targets' names.
        packages: packages, each with a version (`wasi:cli@0.2.6`), a range (`myorg:api@^1.2`), or
            neither.
        lock_file: the lock, relative to the BUILD file.
        output_dir: the vendor folder, relative to the BUILD file.
        registries: registry files of your own with pinned archives, as in `checksums/wit`.
        package_registries: a package, `myorg:api`, or a namespace, `myorg` -> its registry, as in
            `ghcr.io/myorg`; other packages use the configured registry.
        wit_library: the label of the `.bzl` file that the generated BUILD files load `wit_library`
            from; by default this module's, by the name that MODULE.bazel gives it.
        **kwargs: the attributes that every rule has.
    """
    package = native.package_name()
    below = package + "/" if package else ""

    # Bazel splits an argument as a shell does, and a range may have spaces.
    arguments = ["vendor", "wit"] + ["'{}'".format(wanted) for wanted in packages] + [
        "--lock-file=" + below + lock_file,
        "--output-dir=" + below + output_dir,
    ] + (["--rules=" + wit_library] if wit_library else [])
    arguments += [
        "--package-registry={}={}".format(name, registry)
        for name, registry in (package_registries or {}).items()
    ]
    tags = kwargs.pop("tags", None) or []
    registries = registries or []
    data = [native.package_relative_label(file) for file in registries]
    generate = "bazel run //{}:{}_generate".format(package, name)
    arguments += ["--registry=$(rootpath {})".format(file) for file in data]
    helper_command(
        name = name + "_generate",
        args = arguments,
        data = data,
        tags = ["manual"] + tags,
        **kwargs
    )

    # The test finds the source tree by this file, which always exists. It reads all files there,
    # including those that are in no rule.
    anchor = native.glob(["BUILD.bazel", "BUILD"], allow_empty = True)[0]
    helper_test(
        name = name + "_test",
        args = arguments + [
            "--locked",
            "--workspace-of=$(rootpath {})".format(anchor),
            "--mend='{}'".format(generate),
        ],
        data = [anchor] + data,
        tags = tags,
        **kwargs
    )

    # The lock under the macro's own name, for targets that depend on it.
    native.filegroup(
        name = name,
        srcs = native.glob([lock_file], allow_empty = True),
        tags = tags,
        **kwargs
    )
