"""Tests of tags and pins of several modules that disagree about one name."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:asked.bzl", "asked_by", "contradiction", "one_each", "pin")

def _module(name, tags, is_root = False):
    return struct(name = name, is_root = is_root, tags = tags)

def _one(module, name, wish, is_root = False):
    return struct(is_root = is_root, module = module, name = name, tag = wish, wish = wish)

def _asked_impl(ctx):
    env = unittest.begin(ctx)
    modules = [
        _module("app", [struct(name = "a", x = "1")], is_root = True),
        _module("lib", [struct(name = "b", x = "2")]),
    ]
    asked = asked_by(modules, lambda module: module.tags, lambda tag: tag.x)
    found = [(one.is_root, one.module, one.name, one.wish) for one in asked]
    asserts.equals(env, [(True, "app", "a", "1"), (False, "lib", "b", "2")], found)
    return unittest.end(env)

_asked_test = unittest.make(_asked_impl)

def _one_each_impl(ctx):
    env = unittest.begin(ctx)
    tags, problem = one_each("things", [_one("", "a", "1"), _one("lib", "b", "1"), _one("lib", "a", "1")], "")
    asserts.equals(env, None, problem)
    asserts.equals(env, {"a": "1", "b": "1"}, tags)
    for asked, words in [
        ([_one("app", "a", "x@1"), _one("lib", "a", "x@2")], ["`a`", "`app` asks for x@1", "`lib` asks for x@2", "Rename"]),
        ([_one("", "a", "x@1"), _one("", "a", "x@2")], ["the root module asks for x@1", "the root module asks for x@2"]),
    ]:
        _, problem = one_each("things", asked, "Rename one.")
        for word in words:
            asserts.true(env, word in problem, problem)
    return unittest.end(env)

_one_each_test = unittest.make(_one_each_impl)

def _contradiction_impl(ctx):
    env = unittest.begin(ctx)
    app = _module("app", [], is_root = True)
    lib, other = _module("lib", []), _module("other", [])
    for pins in [
        [pin(None, "a 1", "x"), pin(lib, "a 1", "x"), pin(lib, "a 2", "y")],
        # The root module may pin what it wants.
        [pin(None, "a 1", "x"), pin(app, "a 1", "y")],
        [pin(None, "a 1", "x"), pin(lib, "a 1", "y"), pin(app, "a 1", "z")],
    ]:
        asserts.equals(env, None, contradiction("archives", pins))
    for pins, words in [
        ([pin(None, "a 1", "x"), pin(lib, "a 1", "y")], ["`rules_wasm_airgap` asks for the digest x", "`lib` asks for the digest y"]),
        ([pin(lib, "b 1", "x"), pin(other, "b 1", "y")], ["`lib`", "`other`", "different archives by the name `b 1`"]),
    ]:
        problem = contradiction("archives", pins) or ""
        for word in words:
            asserts.true(env, word in problem, problem)
    return unittest.end(env)

_contradiction_test = unittest.make(_contradiction_impl)

def asked_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(name, _asked_test, _contradiction_test, _one_each_test)
