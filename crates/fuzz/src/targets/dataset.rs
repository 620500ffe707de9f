//! NONMEM-style data sets.

use super::arm;
use crate::case::{Case, Expect, File};
use crate::mutate;
use crate::source::{Plan, Source};
use crate::world::World;

/// Columns that an input may have beside TIME.
const COLUMNS: [&str; 17] = [
    "ID",
    "AMT",
    "EVID",
    "CMT",
    "RATE",
    "II",
    "ADDL",
    "SS",
    "DV",
    "MDV",
    "WT",
    "exposure.clearance",
    "DUR",
    "ALAG1",
    "F1",
    "C",
    "AGE",
];

/// A data set: names of columns, and rows of cells.
struct Set {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Set {
    fn column(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    fn put(&mut self, row: usize, name: &str, value: impl Into<String>) {
        if let Some(column) = self.column(name) {
            self.rows[row][column] = value.into();
        }
    }

    fn text(&self, separator: &str, end: &str) -> String {
        let lines = std::iter::once(&self.header).chain(&self.rows);
        lines.map(|cells| cells.join(separator) + end).collect()
    }
}

pub fn make(source: &mut Source<'_>, world: &World, plan: Plan) -> Case {
    let setting = source.word(&["xenograft", "xenograft", "patient"]);
    let mut set = sound(source, &setting);
    let mut expect = Expect::Any;
    let mut says = Vec::new();
    match plan {
        Plan::Edge => edge(source, &mut set),
        Plan::Bad => {
            expect = Expect::Refused;
            says.push("d.csv".to_owned());
            spoil(source, &mut set);
        }
        _ => {}
    }
    let separator = if plan == Plan::Edge && source.chance(5) {
        source.word(&[";", "\t", ", ", ",,"])
    } else {
        ",".to_owned()
    };
    let end = if source.chance(10) { "\r\n" } else { "\n" };
    let mut content = set.text(&separator, end).into_bytes();
    if plan == Plan::Edge && source.chance(10) {
        content = dressed(source, content);
    }
    if plan == Plan::Torn {
        mutate::tear(source, &mut content);
    }
    let mut command: Vec<String> = [
        "simulate",
        "--data",
        "d.csv",
        "--setting",
        &setting,
        "--arm",
    ]
    .map(str::to_owned)
    .into();
    command.push(match source.chance(60) {
        true => "sorafenib".to_owned(),
        false => arm(source, world),
    });
    if source.chance(20) {
        command.extend(["--mode", "achievable"].map(str::to_owned));
    }
    if source.chance(20) {
        command.extend(["--csv", "answers.csv"].map(str::to_owned));
    }
    Case {
        expect,
        says,
        command,
        files: vec![File::new("d.csv", content)],
        ..Case::default()
    }
}

/// Records of a few subjects over three days, in order.
fn sound(source: &mut Source<'_>, setting: &str) -> Set {
    let mut header = vec!["TIME".to_owned()];
    for (place, name) in COLUMNS.iter().enumerate() {
        let percent = match place {
            0..=3 => 80,
            4..=7 => 35,
            8..=10 => 25,
            _ => 4,
        };
        if source.chance(percent) {
            let at = source.below(header.len() + 1);
            header.insert(at, (*name).to_owned());
        }
    }
    let mut set = Set {
        header,
        rows: Vec::new(),
    };
    let amounts: &[&str] = if setting == "patient" {
        &["400", "200", "0.5", "800"]
    } else {
        &["0.6", "0.2", "1", "0.05"]
    };
    let mut hour = 0.0;
    for id in 1..=source.range(1, 3) {
        for record in 0..source.range(1, 5) {
            hour = if record == 0 && set.column("ID").is_some() {
                0.0
            } else {
                hour + *source.pick(&[0.0, 1.0, 2.5, 12.0, 24.0])
            };
            let row = set.rows.len();
            set.rows.push(vec![".".to_owned(); set.header.len()]);
            set.put(row, "ID", id.to_string());
            set.put(row, "TIME", hour.to_string());
            set.put(row, "WT", if setting == "patient" { "70" } else { "0.02" });
            set.put(row, "AGE", "50");
            set.put(row, "exposure.clearance", "0.05");
            set.put(row, "C", ".");
            let dose = set.column("AMT").is_some() && source.chance(50);
            if dose {
                set.put(row, "AMT", source.word(amounts));
                set.put(row, "EVID", source.word(&["1", "1", "1", "4"]));
                set.put(row, "MDV", "1");
                given(source, &mut set, row);
            } else {
                set.put(row, "EVID", source.word(&["0", "0", "0", "2", "3"]));
                set.put(row, "CMT", source.word(&["2", "1", ".", "0"]));
                set.put(row, "DV", source.word(&[".", "1.5", "0"]));
            }
        }
    }
    set
}

/// How a dose is given.
fn given(source: &mut Source<'_>, set: &mut Set, row: usize) {
    let central = source.chance(40);
    set.put(row, "CMT", if central { "2" } else { "1" });
    if central && source.chance(40) {
        set.put(row, "RATE", source.word(&["0.1", "10", "100"]));
    }
    if source.chance(40) {
        set.put(row, "II", source.word(&["12", "24", "8", "1"]));
        if set.column("II").is_some() {
            set.put(row, "ADDL", source.word(&["1", "2", "5", "0"]));
            set.put(row, "SS", source.word(&["0", "0", "1", "2"]));
        }
    }
}

/// One to three cells at an edge.
fn edge(source: &mut Source<'_>, set: &mut Set) {
    for _ in 0..source.range(1, 3) {
        let row = source.below(set.rows.len());
        let column = source.below(set.header.len());
        let cell = match source.below(4) {
            0 => source.word(&[
                "", ".", "NA", " ", "N/A", "-99", "1d1", "1.5D+02", "\"1\"", "1e5", "BQL",
            ]),
            1 => source.word(&[
                "-1", "-2", "3", "4", "6", "7", "1000000", "10000", "0.0001", "1e-3",
            ]),
            _ => mutate::edge(source),
        };
        set.rows[row][column] = cell;
    }
    if source.chance(20) {
        let column = source.below(set.header.len());
        set.header[column] = source.word(&[
            "time",
            "Amt",
            "AMOUNT",
            "CMPT",
            "INTERVAL",
            "DUR",
            "ALAG1",
            "F1",
            "RATE",
            "PRED",
            "burden",
            "",
            "DATE",
            "BLQ",
            "hif.haf_loss",
        ]);
    }
}

/// One cell, row or column that cannot be used.
fn spoil(source: &mut Source<'_>, set: &mut Set) {
    let row = source.below(set.rows.len());
    // A row that begins with the mark of a comment is none.
    let numeric: Vec<usize> = (0..set.header.len())
        .filter(|column| {
            ["TIME", "AMT", "RATE", "II", "ADDL", "SS", "EVID", "CMT"]
                .contains(&set.header[*column].as_str())
        })
        .collect();
    let time = set.column("TIME").unwrap_or_default();
    match source.below(6) {
        0 => {
            let column = *source.pick(&numeric);
            set.rows[row][column] =
                source.word(&["abc", "inf", "1.2.3", "--1", "1e999", "0x10", "1h"]);
        }
        1 => set.header[time] = "xyzzy".to_owned(),
        2 => set.rows[row].push("1".to_owned()),
        3 => {
            let column = set.header[source.below(set.header.len())].clone();
            set.header.push(column);
            for row in &mut set.rows {
                row.push("1".to_owned());
            }
        }
        4 => {
            set.header.push("EVID".to_owned());
            for row in &mut set.rows {
                row.push("7".to_owned());
            }
        }
        _ => set.rows[row][time] = source.word(&["", ".", "1e999", "nan"]),
    }
}

/// A file as other programs write it: with a mark, a comment, empty rows and columns, or in another encoding.
fn dressed(source: &mut Source<'_>, content: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&content).into_owned();
    match source.below(7) {
        0 => [b"\xef\xbb\xbf".to_vec(), content].concat(),
        1 => format!("# a comment\n{text}").into_bytes(),
        2 => format!("{text}\n\n").into_bytes(),
        3 => text.replace('\n', ",,\n").into_bytes(),
        4 => [
            vec![0xff, 0xfe],
            text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ]
        .concat(),
        5 => format!("@{text}").into_bytes(),
        _ => [content, b"\xe9\xe8".to_vec()].concat(),
    }
}
