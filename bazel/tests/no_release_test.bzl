"""Tests of the messages about a tool without a release."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:no_release.bzl", "no_release", "only_webassembly")

def _messages_impl(ctx):
    env = unittest.begin(ctx)
    release = struct(
        tool = "loom",
        version = "1.1.0",
        platforms = ["linux_amd64", "darwin_arm64"],
        others = {"windows_amd64": ["1.0.0", "1.0.1"]},
    )
    for platform, words in [
        ("linux_arm64", "loom 1.1.0 has no release for linux_arm64; it has releases for linux_amd64, darwin_arm64."),
        ("linux_arm64", "bazel run @a//:b -- toolchain pin --registry loom.json --tool loom --version 1.1.0 --platform linux_arm64 URL"),
        ("windows_amd64", "Other versions have one for windows_amd64: 1.0.0, 1.0.1."),
        ("windows_amd64", "wasm.tool(name = \"loom\", version = \"1.0.1\")"),
        (None, "no release for an execution platform of this build"),
        (None, "--platform PLATFORM URL"),
    ]:
        message = no_release(release, platform, "@a//:b")
        asserts.true(env, words in message, "{} in {}".format(words, message))
    message = only_webassembly("file-ops", "0.2.0", "wasm_component")
    for words in [
        "file-ops 0.2.0 is published as WebAssembly only (`wasm_component`)",
        "wasm-airgap vendor toolchains --tool file-ops@0.2.0 --platform wasm_component",
    ]:
        asserts.true(env, words in message, "{} in {}".format(words, message))
    return unittest.end(env)

_messages_test = unittest.make(_messages_impl)

def no_release_test_suite(name):
    unittest.suite(name, _messages_test)
