"""Where modules ask for different things by one name."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:asked.bzl", "asked_by", "one_each")

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

def asked_test_suite(name):
    """All tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(name, _asked_test, _one_each_test)
