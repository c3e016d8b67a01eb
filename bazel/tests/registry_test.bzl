"""Tests of choosing tools by tag, by bundle and by default, and of users' registry files."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:registry.bzl", "add_to_registry", "choose", "disagreement")

_BUNDLES = {"both": {"tools": {"a": "1.0", "b": "1.0"}}}

def _asset(digit):
    return {"archive": "zip", "sha256": digit * 64, "url": "https://x/{}.zip".format(digit)}

def _tool(name, versions, **kwargs):
    return dict(
        schema_version = 1,
        tool = name,
        versions = {version: {"linux_amd64": _asset(digit)} for version, digit in versions.items()},
        **kwargs
    )

def _registry():
    registry = {}
    add_to_registry(registry, _tool("a", {"1.0": "1", "2.0": "2"}, latest = "2.0"), "a.json")
    add_to_registry(registry, _tool("b", {"1.0": "3"}, executables = ["x", "y"], latest = "1.0"), "b.json")
    add_to_registry(registry, _tool("c", {"1.0": "4"}), "c.json")
    return registry

def _versions(tools, bundles):
    choices, problem = choose(_registry(), tools, bundles, _BUNDLES)
    return problem or {choice["tool"]: choice["version"] for choice in choices}

def _choose_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(env, {"a": "2.0", "b": "1.0"}, _versions([], []), "all with a latest")
    asserts.equals(env, {"a": "2.0"}, _versions([("a", "")], []), "latest")
    asserts.equals(env, {"a": "1.0"}, _versions([("a", "1.0"), ("a", "2.0")], []), "nearest to root")
    asserts.equals(env, {"a": "1.0", "b": "1.0"}, _versions([], ["both"]), "bundle")
    asserts.equals(env, {"a": "2.0", "b": "1.0"}, _versions([("a", "2.0")], ["both"]), "tag over bundle")
    asserts.equals(env, {"c": "1.0"}, _versions([("c", "1.0")], []), "without a latest")
    return unittest.end(env)

_choose_test = unittest.make(_choose_impl)

def _everything_impl(ctx):
    env = unittest.begin(ctx)

    # A root without tags has all tools, in the version that another module asks for.
    choices, _ = choose(_registry(), [("a", "1.0")], [], _BUNDLES, everything = True)
    asserts.equals(env, {"a": "1.0", "b": "1.0"}, {choice["tool"]: choice["version"] for choice in choices})
    return unittest.end(env)

_everything_test = unittest.make(_everything_impl)

def _asks(module, version, name = "a"):
    return struct(is_root = not module, module = module, name = name, tag = struct(version = version))

def _disagreement_impl(ctx):
    env = unittest.begin(ctx)
    for asked in [
        [_asks("x", "1.0"), _asks("y", "1.0")],
        [_asks("x", "2.0"), _asks("y", "")],
        [_asks("", "1.0"), _asks("x", "2.0"), _asks("y", "")],
        [_asks("x", "1.0"), _asks("y", "2.0", name = "b")],
    ]:
        asserts.equals(env, None, disagreement(_registry(), asked))
    for asked, words in [
        ([_asks("x", "1.0"), _asks("y", "")], ["`a`", "`x` asks for version 1.0", "`y` asks for version 2.0"]),
        ([_asks("", "1.0"), _asks("", "2.0")], ["root module asks for version 1.0", "root module asks for version 2.0"]),
    ]:
        problem = disagreement(_registry(), asked) or ""
        for word in words:
            asserts.true(env, word in problem, problem)
    return unittest.end(env)

_disagreement_test = unittest.make(_disagreement_impl)

def _problems_impl(ctx):
    env = unittest.begin(ctx)
    for tools, bundles, words in [
        ([("aa", "")], [], "did you mean a"),
        ([("a", "3.0")], [], "there are 1.0, 2.0"),
        ([("c", "")], [], "no version of `c`"),
        ([], ["all"], "there are both"),
    ]:
        problem = _versions(tools, bundles)
        asserts.true(env, type(problem) == "string" and words in problem, "{} in {}".format(words, problem))
    return unittest.end(env)

_problems_test = unittest.make(_problems_impl)

def _overlay_impl(ctx):
    env = unittest.begin(ctx)
    registry = _registry()
    asserts.equals(env, None, add_to_registry(registry, _tool("a", {"1.0": "9", "3.0": "8"}, latest = "3.0"), "mine"))
    choices, _ = choose(registry, [("a", "")], [], _BUNDLES)
    asserts.equals(env, "3.0", choices[0]["version"])
    choices, _ = choose(registry, [("a", "1.0")], [], _BUNDLES)
    asserts.equals(env, "9" * 64, choices[0]["assets"]["linux_amd64"]["sha256"])
    asserts.equals(env, ["a"], choices[0]["executables"])
    choices, _ = choose(registry, [("b", "")], [], _BUNDLES)
    asserts.equals(env, ["x", "y"], choices[0]["executables"])
    return unittest.end(env)

_overlay_test = unittest.make(_overlay_impl)

def _bad_files_impl(ctx):
    env = unittest.begin(ctx)
    short = _tool("a", {"1.0": "1"})
    short["versions"]["1.0"]["linux_amd64"]["sha256"] = "abc"
    for tool, words in [
        ({"schema_version": 1, "tool": "a"}, "no `versions`"),
        (dict(_tool("a", {}), schema_version = 2), "expected 1"),
        (short, "`abc` has 3"),
        ({"tool_name": "a", "versions": {}}, "wasm-airgap import rules_wasm_component DIR"),
    ]:
        problem = add_to_registry({}, tool, "bad.json")
        asserts.true(env, words in problem and "bad.json" in problem, problem)
    return unittest.end(env)

_bad_files_test = unittest.make(_bad_files_impl)

def registry_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(
        name,
        _choose_test,
        _everything_test,
        _disagreement_test,
        _problems_test,
        _overlay_test,
        _bad_files_test,
    )
