"""The extension of buildozer that bazel_tools uses. It returns buildozer from PATH."""

def _buildozer_repo_impl(rctx):
    # Only `bazel mod tidy` needs buildozer. Bazel looks for the name with .exe on all systems.
    program = rctx.which("buildozer")
    if program:
        rctx.symlink(program, "buildozer.exe")
    rctx.file("BUILD.bazel", "exports_files([\"buildozer.exe\"])\n" if program else "")

_buildozer_repo = repository_rule(implementation = _buildozer_repo_impl)

def _buildozer_binary_impl(_mctx):
    _buildozer_repo(name = "buildozer_binary")

buildozer_binary = module_extension(implementation = _buildozer_binary_impl)
