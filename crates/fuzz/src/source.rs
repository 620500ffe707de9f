//! Choices of a generator, every one decided by (target, seed, number).
//!
//! The bytes of an input are the stream `number` of a counter-based generator whose key is made of target and
//! seed: any input can be made again, alone, in any order, on any number of workers. Choices are read from the
//! bytes by `arbitrary`; where the bytes end, every choice is its first.

use arbitrary::Unstructured;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Bytes of an input: more than any generator reads.
const LENGTH: usize = 8192;

/// The bytes of an input.
pub fn bytes(target: &str, seed: u64, number: u64) -> Vec<u8> {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    for (place, byte) in key[8..].iter_mut().zip(target.bytes()) {
        *place = byte;
    }
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(number);
    let mut bytes = vec![0; LENGTH];
    generator.fill_bytes(&mut bytes);
    bytes
}

/// What kind of input is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Nothing in it is wrong.
    Sound,
    /// Values at and beyond the edges: whether they can be used is for the program to say.
    Edge,
    /// One thing in it is wrong by construction.
    Bad,
    /// Bytes are changed, lost or doubled.
    Torn,
}

/// Choices, one after the other.
pub struct Source<'a> {
    unstructured: Unstructured<'a>,
}

impl<'a> Source<'a> {
    /// Choices from bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            unstructured: Unstructured::new(bytes),
        }
    }

    /// The kind of the input: nine in twenty are sound.
    pub fn plan(&mut self) -> Plan {
        match self.below(20) {
            0..=8 => Plan::Sound,
            9..=12 => Plan::Edge,
            13..=16 => Plan::Bad,
            _ => Plan::Torn,
        }
    }

    /// A number from 0 to below `count`; 0 where there is none.
    pub fn below(&mut self, count: usize) -> usize {
        self.range(0, count.saturating_sub(1))
    }

    /// A whole number from `low` to `high`, both included.
    pub fn range(&mut self, low: usize, high: usize) -> usize {
        self.unstructured.int_in_range(low..=high).unwrap_or(low)
    }

    /// Whether something happens that does so `percent` times in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of some things.
    ///
    /// # Panics
    /// Of none.
    pub fn pick<'b, T>(&mut self, things: &'b [T]) -> &'b T {
        &things[self.below(things.len())]
    }

    /// One of some words.
    pub fn word(&mut self, words: &[&str]) -> String {
        (*self.pick(words)).to_owned()
    }

    /// A number from 0 to 1.
    pub fn part(&mut self) -> f64 {
        self.range(0, 1 << 30) as f64 / f64::from(1 << 30)
    }

    /// A number from `low` to `high`: often an end, else even or, above 0, even by its logarithm.
    pub fn within(&mut self, low: f64, high: f64) -> f64 {
        match self.below(8) {
            0 => low,
            1 => high,
            2..=4 if low > 0.0 => (low * (high / low).powf(self.part())).clamp(low, high),
            _ => (low + self.part() * (high - low)).clamp(low, high),
        }
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.unstructured.arbitrary().unwrap_or_default()
    }
}
