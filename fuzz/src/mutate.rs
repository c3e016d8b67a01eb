//! Mutations of inputs, for the driver without coverage.

use crate::targets::ALWAYS;
use crate::{MOST_BYTES, Target};

/// A generator of random numbers, xorshift64*, whose seed determines the sequence.
pub struct Random(u64);

impl Random {
    /// Creates a generator from a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Returns the next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `end`, or 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        match u64::try_from(end) {
            Ok(end) if end > 0 => usize::try_from((self.number() >> 11) % end).unwrap_or(0),
            _ => 0,
        }
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Returns a range in `length` bytes, mostly a short one.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = (length - start).min(1 << self.below(12));
        start..start + self.below(most + 1)
    }
}

/// Creates an input from those in the corpus.
pub fn mutated(target: &Target, corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = random.pick(corpus).cloned().unwrap_or_default();
    for _ in 0..=random.below(6) {
        mutate(target, corpus, &mut input, random);
    }
    input.truncate(MOST_BYTES);
    input
}

fn mutate(target: &Target, corpus: &[Vec<u8>], input: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(input.len());
    match random.below(11) {
        0 if !input.is_empty() => input[at] ^= 1 << random.below(8),
        1 if !input.is_empty() => input[at] = random.number().to_le_bytes()[0],
        2 if !input.is_empty() => integer(input, at, random),
        3 => digits(input, random),
        4 => drop(input.drain(random.range(input.len()))),
        5 => {
            // Repeats a part, perhaps many times, to find limits that add up.
            let part = input[random.range(input.len())].to_vec();
            let times = 1 << random.below(8);
            insert(input, at, &part.repeat(times));
        }
        6 | 7 => {
            let words = if random.below(4) == 0 { ALWAYS } else { target.words };
            let word = random.pick(words).copied().unwrap_or_default();
            match random.below(3) {
                0 => overwrite(input, at, word.as_bytes()),
                _ => insert(input, at, word.as_bytes()),
            }
        }
        8 => {
            // Inserts a part of another input.
            let Some(other) = random.pick(corpus) else { return };
            let part = other[random.range(other.len())].to_vec();
            match random.below(2) {
                0 => overwrite(input, at, &part),
                _ => insert(input, at, &part),
            }
        }
        9 => {
            // Appends the end of another input.
            let Some(other) = random.pick(corpus) else { return };
            let end = other[random.below(other.len())..].to_vec();
            input.truncate(at);
            input.extend(end);
        }
        _ => input.truncate(at),
    }
}

/// Replaces an integer of 1, 2, 4 or 8 bytes, in either byte order.
fn integer(input: &mut [u8], at: usize, random: &mut Random) {
    let size = 1 << random.below(4);
    let Some(place) = input.get_mut(at..at + size) else { return };
    let mut bytes = [0; 8];
    bytes[..size].copy_from_slice(place);
    let old = u64::from_le_bytes(bytes);
    let new = match random.below(6) {
        0 => 0,
        1 => u64::MAX,
        2 => u64::MAX >> (1 + random.below(63)),
        3 => 1 << random.below(64),
        4 => old.wrapping_add(random.number() % 16),
        _ => old.wrapping_sub(random.number() % 16),
    };
    let bytes = new.to_le_bytes();
    place.copy_from_slice(&bytes[..size]);
    if random.below(2) == 0 {
        place.reverse();
    }
}

/// Replaces a decimal number.
fn digits(input: &mut Vec<u8>, random: &mut Random) {
    let starts: Vec<_> = (0..input.len())
        .filter(|&at| input[at].is_ascii_digit() && (at == 0 || !input[at - 1].is_ascii_digit()))
        .collect();
    let Some(&start) = random.pick(&starts) else { return };
    let end = input[start..].iter().position(|byte| !byte.is_ascii_digit());
    let end = end.map_or(input.len(), |length| start + length);
    let number = match random.below(4) {
        0 => "0".to_owned(),
        1 => (random.number() >> random.below(64)).to_string(),
        2 => "9".repeat(1 + random.below(40)),
        _ => format!("{:o}", random.number() >> random.below(64)),
    };
    input.splice(start..end, number.into_bytes());
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
    input.splice(at..at, bytes.iter().copied());
}

fn overwrite(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = input.len().min(at + bytes.len());
    input.splice(at..end, bytes.iter().copied());
}
