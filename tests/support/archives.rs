//! Archives built byte by byte, so that they can contain fields that no archiver would write.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

/// A tar without compression.
#[derive(Clone, Default)]
pub struct Tar(pub Vec<u8>);

impl Tar {
    pub fn new() -> Tar {
        Tar::default()
    }

    pub fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Tar {
        self.entry(b'0', 0o644, name, "", content)
    }

    pub fn executable(self, name: &str, content: &str) -> Tar {
        self.entry(b'0', 0o755, name, "", content)
    }

    pub fn folder(self, name: &str) -> Tar {
        self.entry(b'5', 0o755, name, "", "")
    }

    pub fn symlink(self, name: &str, target: &str) -> Tar {
        self.entry(b'2', 0o777, name, target, "")
    }

    pub fn hard_link(self, name: &str, target: &str) -> Tar {
        self.entry(b'1', 0o644, name, target, "")
    }

    /// Adds a PAX header for the next entry.
    pub fn pax(self, key: &str, value: impl AsRef<[u8]>) -> Tar {
        self.entry(b'x', 0o644, "pax", "", pax_record(key, value.as_ref()))
    }

    /// Adds an entry of any type. Names and targets must fit into their fields.
    pub fn entry(
        mut self,
        kind: u8,
        mode: u32,
        name: impl AsRef<[u8]>,
        target: &str,
        content: impl AsRef<[u8]>,
    ) -> Tar {
        let (name, content) = (name.as_ref(), content.as_ref());
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name);
        header[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
        header[108..115].copy_from_slice(b"0000000");
        header[116..123].copy_from_slice(b"0000000");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[136..147].copy_from_slice(b"00000000000");
        header[156] = kind;
        header[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header[257..265].copy_from_slice(b"ustar\x0000");
        self.0.extend(with_checksum(header));
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// Returns the bytes with the mark of the end.
    pub fn end(&self) -> Vec<u8> {
        let mut bytes = self.0.clone();
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    }

    pub fn gz(&self) -> Vec<u8> {
        gz(&self.end())
    }
}

/// Sets the right checksum in a header.
pub fn with_checksum(mut header: [u8; 512]) -> [u8; 512] {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

pub fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (rest..).find(|length| rest + length.to_string().len() == *length).unwrap();
    let mut record = format!("{length} {key}=").into_bytes();
    record.extend(value);
    record.push(b'\n');
    record
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zst(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A zip. Every field of every entry can have a wrong value.
#[derive(Clone, Default)]
pub struct Zip {
    pub entries: Vec<ZipEntry>,
    /// Whether it is written with the records for large archives (zip64).
    pub is_64: bool,
    pub before: Vec<u8>,
    pub comment: Vec<u8>,
}

/// The fields of an entry in the central directory, and those in the header before its data.
#[derive(Clone)]
pub struct ZipEntry {
    pub name: Vec<u8>,
    pub local_name: Vec<u8>,
    pub data: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub crc: u32,
    pub size: u32,
    pub compressed: u32,
    pub mode: u32,
    /// The number of the entry whose data this one shares, instead of its own.
    pub shares: Option<usize>,
    /// Bytes to write over the header before the data, each with its offset.
    pub local_patch: Vec<(usize, Vec<u8>)>,
    /// Bytes to write over the entry in the central directory.
    pub central_patch: Vec<(usize, Vec<u8>)>,
    /// The extra fields in the header before the data.
    pub local_extra: Vec<u8>,
    /// The bytes after the data, instead of a right record.
    pub after: Option<Vec<u8>>,
}

impl Zip {
    pub fn new() -> Zip {
        Zip::default()
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Zip {
        self.with(name, 0o100_644, content, |_| {})
    }

    /// Adds an entry, changed by this function.
    pub fn with(
        mut self,
        name: impl AsRef<[u8]>,
        mode: u32,
        content: impl AsRef<[u8]>,
        change: impl FnOnce(&mut ZipEntry),
    ) -> Zip {
        let (name, content) = (name.as_ref().to_vec(), content.as_ref());
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        let data = encoder.finish().unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut entry = ZipEntry {
            local_name: name.clone(),
            name,
            method: 8,
            flags: 0,
            crc: crc.sum(),
            size: content.len() as u32,
            compressed: data.len() as u32,
            mode,
            data,
            shares: None,
            local_patch: Vec::new(),
            central_patch: Vec::new(),
            local_extra: Vec::new(),
            after: None,
        };
        change(&mut entry);
        self.entries.push(entry);
        self
    }

    /// Adds a file without compression.
    pub fn stored(self, name: &str, content: &str) -> Zip {
        self.with(name, 0o100_644, content, |entry| {
            entry.method = 0;
            entry.data = content.as_bytes().to_vec();
            entry.compressed = entry.size;
        })
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.before.clone();
        let mut starts: Vec<usize> = Vec::new();
        for entry in &self.entries {
            starts.push(entry.shares.map_or(bytes.len(), |other| starts[other]));
            if entry.shares.is_none() {
                bytes.extend(self.local(entry));
            }
        }
        let directory = bytes.len();
        for (entry, start) in self.entries.iter().zip(starts) {
            bytes.extend(self.central(entry, start));
        }
        let length = bytes.len() - directory;
        bytes.extend(self.end(directory, length));
        bytes
    }

    fn local(&self, entry: &ZipEntry) -> Vec<u8> {
        let described_after = entry.flags & 8 != 0;
        let mut bytes = b"PK\x03\x04\x14\0".to_vec();
        put16(&mut bytes, &[entry.flags, entry.method, 0, 0]);
        match described_after {
            true => put32(&mut bytes, &[0, 0, 0]),
            false => put32(&mut bytes, &[entry.crc, entry.compressed, entry.size]),
        }
        put16(&mut bytes, &[entry.local_name.len() as u16, entry.local_extra.len() as u16]);
        bytes.extend(&entry.local_name);
        bytes.extend(&entry.local_extra);
        patch(&mut bytes, &entry.local_patch);
        bytes.extend(&entry.data);
        if let Some(after) = &entry.after {
            bytes.extend(after);
        } else if described_after {
            bytes.extend(b"PK\x07\x08");
            put32(&mut bytes, &[entry.crc, entry.compressed, entry.size]);
        }
        bytes
    }

    fn central(&self, entry: &ZipEntry, start: usize) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02\x14\x03\x14\0".to_vec();
        put16(&mut bytes, &[entry.flags, entry.method, 0, 0]);
        match self.is_64 {
            true => put32(&mut bytes, &[entry.crc, u32::MAX, u32::MAX]),
            false => put32(&mut bytes, &[entry.crc, entry.compressed, entry.size]),
        }
        let extra = if self.is_64 { 28 } else { 0 };
        put16(&mut bytes, &[entry.name.len() as u16, extra, 0, 0, 0]);
        put32(&mut bytes, &[entry.mode << 16, if self.is_64 { u32::MAX } else { start as u32 }]);
        bytes.extend(&entry.name);
        if self.is_64 {
            put16(&mut bytes, &[1, 24]);
            put64(&mut bytes, &[entry.size.into(), entry.compressed.into(), start as u64]);
        }
        patch(&mut bytes, &entry.central_patch);
        bytes
    }

    fn end(&self, directory: usize, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let count = self.entries.len() as u64;
        if self.is_64 {
            bytes.extend(b"PK\x06\x06");
            put64(&mut bytes, &[44]);
            put16(&mut bytes, &[45, 45]);
            put32(&mut bytes, &[0, 0]);
            put64(&mut bytes, &[count, count, length as u64, directory as u64]);
            bytes.extend(b"PK\x06\x07\0\0\0\0");
            put64(&mut bytes, &[(directory + length) as u64]);
            put32(&mut bytes, &[1]);
        }
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        match self.is_64 {
            true => {
                put16(&mut bytes, &[u16::MAX, u16::MAX]);
                put32(&mut bytes, &[u32::MAX, u32::MAX]);
            }
            false => {
                put16(&mut bytes, &[count as u16, count as u16]);
                put32(&mut bytes, &[length as u32, directory as u32]);
            }
        }
        put16(&mut bytes, &[self.comment.len() as u16]);
        bytes.extend(&self.comment);
        bytes
    }
}

fn patch(bytes: &mut [u8], patches: &[(usize, Vec<u8>)]) {
    for (at, patch) in patches {
        bytes[*at..at + patch.len()].copy_from_slice(patch);
    }
}

fn put16(bytes: &mut Vec<u8>, values: &[u16]) {
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put32(bytes: &mut Vec<u8>, values: &[u32]) {
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put64(bytes: &mut Vec<u8>, values: &[u64]) {
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}
