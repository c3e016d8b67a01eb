"""Tests of the variables that are written into a file, and of those that an action gets directly."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:settings.bzl", "action_environment", "is_setting", "named_secrets", "registry_variables", "split_settings")

def _split_impl(ctx):
    env = unittest.begin(ctx)
    kept = {
        "BAZEL_WASM_COMPONENT_MIRROR": "https://a/x@y,direct",
        "BAZEL_WASM_OFFLINE": "1",
        "PATH": "/bin:/a@b",
        "WKG_REGISTRY_GHCR_IO_URL": "https://a",
        "https_proxy": "proxy:3128",
        "no_proxy": "a@b",
    }
    secret = {
        "BAZEL_WASM_MIRROR": "https://a,https://u:hunter2@b",
        "WKG_REGISTRY_GHCR_IO_AUTH_BEARER": "hunter2",
        "WKG_REGISTRY_GHCR_IO_TOKEN": "hunter2",
        "WKG_REGISTRY_QUAY_IO_URL": "https://hunter2@a",
        "https_proxy": "u:hunter2@proxy:3128",
    }
    variables, withheld = split_settings(dict(kept, HOME = "", NETRC = " "))
    asserts.equals(env, kept, variables)
    asserts.equals(env, [], withheld)
    variables, withheld = split_settings(secret)
    asserts.equals(env, {}, variables)
    asserts.equals(env, list(secret), withheld)

    # Only the named variables are written although they may be secret.
    names = named_secrets({"BAZEL_WASM_ACTION_SECRETS": " WKG_REGISTRY_GHCR_IO_TOKEN,, GHCR_TOKEN"})
    asserts.equals(env, ["WKG_REGISTRY_GHCR_IO_TOKEN", "GHCR_TOKEN"], names)
    variables, withheld = split_settings(secret, names)
    asserts.equals(env, ["WKG_REGISTRY_GHCR_IO_TOKEN"], list(variables))
    asserts.equals(env, len(secret) - 1, len(withheld))
    asserts.true(env, is_setting("WKG_REGISTRY_A_URL"))
    asserts.false(env, is_setting("GHCR_TOKEN"))
    return unittest.end(env)

_split_test = unittest.make(_split_impl)

def _action_impl(ctx):
    env = unittest.begin(ctx)

    def environ(seen, shell):
        return action_environment({name: str(hash(value)) for name, value in seen.items()}, shell)

    off = {"BAZEL_WASM_OFFLINE": "1"}
    url = {"WKG_REGISTRY_MY_REGISTRY_5000_URL": "https://a"}
    asserts.equals(env, {}, environ(dict(off, **url), {}))
    asserts.equals(env, {}, environ(dict(off, **url), dict(off, **url)))

    # Variables that the file lacks or has with another value, and variables that are not settings.
    asserts.equals(env, off, environ({}, off))
    asserts.equals(env, off, environ({"BAZEL_WASM_OFFLINE": "0"}, off))
    asserts.equals(env, {"CC": "clang"}, environ({}, {"CC": "clang"}))
    return unittest.end(env)

_action_test = unittest.make(_action_impl)

def _registry_variables_impl(ctx):
    env = unittest.begin(ctx)
    text = """
components.oci(name = "a", reference = "corp.example:5000/my-org/a:v1", digest = "sha256:aa")
# It isn't "x" and
[registry."acme.example".mirror]
load("//a:b.bzl", "c")
url = "https://mirror.example/x"
"""
    asserts.equals(env, [
        "WKG_REGISTRY_CORP_EXAMPLE_5000_AUTH_BEARER",
        "WKG_REGISTRY_CORP_EXAMPLE_5000_TOKEN",
        "WKG_REGISTRY_CORP_EXAMPLE_5000_URL",
        "WKG_REGISTRY_ACME_EXAMPLE_AUTH_BEARER",
        "WKG_REGISTRY_ACME_EXAMPLE_TOKEN",
        "WKG_REGISTRY_ACME_EXAMPLE_URL",
        "WKG_REGISTRY_MIRROR_EXAMPLE_AUTH_BEARER",
        "WKG_REGISTRY_MIRROR_EXAMPLE_TOKEN",
        "WKG_REGISTRY_MIRROR_EXAMPLE_URL",
    ], registry_variables(text))
    return unittest.end(env)

_registry_variables_test = unittest.make(_registry_variables_impl)

def settings_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(name, _split_test, _action_test, _registry_variables_test)
