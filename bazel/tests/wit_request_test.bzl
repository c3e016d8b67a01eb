"""Tests of the list of WIT packages that `vendor_all` vendors."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:wasi_table.bzl", "WASI_WIT")
load("//bazel/private:wit_request.bzl", "wit_request")

_OWN = {"archive": {"sha256": "a"}, "package": "own:x@1.0.0", "wit_dir": "wit"}
_TAG = struct(package = "myorg:api@1.0.0", registry = "ghcr.io/myorg", sha256 = "b")

def _request_impl(ctx):
    env = unittest.begin(ctx)

    # All built-in packages.
    request, problem = wit_request(WASI_WIT, [], [])
    asserts.equals(env, None, problem)
    asserts.equals(env, [], request["wit"])
    asserts.equals(env, sorted(WASI_WIT), [it["package"] for it in request["packages"]])

    # The named packages, those that a tag asks for, and those that only this workspace knows.
    archives = dict(WASI_WIT, **{"own:x@1.0.0": _OWN})
    request, problem = wit_request(archives, [_TAG], ["wasi:io@0.2.6"])
    asserts.equals(env, None, problem)
    asserts.equals(env, ["own:x@1.0.0", "wasi:io@0.2.6"], [it["package"] for it in request["packages"]])
    asserts.equals(env, [
        {"package": "myorg:api@1.0.0", "registry": "ghcr.io/myorg", "sha256": "b"},
    ], request["wit"])

    # A tag wins over an archive of the same name.
    request, _ = wit_request({"myorg:api@1.0.0": _OWN}, [_TAG], ["myorg:api@1.0.0"])
    asserts.equals(env, [], request["packages"])
    asserts.equals(env, ["myorg:api@1.0.0"], [it["package"] for it in request["wit"]])

    _, problem = wit_request(WASI_WIT, [_TAG], ["wasi:htpp@0.2.6"])
    for words in ["wasi:htpp@0.2.6", "myorg:api@1.0.0", "wasi:http@0.2.6"]:
        asserts.true(env, words in problem, problem)
    return unittest.end(env)

_request_test = unittest.make(_request_impl)

def wit_request_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(name, _request_test)
