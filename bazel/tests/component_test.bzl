"""Tests of the component that a rule's attributes name, and of the messages about them."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:component_reference.bzl", "component_problem", "component_reference", "is_pinned", "registry_of")

_DIGEST = "sha256:" + "a" * 64

def _attr(**kwargs):
    attributes = {
        "component_name": "",
        "digest": "",
        "namespace": "",
        "registry": "",
        "tag": "",
        "vendored_component": None,
        "version": "",
    }
    attributes.update(kwargs)
    return struct(**attributes)

def _guide(**kwargs):
    return _attr(component_name = "auth-service", namespace = "my-org", registry = "ghcr.io", **kwargs)

def _reference_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, "ghcr.io/my-org/auth-service:v1.2.0", component_reference(_guide(tag = "v1.2.0")))
    asserts.equals(env, "ghcr.io/my-org/auth-service", component_reference(_guide(digest = _DIGEST)))
    asserts.equals(env, "ghcr.io/x", component_reference(_attr(component_name = "x", registry = "ghcr.io")))
    asserts.equals(env, "x@1.0.0", component_reference(_attr(component_name = "x", version = "1.0.0")))
    asserts.true(env, is_pinned(_guide(digest = _DIGEST)))
    asserts.true(env, is_pinned(_attr(component_name = "x", version = "1.0.0")))
    asserts.false(env, is_pinned(_guide(tag = "v1.2.0")))
    return unittest.end(env)

_reference_test = unittest.make(_reference_impl)

def _problem_impl(ctx):
    env = unittest.begin(ctx)
    for good in [
        _guide(tag = "v1"),
        _guide(digest = _DIGEST),
        _guide(digest = _DIGEST, tag = "v1"),
        _attr(vendored_component = "//v:x.wasm"),
        _attr(digest = _DIGEST, vendored_component = "//v:x.wasm"),
        _attr(component_name = "x", version = "1.0.0"),
    ]:
        asserts.equals(env, None, component_problem(good))
    for bad, words in [
        (_attr(), "name the component"),
        (_guide(digest = "sha256:abc123..."), "has 9 hexadecimal digits; a SHA-256 has 64"),
        (_guide(digest = "sha256:" + "g" * 64), "other characters than hexadecimal digits"),
        (_attr(digest = "<hash>", vendored_component = "//v:x.wasm"), "its `digest` is `<hash>`"),
        (_attr(component_name = "x", tag = "v1"), "name the `registry`"),
        (_guide(), "give `auth-service` a `digest`"),
        (_guide(version = "1.0.0"), "the checksum registry, which has its address and digest; remove"),
        (_attr(tag = "v1", vendored_component = "//v:x.wasm"), "neither `tag` nor `version`"),
    ]:
        problem = component_problem(bad)
        asserts.true(env, problem and words in problem, "{} in {}".format(words, problem))
    return unittest.end(env)

_problem_test = unittest.make(_problem_impl)

def _registry_impl(ctx):
    env = unittest.begin(ctx)
    a = {"component_name": "a", "versions": {"1.0.0": {"digest": _DIGEST}}}
    other = {"component_name": "a", "versions": {"1.0.0": {"digest": "sha256:" + "b" * 64}}}
    files = [a, {"component_name": "b", "versions": {}}, other]
    asserts.equals(env, [json.encode(a), json.encode(other)], registry_of("a@1.0.0", files))
    for reference in ["c@1.0.0", "ghcr.io/my-org/a:v1", "ghcr.io/a@" + _DIGEST]:
        asserts.equals(env, [], registry_of(reference, files))
    return unittest.end(env)

_registry_test = unittest.make(_registry_impl)

def component_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(name, _reference_test, _problem_test, _registry_test)
