//! Small changes: numbers at the edges, units that do not fit, keys that nobody knows, bytes that are lost.

use crate::source::Source;
use toml::{Table, Value};

/// Numbers at and beyond the edges of what a number can be, as text.
pub const EDGES: [&str; 24] = [
    "0",
    "-0.0",
    "1",
    "-1",
    "1e-300",
    "1e300",
    "1e-15",
    "1e15",
    "5e-324",
    "1e-8",
    "0.999999999",
    "1e6",
    "1e9",
    "2",
    "100",
    "1e308",
    "-1e-9",
    "4294967296",
    "9007199254740993",
    "0.1",
    "1e-3",
    "1e3",
    "24",
    "3.0000000000000004",
];

/// What is no number that can be used.
pub const NO_NUMBERS: [&str; 12] = [
    "nan", "inf", "-inf", "1e999", "", "abc", "1,5", "0x10", "--1", "1e", "١", "NaN",
];

/// Units of no dimension that is asked for anywhere, and texts that are no units.
pub const NO_UNITS: [&str; 6] = ["kg m/s^2/K", "florp", "1; 2", "cd", "mol/", "(("];

/// Units that are written otherwise, of several dimensions: whether one fits is for the program to say.
pub const UNITS: [&str; 24] = [
    "1", "h", "d", "week", "min", "1/h", "1/d", "mg", "mg/kg", "MG", "Mg", "nM", "µM", "uM", "μM",
    "nm", "mmHg", "kPa", "%", "L", "L/kg", "9^9^9", "h^2", "day",
];

/// A number at an edge, as text.
pub fn edge(source: &mut Source<'_>) -> String {
    source.word(&EDGES)
}

/// A quantity at an edge: of an edge's value, in another unit, or both.
pub fn edge_quantity(source: &mut Source<'_>, value: f64, unit: &str) -> String {
    let (number, same) = match source.below(3) {
        0 => (value.to_string(), false),
        1 => (edge(source), false),
        _ => (edge(source), true),
    };
    let unit = if same {
        unit.to_owned()
    } else {
        source.word(&UNITS)
    };
    let blank = source.word(&[" ", "", "  ", "\t", "\u{a0}"]);
    format!("{number}{blank}{unit}")
}

/// A text that is no quantity of any dimension that is asked for.
pub fn bad_quantity(source: &mut Source<'_>, value: f64, unit: &str) -> String {
    match source.below(3) {
        0 => format!("{} {unit}", source.word(&NO_NUMBERS)),
        1 => format!("{value} {}", source.word(&NO_UNITS)),
        _ => value.to_string(),
    }
}

/// A name that is none, near a known one.
pub fn bad_name(source: &mut Source<'_>, name: &str) -> String {
    match source.below(6) {
        0 => format!("{name}x"),
        1 => "xyzzy".to_owned(),
        2 => String::new(),
        3 => format!("{name}/"),
        4 => format!("{name}+{name}+{name}+{name}"),
        _ => format!("{name}\u{0}"),
    }
}

/// Changes, loses, doubles and moves some bytes or lines.
pub fn tear(source: &mut Source<'_>, content: &mut Vec<u8>) {
    const PIECES: [&[u8]; 14] = [
        b"\"",
        b"[",
        b"]",
        b"{",
        b"}",
        b",",
        b"\n",
        b"\0",
        b"\xff\xfe",
        b"=",
        b"1e999",
        b"-",
        b"#",
        b"[[a]]",
    ];
    for _ in 0..source.range(1, 3) {
        if content.is_empty() {
            return;
        }
        let at = source.below(content.len());
        let length = source.range(1, 12).min(content.len() - at);
        match source.below(8) {
            0 => content.truncate(at),
            1 => content[at] ^= 1 << source.below(8),
            2 => content[at] = source.byte(),
            3 => drop(content.drain(at..at + length)),
            4 => {
                let copy = content[at..at + length].to_vec();
                content.splice(at..at, copy);
            }
            5 => {
                let piece = *source.pick(&PIECES);
                content.splice(at..at, piece.iter().copied());
            }
            _ => move_line(source, content),
        }
    }
}

/// Doubles, loses or swaps a line.
fn move_line(source: &mut Source<'_>, content: &mut Vec<u8>) {
    let mut lines: Vec<Vec<u8>> = content
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let (one, other) = (source.below(lines.len()), source.below(lines.len()));
    match source.below(3) {
        0 => lines.insert(other, lines[one].clone()),
        1 => drop(lines.remove(one)),
        _ => lines.swap(one, other),
    }
    *content = lines.concat();
}

/// Changes some bytes of a text, which stays one.
pub fn tear_text(source: &mut Source<'_>, text: &str) -> String {
    let mut content = text.as_bytes().to_vec();
    tear(source, &mut content);
    String::from_utf8_lossy(&content).replace('\0', "0")
}

/// Keys whose text is a quantity, with a value and unit that would do.
const QUANTITIES: [(&str, f64, &str); 14] = [
    ("at", 3.0, "d"),
    ("duration", 3.0, "d"),
    ("oxygen", 7.6, "mmHg"),
    ("oxygen_before", 150.0, "mmHg"),
    ("interval", 12.0, "h"),
    ("start", 1.0, "d"),
    ("stop", 2.0, "d"),
    ("infusion", 2.0, "h"),
    ("on", 1.0, "d"),
    ("off", 1.0, "d"),
    ("amount", 5.0, "mg"),
    ("loading", 5.0, "mg"),
    ("dose", 5.0, "mg"),
    ("after", 1.0, "h"),
];

/// Keys whose text is one of some names.
const NAMES: [&str; 14] = [
    "setting",
    "arm",
    "measure",
    "in",
    "priority",
    "kind",
    "use",
    "grade",
    "expect",
    "phenotype",
    "mode",
    "clamp",
    "trial",
    "readout",
];

/// Numbers, texts and flags of a tree, in order.
fn leaves<'a>(value: &'a mut Value, key: &str, found: &mut Vec<(String, &'a mut Value)>) {
    match value {
        Value::Table(table) => {
            for (key, inner) in table.iter_mut() {
                leaves(inner, key, found);
            }
        }
        Value::Array(values) => {
            for inner in values {
                leaves(inner, key, found);
            }
        }
        leaf => found.push((key.to_owned(), leaf)),
    }
}

/// Changes one leaf of a table to something at the edge of what is allowed.
pub fn edge_leaf(source: &mut Source<'_>, table: &mut Table) {
    let mut value = Value::Table(std::mem::take(table));
    {
        let mut found = Vec::new();
        leaves(&mut value, "", &mut found);
        if !found.is_empty() {
            let at = source.below(found.len());
            let (key, leaf) = &mut found[at];
            change(source, key, leaf);
        }
    }
    if let Value::Table(changed) = value {
        *table = changed;
    }
}

fn change(source: &mut Source<'_>, key: &str, leaf: &mut Value) {
    let quantity = QUANTITIES.iter().find(|(name, _, _)| *name == key);
    *leaf = match (&*leaf, quantity) {
        (Value::String(_), Some((_, value, unit))) => {
            Value::String(edge_quantity(source, *value, unit))
        }
        (Value::String(text), None) => {
            let text = text.clone();
            Value::String(tear_text(source, &text))
        }
        (Value::Boolean(flag), _) => Value::Boolean(!flag),
        _ => match edge(source).parse::<f64>() {
            Ok(number) if source.chance(80) => Value::Float(number),
            _ => Value::String(edge(source)),
        },
    };
}

/// Makes one thing of a table wrong: a quantity that is none, a name that nobody knows, a key that nobody
/// asks for.
pub fn spoil_leaf(source: &mut Source<'_>, table: &mut Table) {
    let mut value = Value::Table(std::mem::take(table));
    let spoilt = {
        let mut found = Vec::new();
        leaves(&mut value, "", &mut found);
        let known =
            |key: &str| NAMES.contains(&key) || QUANTITIES.iter().any(|(name, _, _)| *name == key);
        found.retain(|(key, leaf)| known(key) && leaf.is_str());
        if found.is_empty() || source.chance(30) {
            false
        } else {
            let at = source.below(found.len());
            let (key, leaf) = &mut found[at];
            let quantity = QUANTITIES.iter().find(|(name, _, _)| name == key);
            let text = match quantity {
                Some((_, value, unit)) => bad_quantity(source, *value, unit),
                None => "xyzzy".to_owned(),
            };
            **leaf = Value::String(text);
            true
        }
    };
    if let Value::Table(changed) = value {
        *table = changed;
    }
    if !spoilt {
        table.insert("xyzzy".to_owned(), Value::Integer(1));
    }
}
