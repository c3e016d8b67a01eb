"""Tests of reading the output of hashing programs."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//bazel/private:sha256.bzl", "sha256_in")

_HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_CERTUTIL = "SHA256 hash of C:\\v\\wasm-airgap.exe:\r\n{}\r\n" + \
            "CertUtil: -hashfile command completed successfully.\r\n"

def _outputs_impl(ctx):
    env = unittest.begin(ctx)
    pairs = " ".join([_HEX[index:index + 2] for index in range(0, 64, 2)])
    for output in [
        _HEX + "  /v/wasm-airgap\n",
        "\\" + _HEX + "  /v/a\\nb\n",
        _HEX + " */v/wasm-airgap\n",
        _HEX.upper() + "\n",
        _CERTUTIL.format(_HEX),
        # As Windows 7 prints it.
        _CERTUTIL.format(pairs),
    ]:
        asserts.equals(env, _HEX, sha256_in(output), output)
    for output in ["", "CertUtil: The system cannot find the file specified.\r\n", _HEX[1:], "g" * 64]:
        asserts.equals(env, None, sha256_in(output), output)
    return unittest.end(env)

_outputs_test = unittest.make(_outputs_impl)

def sha256_test_suite(name):
    """Creates all tests of this file.

    Args:
        name: the name of the suite.
    """
    unittest.suite(name, _outputs_test)
