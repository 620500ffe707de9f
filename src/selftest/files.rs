//! File handling in a scratch folder, which is removed afterwards.

use super::program::failure;
use super::{Check, Program};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::report::{Access, Header, Manifest, Store};
use crate::simulate::Accuracy;
use crate::study::Progress;
use crate::study::plan::{Field, Outline, Plan, Row, Sink};
use std::ops::Range;
use std::path::Path;

const GROUP: &str = "files";

/// Rows of a study that runs nothing, and of a part of it.
const ROWS: usize = 10;
const PART_ROWS: usize = 4;

pub fn checks(program: &dyn Program, library: &Library) -> Vec<Check> {
    let scratch = |check: &dyn Fn(&Path) -> Result<usize>| -> Result<usize> {
        let folder = tempfile::tempdir().map_err(|e| Error::output(std::env::temp_dir(), e))?;
        check(folder.path())
    };
    let check = |what: &str, faults: &dyn Fn(&Path) -> Result<usize>| {
        Check::faults(GROUP, what, scratch(faults))
    };
    let store = |folder: &Path, seed| program.open(folder, library, seed);
    vec![
        check("a file is replaced whole", &|folder| {
            replaced(program, folder)
        }),
        check(
            "a write that fails is reported, and nothing is left of it",
            &|folder| failed_write(program, folder),
        ),
        check("rows of a study are read back to the last bit", &|folder| {
            parts(program, &store(folder, 1)?)
        }),
        check(
            "a stopped study goes on with the parts that are missing",
            &|folder| resumed(program, &store(folder, 1)?),
        ),
        check("parts that lost rows or numbers are noticed", &|folder| {
            damaged(program, &store(folder, 1)?)
        }),
        check("parts of another study are refused", &|folder| {
            drop(store(folder, 1)?);
            Ok(usize::from(store(folder, 2).is_ok()))
        }),
    ]
}

/// Whether each of some statements is false.
fn count<const N: usize>(right: [bool; N]) -> usize {
    right.into_iter().filter(|right| !right).count()
}

fn content(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path).ok()
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

fn replaced(program: &dyn Program, folder: &Path) -> Result<usize> {
    let path = folder.join("below").join("file");
    let new: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
    program.write(&path, b"old")?;
    let old = content(&path).as_deref() == Some(b"old");
    program.write(&path, &new)?;
    let whole = content(&path).as_deref() == Some(new.as_slice());
    let alone = entries(&folder.join("below")) == 1;
    Ok(count([old, whole, alone]))
}

/// Below a file there is no folder, whoever asks.
fn failed_write(program: &dyn Program, folder: &Path) -> Result<usize> {
    let file = folder.join("file");
    program.write(&file, b"kept")?;
    let reported = match program.write(&file.join("below"), b"new") {
        Err(error @ Error::Output { .. }) => error.exit_code() == 1,
        _ => false,
    };
    let kept = content(&file).as_deref() == Some(b"kept");
    let alone = entries(folder) == 1;
    Ok(count([reported, kept, alone]))
}

/// The folder of the study without runs.
///
/// # Errors
/// Parts of another study there.
pub(super) fn open(folder: &Path, library: &Library, seed: u64) -> Result<Store> {
    let manifest = Manifest::new(library, &Accuracy::default(), &["selftest".to_owned()]);
    let header = Header::new(&manifest, seed, &Nothing, PART_ROWS)?;
    Store::open(folder.join("selftest.parts"), header, Access::Resume)
}

/// A study of rows without runs.
struct Nothing;

impl Outline for Nothing {
    fn rows(&self) -> usize {
        ROWS
    }
    fn fields(&self) -> Vec<Field> {
        vec![Field::new("first", "1"), Field::new("second", "mg")]
    }
    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>) {
        (format!("row {row}"), Vec::new())
    }
    fn identity(&self) -> String {
        "rows of the selftest".to_owned()
    }
    fn hours(&self) -> f64 {
        1.0
    }
    fn sizes(&self) -> String {
        format!("{ROWS} rows")
    }
}

impl Plan for Nothing {
    fn run(
        &self,
        range: Range<usize>,
        _: &Accuracy,
        _: Progress<'_>,
        sink: Sink<'_>,
    ) -> Result<()> {
        rows(range).into_iter().try_for_each(sink)
    }
}

/// Rows with numbers that are hard to write; one of them failed.
fn rows(range: Range<usize>) -> Vec<Row> {
    let hard = [
        0.1 + 0.2,
        f64::MIN_POSITIVE,
        -0.0,
        1.0 / 3.0,
        f64::MAX,
        -123_456_789.123_456_79,
        5e-324,
        std::f64::consts::PI,
    ];
    range
        .map(|index| {
            let failed = index == 6;
            let number = |k: usize| hard[(index + k) % hard.len()];
            Row {
                index,
                values: if failed {
                    vec![f64::NAN; 2]
                } else {
                    vec![number(0), number(3)]
                },
                failure: failed.then(|| "a \"failure\", with a comma".to_owned()),
            }
        })
        .collect()
}

/// Rows that differ, in any bit.
fn differing(found: &[Row], expected: &[Row]) -> usize {
    let bits = |row: &Row| -> Vec<u64> { row.values.iter().map(|v| v.to_bits()).collect() };
    let same = |(a, b): &(&Row, &Row)| {
        a.index == b.index && a.failure == b.failure && (a.failure.is_some() || bits(a) == bits(b))
    };
    let pairs = found.iter().zip(expected);
    pairs.filter(|pair| !same(pair)).count() + found.len().abs_diff(expected.len())
}

fn parts(program: &dyn Program, store: &Store) -> Result<usize> {
    let mut faults = 0;
    for part in 0..store.header.parts() {
        program.write_part(store, part, &rows(store.header.range(part)))?;
    }
    for part in 0..store.header.parts() {
        let found = program.read_part(store, part)?;
        faults += differing(&found, &rows(store.header.range(part)));
    }
    Ok(faults)
}

fn resumed(program: &dyn Program, store: &Store) -> Result<usize> {
    let none = program.missing(store)? == [0, 1, 2];
    program.write_part(store, 1, &rows(store.header.range(1)))?;
    let others = program.missing(store)? == [0, 2];
    for part in [0, 2] {
        program.write_part(store, part, &rows(store.header.range(part)))?;
    }
    let done = program.missing(store)?.is_empty();
    Ok(count([none, others, done]))
}

/// Damages of a part, as what is left of its text.
type Damage = fn(&str) -> Option<String>;

const DAMAGES: [Damage; 5] = [
    // Cut after its second row.
    |text| {
        Some(
            text.lines()
                .take(3)
                .map(|line| format!("{line}\n"))
                .collect(),
        )
    },
    |text| Some(text.get(..text.len() / 2)?.to_owned()),
    |text| Some(text.replacen("0.3333333333333333", "0.33x", 1)),
    // A number in place of another.
    |text| Some(text.replacen("0.3333333333333333", "0.3333333333333334", 1)),
    |_| Some(String::new()),
];

fn damaged(program: &dyn Program, store: &Store) -> Result<usize> {
    let mut faults = 0;
    for damage in DAMAGES {
        program.write_part(store, 0, &rows(store.header.range(0)))?;
        let path = store.part(0);
        let text = std::fs::read_to_string(&path).map_err(|e| Error::output(&path, e))?;
        let spoilt = damage(&text).filter(|spoilt| *spoilt != text);
        let spoilt = spoilt.ok_or_else(|| failure("a part", "it could not be damaged"))?;
        std::fs::write(&path, spoilt).map_err(|e| Error::output(&path, e))?;
        let noticed = program
            .read_part(store, 0)
            .is_err_and(|error| error.to_string().contains("part-00000000"));
        faults += usize::from(!noticed);
    }
    Ok(faults)
}
