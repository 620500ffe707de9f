//! Reading what a user names, without waiting for ever and without taking all memory.

use super::bounds::Bound;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// An ordinary file of a bounded size, opened.
///
/// # Errors
/// No file, a pipe, a device or a folder, or too large a file; `place` and `remedy` say where it was named and what it
/// should be.
pub fn open(path: &Path, size: &Bound, place: &str, remedy: &str) -> Result<File> {
    let bad = |problem: String| Error::input(place, problem, remedy);
    // Asked before it is opened: opening a pipe waits for whoever writes to it.
    let metadata = std::fs::metadata(path).map_err(|error| bad(error.to_string()))?;
    if metadata.is_dir() {
        return Err(bad("this is a folder, not a file".to_owned()));
    }
    if !metadata.is_file() {
        return Err(bad(
            "this is a pipe or a device, not an ordinary file".to_owned()
        ));
    }
    size.check(metadata.len() as f64, place)?;
    File::open(path).map_err(|error| bad(error.to_string()))
}

/// The text of an ordinary file of a bounded size.
///
/// # Errors
/// No file, a pipe, a device or a folder, too large a file, or one that is not UTF-8; `place` and `remedy` say where it
/// was named and what it should be.
pub fn read_text(path: &Path, size: &Bound, place: &str, remedy: &str) -> Result<String> {
    let bad = |problem: String| Error::input(place, problem, remedy);
    let file = open(path, size, place, remedy)?;
    let mut bytes = Vec::new();
    // It may have grown since.
    file.take(size.largest as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| bad(error.to_string()))?;
    size.check(bytes.len() as f64, place)?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        bad(format!(
            "line {line} is not in UTF-8, the only encoding that is read"
        ))
    })
}
