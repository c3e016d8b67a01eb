"""Tests of the name by which a workspace knows this module."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:module_name.bzl", "known_name")

def _known_name_impl(ctx):
    env = unittest.begin(ctx)
    for text, name in [
        ("", "rules_wasm_airgap"),
        ('bazel_dep(name = "rules_wasm_airgap", version = "0.1.0")', "rules_wasm_airgap"),
        ('bazel_dep(name = "rules_wasm_airgap", version = "0.1.0", repo_name = "wasm")', "wasm"),
        ("bazel_dep(\n    name = 'rules_wasm_airgap',\n    repo_name = 'wasm',\n)", "wasm"),
        ('bazel_dep(name = "a", repo_name = "b")\nbazel_dep(name = "rules_wasm_airgap", repo_name = "c")', "c"),
        ('bazel_dep(name = "rules_wasm_airgap", repo_name = None)', "rules_wasm_airgap"),
        ('# bazel_dep(name = "rules_wasm_airgap", repo_name = "old")', "rules_wasm_airgap"),
    ]:
        asserts.equals(env, name, known_name(text))
    return unittest.end(env)

_known_name_test = unittest.make(_known_name_impl)

def module_name_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(name, _known_name_test)
