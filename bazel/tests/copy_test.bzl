"""Tests of copying a program on Windows, with a repository context that records what it is asked."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:copy.bzl", "copy_program", "keep_program")

_SOURCE = "C:/b/external/rules_wasm_airgap++wasm_helper+helper/wasm-airgap.exe"

def _fake(asked):
    """Returns a repository context of Windows; `asked` gets the words and variables of each program."""

    def execute(words, environment = {}, **_kwargs):
        asked.append((words, environment))
        return struct(return_code = 0, stdout = "", stderr = "")

    return struct(
        os = struct(name = "windows server 2022"),
        read = lambda label: "@{}\n".format(label.name),
        file = lambda name, text, **_kwargs: asked.append((name, text)),
        delete = lambda name: asked.append("delete " + name),
        execute = execute,
    )

def _copy_impl(ctx):
    env = unittest.begin(ctx)
    asked = []
    copy_program(_fake(asked), _SOURCE, "wasm-airgap.exe")
    asserts.equals(env, [
        ("command.bat", "@copy.bat\r\n"),
        (["cmd", "/d", "/c", ".\\command.bat"], {
            "WASM_AIRGAP_FROM": _SOURCE.replace("/", "\\"),
            "WASM_AIRGAP_TO": "wasm-airgap.exe",
        }),
        "delete command.bat",
    ], asked)
    return unittest.end(env)

_copy_test = unittest.make(_copy_impl)

def _keep_impl(ctx):
    env = unittest.begin(ctx)
    asked = []
    keep_program(_fake(asked), _SOURCE, "C:/Users/a b/.cache/helper/0/wasm-airgap.exe")
    asserts.equals(env, [
        ("command.bat", "@keep.bat\r\n"),
        (["cmd", "/d", "/c", ".\\command.bat"], {
            "WASM_AIRGAP_FOLDER": "C:\\Users\\a b\\.cache\\helper\\0",
            "WASM_AIRGAP_FROM": _SOURCE.replace("/", "\\"),
            "WASM_AIRGAP_TO": "C:\\Users\\a b\\.cache\\helper\\0\\wasm-airgap.exe",
        }),
        "delete command.bat",
    ], asked)
    return unittest.end(env)

_keep_test = unittest.make(_keep_impl)

def copy_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(name, _copy_test, _keep_test)
