"""Tests that the policy in Starlark gives the answers of crates/airgap-config/src/policy.rs."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:platforms.bzl", "platform_of")
load("//bazel/private:policy.bzl", "is_offline", "may_see_credentials", "mirror_urls", "mirrors", "vendor_places")
load("//tests/vectors:mirrors.bzl", "MIRRORS")
load("//tests/vectors:offline.bzl", "OFFLINE")

_PATH = "t/1/linux_amd64/t.tar.gz"
_UPSTREAM = "https://github.com/o/t.tar.gz"

def _offline_impl(ctx):
    env = unittest.begin(ctx)
    for word, meaning in OFFLINE.items():
        found = is_offline({"BAZEL_WASM_OFFLINE": word})
        found = "error" if type(found) == "string" else str(found).lower()
        asserts.equals(env, meaning, found, "`{}`".format(word))
    asserts.false(env, is_offline({}))
    return unittest.end(env)

_offline_test = unittest.make(_offline_impl)

def _vendor_places_impl(ctx):
    env = unittest.begin(ctx)
    own = ["third_party/toolchains/" + _PATH, "vendor/toolchains/" + _PATH]
    asserts.equals(env, own, vendor_places({}, _PATH))
    named = ["/mnt/v/toolchains/" + _PATH, "/mnt/v/" + _PATH]
    asserts.equals(env, named + own, vendor_places({"BAZEL_WASM_VENDOR_DIR": "/mnt/v"}, _PATH))
    return unittest.end(env)

_vendor_places_test = unittest.make(_vendor_places_impl)

def _mirrors_impl(ctx):
    env = unittest.begin(ctx)
    for value, meaning in MIRRORS.items():
        found = mirrors({"BAZEL_WASM_MIRROR": value})
        if type(found) == "string":
            asserts.true(env, "BAZEL_WASM_MIRROR" in found, found)
            asserts.false(env, "hunter2" in found, found)
            found = "error"
        asserts.equals(env, meaning, found, "`{}`".format(value))
    asserts.equals(env, ["direct"], mirrors({}))
    return unittest.end(env)

_mirrors_test = unittest.make(_mirrors_impl)

def _mirror_urls_impl(ctx):
    env = unittest.begin(ctx)
    a = "https://a/" + _PATH
    ghe = "https://ghe/o/t.tar.gz"
    for environ, urls in [
        ({}, [_UPSTREAM]),
        ({"BAZEL_WASM_MIRROR": "https://a/"}, [a]),
        ({"BAZEL_WASM_MIRROR": "https://a, direct"}, [a, _UPSTREAM]),
        ({"BAZEL_WASM_GITHUB_MIRROR": "https://ghe/"}, [ghe]),
        ({"BAZEL_WASM_GITHUB_MIRROR": "https://ghe", "BAZEL_WASM_MIRROR": "direct,https://a"}, [ghe, a]),
    ]:
        asserts.equals(env, urls, mirror_urls(environ, _PATH, _UPSTREAM), str(environ))
    asserts.equals(env, [], mirror_urls({}, _PATH, ""))
    for name in ["BAZEL_WASM_MIRROR", "BAZEL_WASM_GITHUB_MIRROR"]:
        problem = mirror_urls({name: "ftp://a"}, _PATH, _UPSTREAM)
        asserts.true(env, type(problem) == "string" and name in problem, str(problem))
    return unittest.end(env)

_mirror_urls_test = unittest.make(_mirror_urls_impl)

def _credentials_impl(ctx):
    env = unittest.begin(ctx)
    for url, expected in {
        "HTTPS://a.corp/x": True,
        "file:///a": False,
        "http://127.0.0.1": True,
        "http://127.0.0.1.corp/x": False,
        "http://127.0.0.1:1/x": True,
        "http://127.a.b.c/x": False,
        "http://[::1]:1/x": True,
        "http://[::1].corp/x": False,
        "http://a.corp/localhost": False,
        "http://a.corp:443/x": False,
        "http://localhost.corp/x": False,
        "http://localhost/x": True,
        "http://localhost:1@a.corp/x": False,
        "https://a.corp/x": True,
    }.items():
        asserts.equals(env, expected, may_see_credentials(url), url)
    return unittest.end(env)

_credentials_test = unittest.make(_credentials_impl)

def _platforms_impl(ctx):
    env = unittest.begin(ctx)
    for name, arch, platform in [
        ("linux", "amd64", "linux_amd64"),
        ("linux", "aarch64", "linux_arm64"),
        ("mac os x", "x86_64", "darwin_amd64"),
        ("mac os x", "aarch64", "darwin_arm64"),
        ("windows server 2022", "amd64", "windows_amd64"),
        ("freebsd", "amd64", None),
        ("linux", "riscv64", None),
    ]:
        asserts.equals(env, platform, platform_of(name, arch))
    return unittest.end(env)

_platforms_test = unittest.make(_platforms_impl)

def policy_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(
        name,
        _credentials_test,
        _offline_test,
        _vendor_places_test,
        _mirrors_test,
        _mirror_urls_test,
        _platforms_test,
    )
