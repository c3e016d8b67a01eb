//! The platforms that tools run on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An operating system and processor as release assets, vendor folders and mirrors name them.
///
/// The two last ones are WebAssembly itself: some tools publish a build that runs on every
/// platform. Such a build is vendored like any other and is not registered as a toolchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// Linux on x86-64.
    LinuxAmd64,
    /// Linux on 64-bit Arm.
    LinuxArm64,
    /// macOS on x86-64.
    DarwinAmd64,
    /// macOS on Apple silicon.
    DarwinArm64,
    /// Windows on x86-64.
    WindowsAmd64,
    /// A core WebAssembly module.
    Wasm,
    /// A WebAssembly component.
    WasmComponent,
}

impl Platform {
    /// All platforms.
    pub const ALL: [Platform; 7] = [
        Platform::LinuxAmd64,
        Platform::LinuxArm64,
        Platform::DarwinAmd64,
        Platform::DarwinArm64,
        Platform::WindowsAmd64,
        Platform::Wasm,
        Platform::WasmComponent,
    ];

    /// Returns the name in paths, registries and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Platform::LinuxAmd64 => "linux_amd64",
            Platform::LinuxArm64 => "linux_arm64",
            Platform::DarwinAmd64 => "darwin_amd64",
            Platform::DarwinArm64 => "darwin_arm64",
            Platform::WindowsAmd64 => "windows_amd64",
            Platform::Wasm => "wasm",
            Platform::WasmComponent => "wasm_component",
        }
    }

    /// Returns the platform of this program, if tools are published for it.
    pub fn host() -> Option<Platform> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Some(Platform::LinuxAmd64),
            ("linux", "aarch64") => Some(Platform::LinuxArm64),
            ("macos", "x86_64") => Some(Platform::DarwinAmd64),
            ("macos", "aarch64") => Some(Platform::DarwinArm64),
            ("windows", "x86_64") => Some(Platform::WindowsAmd64),
            _ => None,
        }
    }

    /// Returns whether executables end in `.exe` on this platform.
    pub fn is_windows(self) -> bool {
        self == Platform::WindowsAmd64
    }

    /// Returns the file name of an executable on this platform.
    pub fn executable(self, name: &str) -> String {
        format!("{name}{}", if self.is_windows() { ".exe" } else { "" })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Platform, String> {
        Platform::ALL.into_iter().find(|platform| platform.name() == text).ok_or_else(|| {
            let names: Vec<_> = Platform::ALL.iter().map(|platform| platform.name()).collect();
            format!("`{text}` is not a platform; the platforms are {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_names_parse_back() {
        for platform in Platform::ALL {
            assert_eq!(platform.name().parse(), Ok(platform));
            let json = serde_json::to_string(&platform).unwrap();
            assert_eq!(json, format!("\"{platform}\""));
        }
        assert!("linux".parse::<Platform>().unwrap_err().contains("linux_amd64"));
    }
}
