//! The custom sections of a WebAssembly file, also of the modules and components in it.
//!
//! A file can be larger than memory, and almost all of it is code. So it is walked section by
//! section (WebAssembly Core Specification 5.5.2; Component Model, "Binary Format Explainer"), and
//! only the wanted sections are read.

use std::io::{self, Read, Seek, SeekFrom};

/// The largest number of sections and of wanted ones, the deepest nesting, and the longest name of a
/// section.
const MOST_SECTIONS: usize = 1 << 17;
const MOST_WANTED: usize = 64;
const MOST_LEVELS: usize = 16;
const MOST_NAME: u64 = 256;

/// The numbers of sections: of a custom one everywhere, and of a module and a component in a
/// component.
const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
const COMPONENT: u8 = 4;

/// The layer of a component in its header.
const COMPONENT_LAYER: u8 = 1;

/// Returns the contents of the custom sections of this name: at most 64, of together at most `limit`
/// bytes.
///
/// # Errors
/// `InvalidData`, if the file is damaged or exceeds a limit; those of reading.
pub(super) fn custom(
    source: &mut (impl Read + Seek),
    name: &str,
    limit: u64,
) -> io::Result<Vec<Vec<u8>>> {
    let end = source.seek(SeekFrom::End(0))?;
    let mut walk = Walk { source, name, limit, sections: 0, found: Vec::new() };
    walk.file(0, end, 0)?;
    Ok(walk.found)
}

struct Walk<'a, S> {
    source: &'a mut S,
    name: &'a str,
    limit: u64,
    sections: usize,
    found: Vec<Vec<u8>>,
}

impl<S: Read + Seek> Walk<'_, S> {
    /// Walks through a module or a component between two positions.
    fn file(&mut self, start: u64, end: u64, level: usize) -> io::Result<()> {
        if level > MOST_LEVELS {
            return Err(damaged("modules are nested too deeply"));
        }
        self.source.seek(SeekFrom::Start(start))?;
        let mut header = [0; 8];
        if end - start < header.len() as u64 {
            return Err(damaged("it is cut off"));
        }
        self.source.read_exact(&mut header)?;
        if &header[..4] != b"\0asm" {
            return Err(damaged("it does not begin as WebAssembly does"));
        }
        let is_component = header[6] == COMPONENT_LAYER;
        let mut at = start + header.len() as u64;
        while at < end {
            at = self.section((at, end), is_component, level)?;
        }
        Ok(())
    }

    /// Reads one section, and returns the position after it.
    fn section(
        &mut self,
        (at, end): (u64, u64),
        is_component: bool,
        level: usize,
    ) -> io::Result<u64> {
        self.sections += 1;
        if self.sections > MOST_SECTIONS {
            return Err(damaged("it has too many sections"));
        }
        self.source.seek(SeekFrom::Start(at))?;
        let kind = self.byte()?;
        let (size, digits) = self.number()?;
        let content = at + 1 + digits;
        let next = content + size;
        if next > end {
            return Err(damaged("it is cut off"));
        }
        match kind {
            CUSTOM => self.custom(content, next)?,
            CORE_MODULE | COMPONENT if is_component => self.file(content, next, level + 1)?,
            _ => {}
        }
        Ok(next)
    }

    fn custom(&mut self, start: u64, end: u64) -> io::Result<()> {
        let (length, digits) = self.number()?;
        let content = start + digits + length;
        if content > end {
            return Err(damaged("the name of a section is longer than the section"));
        }
        if length > MOST_NAME || length != self.name.len() as u64 {
            return Ok(());
        }
        let name = self.bytes(length)?;
        if name != self.name.as_bytes() {
            return Ok(());
        }
        let known: usize = self.found.iter().map(Vec::len).sum();
        if end - content + known as u64 > self.limit || self.found.len() == MOST_WANTED {
            return Err(damaged("the sections are too long"));
        }
        let bytes = self.bytes(end - content)?;
        self.found.push(bytes);
        Ok(())
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.source.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// Reads an unsigned number of 32 bits (LEB128), and returns it with the number of its bytes.
    fn number(&mut self) -> io::Result<(u64, u64)> {
        let mut number = 0;
        for nth in 0..5 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * nth);
            if byte & 0x80 == 0 {
                return Ok((number, nth + 1));
            }
        }
        Err(damaged("the size of a section is invalid"))
    }

    fn bytes(&mut self, count: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count as usize];
        self.source.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";
    const OUTER: [u8; 8] = *b"\0asm\x0d\0\x01\0";

    /// Returns a section whose size is a LEB128 number of two bytes.
    fn section(kind: u8, content: &[u8]) -> Vec<u8> {
        let (low, high) = (content.len() % 128, content.len() / 128);
        [&[kind, low as u8 | 0x80, high as u8], content].concat()
    }

    fn found(bytes: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        custom(&mut Cursor::new(bytes), "n", 10)
    }

    #[test]
    fn sections_of_nested_modules_are_found() {
        let module = [&MODULE[..], &section(0, b"\x01nabc"), &section(0, b"\x01xabc")].concat();
        assert_eq!(found(&module).unwrap(), [b"abc"]);
        let inner = [&OUTER[..], &section(1, &module), &section(0, b"\x01nd")].concat();
        let outer = [&OUTER[..], &section(4, &inner), &section(7, b"xx")].concat();
        assert_eq!(found(&outer).unwrap(), [b"abc".to_vec(), b"d".to_vec()]);
        // In a module, section 1 has types.
        let types = [&MODULE[..], &section(1, b"xx")].concat();
        assert!(found(&types).unwrap().is_empty());
    }

    #[test]
    fn many_sections_are_errors() {
        let many = |count: usize, content: &[u8]| {
            [&MODULE[..], &section(0, content).repeat(count)].concat()
        };
        assert_eq!(found(&many(64, b"\x01n")).unwrap().len(), 64);
        assert!(found(&many(65, b"\x01n")).is_err());
        assert!(found(&many(2, b"\x01nabcdef")).is_err());
    }

    #[test]
    fn damage_and_excess_are_errors() {
        let long = [&MODULE[..], &section(0, b"\x01nabcdefghijk")].concat();
        let cut = [&MODULE[..], &[0, 100, 1]].concat();
        let name = [&MODULE[..], &section(0, b"\x09n")].concat();
        let size = [&MODULE[..], &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 1]].concat();
        for wrong in [&b""[..], b"\0asm", b"12345678", &long, &cut, &name, &size] {
            assert!(found(wrong).is_err(), "{wrong:?}");
        }
        let mut nested = MODULE.to_vec();
        for _ in 0..20 {
            nested = [&OUTER[..], &section(4, &nested)].concat();
        }
        let error = found(&nested).unwrap_err().to_string();
        assert!(error.contains("too deeply"), "{error}");
    }
}
