"""Tests of the repositories that `bazel mod tidy` imports."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:direct_deps.bzl", "direct_deps")

def _module(name, is_root, tags = []):
    return struct(is_root = is_root, name = name, tags = struct(oci = tags))

def _tag(name, is_dev = False):
    return struct(is_dev = is_dev, name = name)

def _found(modules, is_regular, **kwargs):
    arguments = {"hubs": [], "own": []}
    arguments.update(kwargs)
    return direct_deps(
        modules,
        is_dev = lambda tag: tag.is_dev,
        is_regular = is_regular,
        tags = lambda module: module.tags.oci,
        **arguments
    )

def _direct_deps_impl(ctx):
    env = unittest.begin(ctx)
    other = _module("lib", False, [_tag("of_lib")])

    # The root module's tags, and the hubs.
    root = _module("app", True, [_tag("b"), _tag("a"), _tag("c", is_dev = True)])
    asserts.equals(env, (["a", "b", "hub"], ["c"]), _found([root, other], True, hubs = ["hub"], own = ["own"]))

    # A root module whose usages are all for development.
    root = _module("app", True, [_tag("c", is_dev = True)])
    asserts.equals(env, ([], ["c", "hub"]), _found([root, other], False, hubs = ["hub"]))

    # This module itself as the root module.
    root = _module("rules_wasm_airgap", True)
    asserts.equals(env, (["own"], []), _found([root], True, own = ["own"]))

    # A name in both kinds of usages is imported once.
    root = _module("app", True, [_tag("a"), _tag("a", is_dev = True)])
    asserts.equals(env, (["a"], []), _found([root], True))

    # Without a tag of the root module there is nothing to import.
    asserts.equals(env, ([], []), _found([other], False))
    return unittest.end(env)

_direct_deps_test = unittest.make(_direct_deps_impl)

def direct_deps_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(name, _direct_deps_test)
