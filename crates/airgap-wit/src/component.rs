//! A component: detects whether a file is one, and reads its imports and exports.
//!
//! A component can be larger than memory, and almost all of it is code that does not describe its
//! interface. So it is read section by section, and only the sections with names are kept.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use wasmparser::{
    BinaryReader, ComponentExportSectionReader, ComponentExternalKind, ComponentImportSectionReader,
};

use super::catch_panic::catch_panic;
use super::file_type;
use airgap_core::error::{Context, Error, Result};
use airgap_core::wrong_content::WrongContent;

/// The version of the binary format that tools write.
const VERSION: u8 = 0x0d;

/// The largest number of bytes of all import and export sections. The largest known take some
/// kilobytes.
const MOST_BYTES: u64 = 4 << 20;

/// The largest number of imports and exports together.
const MOST_NAMES: usize = 1 << 16;

/// The largest number of sections of any kind.
const MOST_SECTIONS: usize = 1 << 17;

/// The sections of a component, by their numbers.
mod section {
    pub(super) const CORE_MODULE: u8 = 1;
    pub(super) const CORE_INSTANCE: u8 = 2;
    pub(super) const COMPONENT: u8 = 4;
    pub(super) const INSTANCE: u8 = 5;
    pub(super) const CANONICAL: u8 = 8;
    pub(super) const IMPORT: u8 = 10;
    pub(super) const EXPORT: u8 = 11;
    pub(super) const LAST: u8 = 12;
}

/// The interface of a component, by the names in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Component {
    /// Its imports, as in `wasi:io/streams@0.2.6`.
    pub imports: Vec<String>,
    /// Its exports.
    pub exports: Vec<String>,
}

impl Component {
    /// Reads the component in a file. `shown` is the name of the file in messages.
    ///
    /// # Errors
    /// Integrity, if it is damaged or something else, which the error names.
    pub fn from_file(path: &Path, shown: &str) -> Result<Component> {
        let file = airgap_core::read::file(path)?;
        Component::read(file, shown)
    }

    /// Reads a component from its first byte on.
    ///
    /// # Errors
    /// The errors of [`Component::from_file`].
    pub fn read(mut source: impl Read + Seek, shown: &str) -> Result<Component> {
        let reading = || format!("read {shown}");
        let length = source.seek(SeekFrom::End(0)).doing(reading)?;
        source.rewind().doing(reading)?;
        let mut beginning = Vec::new();
        source
            .by_ref()
            .take(file_type::BEGINNING as u64)
            .read_to_end(&mut beginning)
            .doing(reading)?;
        if let Some(found) = WrongContent::pointer(&beginning) {
            return Err(found.explain(refused(shown, found.noun())));
        }
        if let Some(found) = other(&beginning) {
            return Err(refused(shown, &found));
        }
        source.seek(SeekFrom::Start(8)).doing(reading)?;
        let mut walk = SectionWalk { source, at: 8, length, shown };
        let found = walk.component()?;
        match found.is_wit_package() {
            true => Err(refused(shown, "a WIT package, which has interfaces and no code")
                .hint("packages are fetched with `wasm-airgap wit fetch` or `vendor wit`")),
            false => Ok(found.component),
        }
    }

    /// Returns the world of WASI that the component targets. A component does not name its world,
    /// so its imports and exports determine it.
    pub fn world(&self) -> Option<String> {
        WORLDS.iter().find_map(|world| world.version_in(self))
    }
}

/// A world of WASI, with the properties that tell its components from others.
struct WasiWorld {
    name: &'static str,
    /// The interface that each of its components exports.
    export: &'static str,
    /// The imports that its components may have, without versions. A package without an interface
    /// stands for all its interfaces.
    imports: &'static [&'static str],
}

/// The worlds of WASI 0.2 that programs target.
const WORLDS: [WasiWorld; 2] = [
    WasiWorld {
        name: "wasi:http/proxy",
        export: "wasi:http/incoming-handler",
        imports: &[
            "wasi:io",
            "wasi:clocks",
            "wasi:random/random",
            "wasi:cli/stdin",
            "wasi:cli/stdout",
            "wasi:cli/stderr",
            "wasi:http/types",
            "wasi:http/outgoing-handler",
        ],
    },
    WasiWorld {
        name: "wasi:cli/command",
        export: "wasi:cli/run",
        imports: &[
            "wasi:io",
            "wasi:clocks",
            "wasi:random",
            "wasi:cli",
            "wasi:filesystem",
            "wasi:sockets",
        ],
    },
];

impl WasiWorld {
    /// Returns the world in the version of the component's export.
    fn version_in(&self, component: &Component) -> Option<String> {
        let version = component.exports.iter().find_map(|it| {
            let (name, version) = split_version(it);
            (name == self.export).then_some(version)
        })?;
        let fits = |import: &String| {
            let (name, _) = split_version(import);
            let package = name.split('/').next().unwrap_or(name);
            self.imports.iter().any(|it| *it == name || *it == package)
        };
        // A component with one more export targets another world.
        let only = component.exports.len() == 1 && component.imports.iter().all(fits);
        only.then(|| match version {
            "" => self.name.to_owned(),
            version => format!("{}@{version}", self.name),
        })
    }
}

/// Splits the name of an interface from its version.
fn split_version(name: &str) -> (&str, &str) {
    name.split_once('@').unwrap_or((name, ""))
}

/// Returns the format of a file that is not a component, by its first bytes.
fn other(beginning: &[u8]) -> Option<String> {
    if file_type::is_wasm(beginning) {
        return match file_type::other_wasm(beginning) {
            None if beginning[4] != VERSION => {
                Some(format!("a component in version {} of the binary format", beginning[4]))
            }
            found => found,
        };
    }
    let found = file_type::other_binary(beginning);
    let found = found.or_else(|| file_type::other_text(&String::from_utf8_lossy(beginning)));
    Some(found.unwrap_or("no WebAssembly").to_owned())
}

/// The findings of one walk through the sections.
#[derive(Default)]
struct SectionFindings {
    component: Component,
    /// Whether it has code or instantiates anything.
    acts: bool,
    /// Whether it exports anything other than types.
    exports_more: bool,
    /// The number of bytes of its sections with names.
    bytes: u64,
}

impl SectionFindings {
    fn names(&self) -> usize {
        self.component.imports.len() + self.component.exports.len()
    }

    /// Returns whether it is a package in the binary format: a component that only exports types.
    fn is_wit_package(&self) -> bool {
        let Component { imports, exports } = &self.component;
        !self.acts && !self.exports_more && imports.is_empty() && !exports.is_empty()
    }
}

/// A walk through the sections.
struct SectionWalk<'a, S> {
    source: S,
    at: u64,
    length: u64,
    shown: &'a str,
}

impl<S: Read + Seek> SectionWalk<'_, S> {
    fn component(&mut self) -> Result<SectionFindings> {
        let mut found = SectionFindings::default();
        let mut sections = 0;
        while self.at < self.length {
            sections += 1;
            if sections > MOST_SECTIONS {
                return Err(self.too_large(MOST_SECTIONS as u64, "sections"));
            }
            let id = self.byte()?;
            let size = self.size()?;
            if id > section::LAST {
                return Err(self.damaged(&format!("the section kind {id} is unknown")));
            }
            if size > self.length - self.at {
                return Err(self.damaged("it is cut short"));
            }
            match id {
                section::IMPORT | section::EXPORT => {
                    found.bytes += size;
                    if found.bytes > MOST_BYTES {
                        return Err(self.too_large(MOST_BYTES, "bytes of imports and exports"));
                    }
                    let bytes = self.section(size)?;
                    let at = self.at - size;
                    let names = catch_panic(|| names(id, &bytes, at, &mut found));
                    names.and_then(|it| it).map_err(|problem| self.damaged(&problem))?;
                    if found.names() > MOST_NAMES {
                        return Err(self.too_large(MOST_NAMES as u64, "imports and exports"));
                    }
                }
                section::CORE_MODULE
                | section::CORE_INSTANCE
                | section::COMPONENT
                | section::INSTANCE
                | section::CANONICAL => {
                    found.acts = true;
                    self.skip(size)?;
                }
                _ => self.skip(size)?,
            }
        }
        Ok(found)
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        if self.at == self.length {
            return Err(self.damaged("it is cut short"));
        }
        self.source.read_exact(&mut byte).doing(|| format!("read {}", self.shown))?;
        self.at += 1;
        Ok(byte[0])
    }

    /// Reads a size: seven bits in a byte, the lowest first.
    fn size(&mut self) -> Result<u64> {
        let mut size = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            size |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(size);
            }
        }
        Err(self.damaged("the size of a section is not valid"))
    }

    fn section(&mut self, size: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; size as usize];
        self.source.read_exact(&mut bytes).doing(|| format!("read {}", self.shown))?;
        self.at += size;
        Ok(bytes)
    }

    fn skip(&mut self, size: u64) -> Result<()> {
        self.at += size;
        self.source.seek(SeekFrom::Start(self.at)).doing(|| format!("read {}", self.shown))?;
        Ok(())
    }

    fn too_large(&self, limit: u64, unit: &str) -> Error {
        Error::integrity(format!("{} is too large for a component", self.shown))
            .fact("limit", format!("{limit} {unit}"))
            .fact("at byte", self.at)
    }

    fn damaged(&self, problem: &str) -> Error {
        Error::integrity(format!("{} cannot be read as a component", self.shown))
            .because(problem)
            .fact("at byte", self.at)
            .hint("it is damaged, or was made by tools newer than this program")
    }
}

/// Adds the names of the section that begins at this offset. Fails above [`MOST_NAMES`].
fn names(
    id: u8,
    bytes: &[u8],
    at: u64,
    found: &mut SectionFindings,
) -> std::result::Result<(), String> {
    let words = |error: wasmparser::BinaryReaderError| error.to_string();
    let reader = BinaryReader::new(bytes, at);
    if id == section::IMPORT {
        for import in ComponentImportSectionReader::new(reader).map_err(words)? {
            if found.names() > MOST_NAMES {
                break;
            }
            found.component.imports.push(import.map_err(words)?.name.name.to_owned());
        }
        return Ok(());
    }
    for export in ComponentExportSectionReader::new(reader).map_err(words)? {
        if found.names() > MOST_NAMES {
            break;
        }
        let export = export.map_err(words)?;
        found.component.exports.push(export.name.name.to_owned());
        found.exports_more |= export.kind != ComponentExternalKind::Type;
    }
    Ok(())
}

fn refused(shown: &str, found: &str) -> Error {
    Error::integrity(format!("{shown} is not a component"))
        .fact("expected", "a WebAssembly component")
        .fact("found", found)
}
