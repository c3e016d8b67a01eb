"""The archives of the compilers: Rust's own builds, and Zig's."""

load(":rust.bzl", "rust")
load(":zig.bzl", "zig")

_RUST = "1.95.0"

# As Rust publishes them in the manifest of the release, channel-rust-1.95.0.toml.
_RUST_SHA256S = {
    "cargo-1.95.0-aarch64-unknown-linux-gnu": "7c070aeba9bbf12073646995a03f36c346bb5f541d0078ba6d9dc2a7adaaf6af",
    "cargo-1.95.0-x86_64-unknown-linux-gnu": "e74edd2cf7d0f1f1383b4f00eb90c843750bc489e2ccf7214e6476678a907425",
    "rust-std-1.95.0-aarch64-unknown-linux-gnu": "3a21b271b1ff973b94d69b25e7a39992f9fbcae1ab6d9475844a23e6ad3908ac",
    "rust-std-1.95.0-aarch64-unknown-linux-musl": "f6710416ed9a7d5cf2a15efa761eb79a1deeb43f9961bbe05cc97bec4ef9064a",
    "rust-std-1.95.0-x86_64-unknown-linux-gnu": "047ea7098803d3500fa1072e9cee5392697e21525559e4458128a2bf874aa382",
    "rust-std-1.95.0-x86_64-unknown-linux-musl": "aee540abf132920f791ef781489851a078d69dff493fb628d49c1d573f92bb3a",
    "rustc-1.95.0-aarch64-unknown-linux-gnu": "0fe3689eeaed603e5ef24572d11597d3edadaefd2cb181674ad621260f2501d2",
    "rustc-1.95.0-x86_64-unknown-linux-gnu": "8426a3d170a5879f5682f5fbdd024a1779b3951e7baba685af2d6dc32a6dfc15",
}

# The name of each machine, with Rust's name of its processor.
CPUS = {
    "amd64": "x86_64",
    "arm64": "aarch64",
}

_ZIGS = {
    "amd64": struct(
        sha256 = "ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54",
        url = "https://files.pythonhosted.org/packages/59/e3/2a34676370a11c36b7cd04ffb2439c1089c0530cf4b01408c77cf7f8d9c3/ziglang-0.17.1-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl",
    ),
    "arm64": struct(
        sha256 = "b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e",
        url = "https://files.pythonhosted.org/packages/91/72/bb7c4f098ba3e535fa2ebefd9f26327ba63fb0672562959255cb5dd37aff/ziglang-0.17.1-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
    ),
}

def _archives_impl(_mctx):
    for machine, cpu in CPUS.items():
        compiler = cpu + "-unknown-linux-gnu"
        targets = {"build": compiler}
        targets.update({name: each + "-unknown-linux-musl" for name, each in CPUS.items()})
        for name, target in targets.items():
            rust(
                name = "rust_{}_{}".format(machine, name),
                exec_triple = compiler,
                sha256s = _RUST_SHA256S,
                target_triple = target,
                version = _RUST,
            )
        zig(
            name = "zig_" + machine,
            sha256 = _ZIGS[machine].sha256,
            url = _ZIGS[machine].url,
        )

archives = module_extension(
    implementation = _archives_impl,
    doc = "Makes a repository for each compiler; one is fetched when its toolchain is chosen.",
)
