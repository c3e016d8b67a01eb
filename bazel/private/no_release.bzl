"""The messages about a tool that has no release for the platform that would run it."""

def no_release(release, platform, program):
    """Words the problem of a platform without a release of a tool.

    Args:
        release: a struct with the `tool`, its `version`, the `platforms` of that version, and
            `others`: a dict from platform to the other versions that have a release for it.
        platform: the platform, or None if it is none of those for which tools are published.
        program: the label of the program, as in `@rules_wasm_airgap//:wasm-airgap`.

    Returns:
        The message, with what to do.
    """
    problem = "{} {} has no release for {}; it has releases for {}".format(
        release.tool,
        release.version,
        platform or "an execution platform of this build",
        ", ".join(release.platforms),
    )
    others = release.others.get(platform)
    if others:
        return ("{}. Other versions have one for {}: {}. Ask for one of them in MODULE.bazel:\n\n" +
                "wasm.tool(name = \"{}\", version = \"{}\")\n").format(
            problem,
            platform,
            ", ".join(others),
            release.tool,
            others[-1],
        )
    return ("{}. Add an execution platform of those, or pin a build of your own: run the line below with the " +
            "address of its archive, and add the file with a `wasm.registry` tag\n\n" +
            "bazel run {} -- toolchain pin --registry {}.json --tool {} --version {} --platform {} URL\n").format(
        problem,
        program,
        release.tool,
        release.tool,
        release.version,
        platform or "PLATFORM",
    )

def only_webassembly(tool, version, form):
    """Words the problem of a tool that is published as WebAssembly only.

    Args:
        tool: the tool.
        version: its version.
        form: `wasm` or `wasm_component`.

    Returns:
        The message, with what to do.
    """
    return ("{} {} is published as WebAssembly only (`{}`), which no execution platform runs by itself. Vendor it " +
            "with the line below, and use the label of the file with a runtime such as wasmtime\n\n" +
            "wasm-airgap vendor toolchains --tool {}@{} --platform {} --output-dir vendor/toolchains\n").format(
        tool,
        version,
        form,
        tool,
        version,
        form,
    )
