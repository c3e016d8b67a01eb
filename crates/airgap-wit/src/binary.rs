//! A package in the binary format: its limits, which are checked before it is decoded, and its
//! text.
//!
//! The decoder reads through a buffer as long as a section declares, and builds a table of all
//! types, which takes a hundred times the space of their bytes. Its printer writes a type in full
//! at every use, so that the text can be longer than any limit.

use wasmparser::{
    ComponentDefinedType, ComponentType, ComponentTypeDeclaration, CoreType,
    InstanceTypeDeclaration, Parser, Payload,
};
use wit_component::{Output, OutputToString, WitPrinter};
use wit_parser::decoding::{DecodedWasm, decode};

use super::catch_panic::{catch_panic, stop};
use super::limits::{MOST_BYTES, MOST_ITEMS, within};
use airgap_core::error::{Error, Result};

/// The largest number of bytes of the type sections, and of the custom sections, which hold the
/// documentation. The largest package of WASI has a tenth of a megabyte in all.
const MOST_SECTION_BYTES: u64 = 1 << 20;

/// Returns the text of a package as `wasm-tools component wit` prints it, or `None` if the bytes
/// are a component that is not a package.
///
/// # Errors
/// Integrity, if the bytes are damaged or exceed the limits of a package.
pub(super) fn text(bytes: &[u8], shown: &str) -> Result<Option<String>> {
    let refuse = |cause: String| {
        Error::integrity(format!("`{shown}` cannot be read as a WIT package"))
            .because(cause)
            .hint("it is damaged, or was made by tools newer than this program")
    };
    let size = catch_panic(|| BinarySize::parse(bytes))
        .map_err(refuse)?
        .map_err(|it| refuse(it.to_string()))?;
    let Some(size) = size else { return Ok(None) };
    within("bytes of types", size.types, MOST_SECTION_BYTES, shown)?;
    within("bytes in custom sections", size.custom, MOST_SECTION_BYTES, shown)?;
    within("items", size.items as u64, MOST_ITEMS as u64, shown)?;
    let text = catch_panic(|| {
        let DecodedWasm::WitPackage(resolve, package) = decode(bytes)? else { return Ok(None) };
        let mut printer = WitPrinter::new(Limited::default());
        printer.print(&resolve, package, &[]).map(|()| Some(printer.output.text.to_string()))
    });
    // The alternate form has the whole chain of causes.
    text.and_then(|text| text.map_err(|error| format!("{error:#}"))).map_err(refuse)
}

/// The size of the sections of a package.
#[derive(Default)]
struct BinarySize {
    types: u64,
    custom: u64,
    items: usize,
}

impl BinarySize {
    /// Reads the section headers; no section can be longer than the remaining bytes. Returns
    /// nothing if there is a section that no package has.
    fn parse(bytes: &[u8]) -> wasmparser::Result<Option<BinarySize>> {
        let mut size = BinarySize::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { .. } | Payload::End(_) => {}
                Payload::CustomSection(section) => size.custom += section.data().len() as u64,
                Payload::ComponentTypeSection(section) => {
                    let range = section.range();
                    size.types += range.end - range.start;
                    if size.exceeds_limits() {
                        break;
                    }
                    for found in section {
                        size.items += items(&found?);
                        if size.exceeds_limits() {
                            break;
                        }
                    }
                }
                Payload::ComponentImportSection(section) => size.items += section.count() as usize,
                Payload::ComponentExportSection(section) => size.items += section.count() as usize,
                Payload::ComponentAliasSection(section) => size.items += section.count() as usize,
                _ => return Ok(None),
            }
            if size.exceeds_limits() {
                break;
            }
        }
        Ok(Some(size))
    }

    /// Returns whether it exceeds a limit, so that reading can stop.
    fn exceeds_limits(&self) -> bool {
        self.types > MOST_SECTION_BYTES
            || self.custom > MOST_SECTION_BYTES
            || self.items > MOST_ITEMS
    }
}

/// Counts a type, its declarations and the names in it. The reader bounds the depth.
fn items(found: &ComponentType<'_>) -> usize {
    use ComponentDefinedType::{Enum, Flags, Record, Tuple, Variant};
    1 + match found {
        ComponentType::Defined(Record(fields)) => fields.len(),
        ComponentType::Defined(Variant(cases)) => cases.len(),
        ComponentType::Defined(Tuple(types)) => types.len(),
        ComponentType::Defined(Flags(names) | Enum(names)) => names.len(),
        ComponentType::Func(function) => function.params.len(),
        ComponentType::Component(declared) => declared.iter().map(in_component).sum(),
        ComponentType::Instance(declared) => declared.iter().map(in_instance).sum(),
        ComponentType::Defined(_) | ComponentType::Resource { .. } => 0,
    }
}

fn in_component(declared: &ComponentTypeDeclaration<'_>) -> usize {
    match declared {
        ComponentTypeDeclaration::Type(found) => items(found),
        ComponentTypeDeclaration::CoreType(found) => core_items(found),
        _ => 1,
    }
}

fn in_instance(declared: &InstanceTypeDeclaration<'_>) -> usize {
    match declared {
        InstanceTypeDeclaration::Type(found) => items(found),
        InstanceTypeDeclaration::CoreType(found) => core_items(found),
        _ => 1,
    }
}

fn core_items(found: &CoreType<'_>) -> usize {
    match found {
        CoreType::Rec(group) => group.types().len(),
        CoreType::Module(declared) => 1 + declared.len(),
    }
}

/// A text buffer that stops the printer when the text exceeds the limit of a package.
#[derive(Default)]
struct Limited {
    text: OutputToString,
    bytes: u64,
}

impl Limited {
    fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if self.bytes > MOST_BYTES {
            stop(&format!("its text is longer than the limit of {MOST_BYTES} bytes"));
        }
    }
}

impl Output for Limited {
    fn push_str(&mut self, src: &str) {
        self.count(src.len());
        self.text.push_str(src);
    }

    fn indent_if_needed(&mut self) -> bool {
        // Indented text is in a world or an interface, or in one of their types.
        let indented = self.text.indent_if_needed();
        self.count(if indented { 8 } else { 0 });
        indented
    }

    fn indent_start(&mut self) {
        self.count(3);
        self.text.indent_start();
    }

    fn indent_end(&mut self) {
        self.count(2);
        self.text.indent_end();
    }

    fn newline(&mut self) {
        self.count(1);
        self.text.newline();
    }
}
