//! How data sets are read: encodings, marks, missing values, units, names of columns; and what is said of what is
//! not used.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use assert_cmd::Command;
use hif_switch::interchange::{DataSet, Reading};
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::report::OUTPUTS;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::table::{Cell, Table};
use std::sync::LazyLock;

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::shipped);

/// One compartment of 20 L, everything absorbed.
const OVERRIDES: [(&str, &str); 4] = [
    ("exposure.body_weight", "20 kg"),
    ("exposure.clearance", "0.055 L/h/kg"),
    ("exposure.volume", "1 L/kg"),
    ("exposure.saturation_dose", "1000000000 mg/kg"),
];

fn scenario() -> Scenario {
    let overrides = OVERRIDES.map(|(path, value)| (path.to_owned(), value.to_owned()));
    Scenario {
        overrides: overrides.to_vec(),
        ..Scenario::new("xenograft", Arm::sorafenib())
    }
}

/// Reads with a unit of time and with columns taken for others (`LAGT=ALAG2`).
fn read(bytes: &[u8], time_unit: Option<&str>, names: &[&str]) -> hif_switch::Result<DataSet> {
    let parameters = scenario().parameters(&LIBRARY)?;
    let pair = |text: &&str| {
        let (name, meaning) = text.split_once('=').unwrap();
        (name.to_owned(), meaning.to_owned())
    };
    let reading = Reading {
        time_unit: time_unit.map(str::to_owned),
        names: names.iter().map(pair).collect(),
        ..Reading::new(&parameters)
    };
    DataSet::read("doses.csv", bytes, &reading)
}

fn answer(set: &DataSet) -> Table {
    set.answer(&LIBRARY, &scenario(), &Accuracy::default(), &[])
        .unwrap()
}

fn central(set: &DataSet) -> Vec<f64> {
    let table = answer(set);
    let at = table
        .columns
        .iter()
        .position(|c| c.name == "sorafenib_central_mg")
        .unwrap();
    let number = |row: &Vec<Cell>| match row[at] {
        Cell::Number(Some(number)) => number,
        _ => panic!("no number"),
    };
    table.rows.iter().map(number).collect()
}

/// What is left of 100 mg after `hours`, of an infusion over `length` h if that is above 0.
fn left(hours: f64, length: f64) -> f64 {
    let k: f64 = 0.055;
    if length <= 0.0 {
        return 100.0 * (-k * hours).exp();
    }
    let filled = 100.0 / length / k * (1.0 - (-k * hours.min(length)).exp());
    filled * (-k * (hours - length).max(0.0)).exp()
}

fn assert_near(name: &str, values: &[f64], expected: &[f64]) {
    assert_eq!(values.len(), expected.len(), "{name}: {values:?}");
    for (value, expected) in values.iter().zip(expected) {
        assert!(
            (value - expected).abs() <= 1e-4 * expected.max(1.0),
            "{name}: {values:?}, not {expected}"
        );
    }
}

fn utf16(text: &str, mark: bool, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let marked = if mark {
        format!("\u{feff}{text}")
    } else {
        text.to_owned()
    };
    marked.encode_utf16().flat_map(unit).collect()
}

#[test]
fn the_same_records_in_many_shapes() {
    let plain = "ID,TIME,AMT,EVID,CMT,NOTE\n1,0,100,1,2,a\n1,1,.,0,2,b\n";
    let expected = [100.0, left(1.0, 0.0)];
    let shapes: Vec<(&str, Vec<u8>)> = vec![
        ("plain", plain.into()),
        ("byte order mark", format!("\u{feff}{plain}").into()),
        ("UTF-16, little end first", utf16(plain, true, u16::to_le_bytes)),
        ("UTF-16, big end first", utf16(plain, true, u16::to_be_bytes)),
        ("UTF-16 without mark", utf16(plain, false, u16::to_le_bytes)),
        ("UTF-16 without mark, big", utf16(plain, false, u16::to_be_bytes)),
        ("UTF-16 with tabulators", utf16(&plain.replace(',', "\t"), true, u16::to_le_bytes)),
        ("Latin-1", plain.replace('b', "caf~").bytes().map(|b| if b == b'~' { 0xe9 } else { b }).collect()),
        ("tabulators", plain.replace(',', "\t").into()),
        ("lines of Windows", plain.replace('\n', "\r\n").into()),
        ("lines of old", plain.replace('\n', "\r").into()),
        ("blanks", plain.replace(',', " , ").into()),
        ("quotes", "\"ID\",\"TIME\",\"AMT\",\"EVID\",\"CMT\"\n\"1\",\"0\",\"100\",\"1\",\"2\"\n\"1\",\"1\",\".\",\"0\",\"2\"\n".into()),
        ("header marked @", format!("@{plain}").into()),
        ("header marked #", format!("#{plain}").into()),
        ("header marked # and blank", format!("# {plain}").into()),
        ("quoted header marked #", "\"#ID\",\"TIME\",\"AMT\",\"EVID\",\"CMT\"\n1,0,100,1,2\n1,1,.,0,2\n".into()),
        ("comment, then header", format!("# ID, doses and samples\n\n{plain}").into()),
        ("comment that names TIME, then header", format!("# TIME,AMT\n{plain}").into()),
        ("comments between", "#ID,TIME,AMT,EVID,CMT\n# first\n1,0,100,1,2\n#1,0,900,1,2\n@ a note\n1,1,.,0,2\n".into()),
        ("empty columns and rows", ",,\nID,TIME,AMT,EVID,CMT,,\n1,0,100,1,2,,\n,,,,,,\n1,1,.,0,2,,\n,,\n".into()),
        ("empty cells beyond the header", "ID,TIME,AMT,EVID,CMT\n1,0,100,1,2,,\n1,1,.,0,2\n\n".into()),
        ("an empty column between", "ID,TIME,,AMT,EVID,CMT\n1,0,,100,1,2\n1,1,,.,0,2\n".into()),
        ("missing values", "ID,TIME,AMT,EVID,CMT,RATE,II,SS,DV\n1,0,100,1,2,NA,NaN,N/A,NA\n1,1,NA,0,2,,.,na,\n".into()),
        ("Fortran", "ID,TIME,AMT,EVID,CMT\n1,0.0D+00,1.0D+02,1,2\n1,1.d0,.,0,2\n".into()),
        ("rows marked C", "C,ID,TIME,AMT,EVID,CMT\n.,1,0,100,1,2\nC,1,0,900,1,2\n,1,1,.,0,2\nc excluded,1,1,9,1,2\n".into()),
        ("first cells marked C", "ID,TIME,AMT,EVID,CMT\n1,0,100,1,2\nC,0,900,1,2\nC 1,0,900,1,2\n1,1,.,0,2\n".into()),
        ("any case, any order", "cmt,evid,amt,Time,Id\n2,1,1E2,0,one\n2,0,,1,one\n".into()),
        ("subjects as numbers", "ID,TIME,AMT,EVID,CMT\n1,0,100,1,2\n1.0,1,.,0,2\n".into()),
    ];
    for (name, bytes) in shapes {
        let set = read(&bytes, None, &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(set.subjects(), 1, "{name}");
        assert_near(name, &central(&set), &expected);
    }
}

#[test]
fn numbers_of_fortran_are_told_from_dates_and_ranges() {
    for (text, right) in [
        ("1.0D+02", true),
        ("1.0d2", true),
        ("10.0D01", true),
        ("+1e2", true),
        ("1.0+002", true),
        ("1-2", false),
        ("1.0+2", false),
        ("2020-01", false),
        ("1D", false),
        ("D2", false),
        ("1,5", false),
        ("0x64", false),
        ("1_00", false),
        ("inf", false),
        ("100 mg", false),
    ] {
        let file = format!("TIME,AMT,CMT\n0,\"{text}\",2\n");
        match read(file.as_bytes(), None, &[]) {
            Ok(set) => {
                assert!(right, "{text}");
                assert_near(text, &central(&set), &[100.0]);
            }
            Err(error) => {
                assert!(!right, "{error}");
                assert!(error.to_string().contains("column 2 (AMT)"), "{error}");
            }
        }
    }
}

#[test]
fn encodings_that_cannot_be_read_are_refused() {
    for (bytes, needle) in [
        (&b"\xff\xfe\0\0T\0\0\0"[..], "UTF-32"),
        (&b"TIME,AMT,NOTE\n0,1,\x93a\x94\n"[..], "line 2, byte 0x93"),
        (&b"TIME,AMT\n0,1\0\n"[..], "no text"),
        (&b"\xff\xfeT\0\0\xd8"[..], "UTF-16"),
        (&b""[..], "no header"),
        (&b"\n,,\n"[..], "no header"),
    ] {
        let error = read(bytes, None, &[]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(
            error.contains("doses.csv") && error.contains(needle),
            "{needle}: {error}"
        );
    }
    let set = read(b"TIME,AMT,NOTE\n0,1,\xe9\n", None, &[]).unwrap();
    assert!(
        set.warnings()[0].contains("doses.csv:2: no UTF-8"),
        "{:?}",
        set.warnings()
    );
    assert_eq!(set.rows[0][2], "\u{e9}");
}

#[test]
fn times_have_the_unit_that_is_declared() {
    let days = "TIME,AMT,EVID,CMT,DUR,II,ADDL,ALAG\n0,100,1,2,0.125,0.5,1,0.25\n0.5,.,0,2,.,.,.,.\n1,.,0,2,.,.,.,.\n";
    let expected = [0.0, left(6.0, 3.0), left(18.0, 3.0) + left(6.0, 3.0)];
    let header = |unit: &str| days.replacen("TIME", unit, 1);
    for (name, text, unit) in [
        ("option", days.to_owned(), Some("d")),
        ("header", header("TIME [d]"), None),
        ("header in parentheses", header("TIME (day)"), None),
        ("header and option", header("TIME [d]"), Some("d")),
        (
            "of one column",
            days.replace("DUR", "DUR [h]").replace("0.125", "3"),
            Some("d"),
        ),
    ] {
        let set =
            read(text.as_bytes(), unit, &[]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_near(name, &central(&set), &expected);
    }
    for (name, text, unit) in [
        (
            "a rate goes with the time",
            "TIME,AMT,EVID,CMT,RATE\n0,100,1,2,800\n0.25,.,0,2,.\n",
            "d",
        ),
        (
            "a unit of its own",
            "TIME,AMT,EVID,CMT,RATE [mg/h]\n0,100,1,2,33.333333333\n0.25,.,0,2,.\n",
            "d",
        ),
        (
            "a modelled rate",
            "TIME,AMT,EVID,CMT,RATE,R2\n0,100,1,2,-1,800\n0.25,.,0,2,.,.\n",
            "d",
        ),
        (
            "a modelled duration",
            "TIME,AMT,EVID,CMT,RATE,D2\n0,100,1,2,-2,180\n360,.,0,2,.,.\n",
            "min",
        ),
        (
            "amounts",
            "TIME,AMT [ug],EVID,CMT,DUR\n0,100000,1,2,180\n360,.,0,2,.\n",
            "min",
        ),
    ] {
        let set = read(text.as_bytes(), Some(unit), &[])
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_near(name, &central(&set), &[0.0, left(6.0, 3.0)]);
    }
    for (text, unit, needle) in [
        ("TIME [mg],AMT\n0,1\n", None, "column 1 (TIME [mg])"),
        ("TIME,AMT\n0,1\n", Some("mg"), "--time-unit mg"),
        ("TIME,AMT\n0,1\n", Some("florps"), "--time-unit florps"),
        ("TIME [d],AMT\n0,1\n", Some("h"), "column 1 (TIME [d])"),
    ] {
        let error = read(text.as_bytes(), unit, &[]).unwrap_err().to_string();
        assert!(error.contains(needle), "{needle}: {error}");
    }
    let set = read(
        b"TIME,CMT,AMT,DV [ng/mL]\n0,2,100,.\n1,2,.,5000\n",
        None,
        &[],
    )
    .unwrap();
    let table = answer(&set);
    let at = |name: &str| table.columns.iter().position(|c| c.name == name).unwrap();
    let Cell::Number(Some(residual)) = table.rows[1][at("IRES")] else {
        panic!("no residual");
    };
    assert_near(
        "DV in its unit",
        &[residual],
        &[5.0 - left(1.0, 0.0) / 20.0],
    );
}

#[test]
fn columns_with_a_meaning_that_is_not_understood_are_refused() {
    for (column, needle) in [
        ("AMOUNT", "AMT"),
        ("Dose", "AMT"),
        ("CMPT", "CMT"),
        ("ADM", "CMT"),
        ("INTERVAL", "II"),
        ("tau", "II"),
        ("CENS", "MDV"),
        ("LIMIT", "MDV"),
        ("BLQ", "MDV"),
        ("LLOQ", "MDV"),
        ("OCC", "EVID 3"),
        ("YTYPE", "CMT"),
        ("DVID", "CMT"),
        ("L2", "not known"),
        ("CALL", "not known"),
        ("CONT", "not known"),
        ("PCMT", "CMT"),
        ("DATE", "--time-unit"),
        ("DAT1", "--time-unit"),
        ("CONC", "DV"),
        ("SUBJ", "ID"),
        ("WEIGHT", "WT"),
        ("DURATION", "DUR"),
        ("EXCLUDE", "column C"),
        ("UNITS", "header"),
        // Slips of what is understood, and of what is not.
        ("AMTT", "`AMT`"),
        ("ATM", "`AMT`"),
        ("EVD", "`EVID`"),
        ("CTM", "`CMT`"),
        ("RTAE", "`RATE`"),
        ("ADL", "`ADDL`"),
        ("ALAG7", "`ALAG`"),
        ("MDVV", "`MDV`"),
        ("SSS", "`SS`"),
        ("R_ATE", "`RATE`"),
        ("AMOUMT", "`AMOUNT`"),
    ] {
        let text = format!("TIME,{column}\n0,1\n");
        let error = read(text.as_bytes(), None, &[]).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{column}");
        let error = error.to_string();
        for needle in [needle, "doses.csv:1, column 2", "=DROP"] {
            assert!(error.contains(needle), "{column}, {needle}: {error}");
        }
        let map = format!("{column}=DROP");
        let set = read(text.as_bytes(), None, &[&map]).unwrap_or_else(|error| panic!("{error}"));
        assert!(set.warnings().is_empty(), "{column}: {:?}", set.warnings());
    }
    for (text, needle) in [
        ("TIME,ALAG,LAG\n0,1,2\n", "same as column 2"),
        ("TIME,ALAG1,LAGT\n0,1,2\n", "same as column 2"),
        ("TIME,DUR,TINF\n0,1,2\n", "same as column 2"),
        ("TIME,amt,AMT\n0,1,2\n", "twice"),
        ("TIME,AMT,\n0,1,5\n", "column 3: the column has no name"),
        ("ID,TIME,AMT\n1,0,1\nC2,0,1\n", "IGNORE=C"),
    ] {
        let error = read(text.as_bytes(), None, &[]).unwrap_err().to_string();
        assert!(error.contains(needle), "{needle}: {error}");
    }
}

#[test]
fn columns_that_are_not_used_are_named_once() {
    let text = "ID,TIME,AMT,CMT,DV,MDV,AGE,NOTE,ALAG1,F2,R2,PRED,WT\n1,0,100,2,.,1,60,x,2,1,5,1,20\n1,1,.,2,4,0,60,.,.,.,.,1,20\n";
    let set = read(text.as_bytes(), None, &[]).unwrap();
    assert_eq!(
        set.warnings(),
        ["doses.csv:1: columns that are not used: AGE, NOTE, ALAG1, R2, PRED"]
    );
    let none = read(b"ID,TIME,AMT,CMT,RATE,R2\n1,0,100,2,-1,5\n", None, &[]).unwrap();
    assert!(none.warnings().is_empty(), "{:?}", none.warnings());
}

#[test]
fn orders_of_rows_that_may_not_be_meant_are_named() {
    let by_time = "ID,TIME,AMT,CMT\n1,0,100,2\n2,0,100,2\n1,1,.,2\n2,1,.,2\n";
    let set = read(by_time.as_bytes(), None, &[]).unwrap();
    assert_eq!(set.subjects(), 4);
    let [warning] = set.warnings() else {
        panic!("{:?}", set.warnings());
    };
    for needle in ["doses.csv:4", "subject 1", "sorted by ID"] {
        assert!(warning.contains(needle), "{warning}");
    }
    let filled = "ID,TIME,AMT,CMT,DV\n1,0,100,2,.\n1,1,100,2,4.5\n";
    let set = read(filled.as_bytes(), None, &[]).unwrap();
    assert!(
        set.warnings()[0].contains("doses.csv:3"),
        "{:?}",
        set.warnings()
    );
    let marked = "C,ID,TIME,AMT,CMT\n.,1,0,100,2\nC,1,0,900,2\nx,1,1,.,2\n";
    let set = read(marked.as_bytes(), None, &[]).unwrap();
    assert_eq!(set.warnings().len(), 2, "{:?}", set.warnings());
}

#[test]
fn columns_are_taken_for_what_the_caller_says() {
    let text = "SUBJ,HOURS,DOSE,CMPT,LAGT\n1,0,100,2,2\n1,3,.,2,.\n";
    for names in [
        [
            "SUBJ=ID",
            "HOURS=TIME",
            "DOSE=AMT",
            "CMPT=CMT",
            "LAGT=ALAG2",
        ],
        [
            "ID=SUBJ",
            "TIME=HOURS",
            "AMT=DOSE",
            "CMT=CMPT",
            "lagt=alag2",
        ],
    ] {
        let set = read(text.as_bytes(), None, &names).unwrap();
        assert_near("mapped", &central(&set), &[0.0, left(1.0, 0.0)]);
        assert!(set.warnings().is_empty());
    }
    let cleared = b"TIME,AMT,CMT,CLR\n0,100,2,0.11\n1,.,2,0.11\n";
    let set = read(cleared, None, &["CLR=exposure.clearance"]).unwrap();
    assert_near("a parameter", &central(&set), &[100.0, left(2.0, 0.0)]);
    for (name, needle) in [
        ("LAG=ALAG2", "unknown column `LAG`"),
        ("LAGT=ALAGG", "unknown meaning of a column `ALAGG`"),
        ("AMT=exposure.clearence", "exposure.clearance"),
    ] {
        let text = b"ID,HOURS,AMT,CMT,LAGT\n1,0,100,2,2\n";
        let error = read(text, None, &["HOURS=TIME", name])
            .unwrap_err()
            .to_string();
        assert!(error.contains(needle), "{needle}: {error}");
    }
}

#[test]
fn names_of_the_input_never_collide_with_those_of_the_answer() {
    let text = "ID,TIME,AMT,CMT,pred,data_PRED,Sensitive,IRES,DV\n1,0,100,2,1,2,3,4,.\n1,1,.,2,5,6,7,8,9\n";
    let set = read(text.as_bytes(), None, &[]).unwrap();
    let table = answer(&set);
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|c| c.name.to_lowercase())
        .collect();
    for (i, name) in names.iter().enumerate() {
        assert!(!names[..i].contains(name), "{name} stands twice");
    }
    assert_eq!(
        names[..9],
        [
            "id",
            "time",
            "amt",
            "cmt",
            "data_data_pred",
            "data_pred",
            "data_sensitive",
            "data_ires",
            "dv"
        ]
    );
    assert_eq!(table.rows[1][4], Cell::from("5"));
    // An answer is a data set again.
    let again = |table: &Table| {
        let set = read(&table.to_csv().unwrap(), None, &[]).unwrap();
        let parameters = set.answer(&LIBRARY, &scenario(), &Accuracy::default(), &OUTPUTS);
        parameters.unwrap()
    };
    let once = again(&table);
    let twice = again(&once);
    assert!(twice.columns.len() > once.columns.len());
    for (i, column) in twice.columns.iter().enumerate() {
        let above = &twice.columns[..i];
        assert!(
            !above
                .iter()
                .any(|c| c.name.eq_ignore_ascii_case(&column.name)),
            "{} stands twice",
            column.name
        );
    }
}

#[test]
fn the_command_line_warns_and_gives_the_columns_that_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("doses.csv");
    std::fs::write(
        &data,
        "ID,TIME,AMT,CMT,DV,AGE,burden\n1,0,100,2,.,60,1\n1,1,.,2,4.5,60,1\n",
    )
    .unwrap();
    let run = |more: &[&str]| {
        let mut command = Command::cargo_bin("hif-switch").unwrap();
        command.args([
            "simulate",
            "--setting",
            "xenograft",
            "--arm",
            "sorafenib",
            "--data",
        ]);
        command.arg(&data);
        for (path, value) in OVERRIDES {
            command.args(["--set", &format!("{path}={value}")]);
        }
        let output = command.args(more).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (code, out, err) = run(&["--columns", "TIME,PRED,IRES"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("TIME,PRED,IRES\n0,5,\n1,4.73"), "{out}");
    assert_eq!(err.matches("AGE").count(), 1, "{err}");
    assert!(err.contains("data_burden"), "{err}");
    let (code, out, err) = run(&["--columns", "TIME,PRDE"]);
    assert!(
        code == Some(2) && out.is_empty() && err.contains("did you mean `PRED`"),
        "{err}"
    );
    let (code, _, err) = run(&["--columns", "TIME,TIME"]);
    assert!(code == Some(2) && err.contains("twice"), "{err}");
    let (code, _, err) = run(&["--map", "AGE"]);
    assert!(code == Some(2) && err.contains("--map AGE"), "{err}");
    let (_, _, err) = run(&["--quiet", "--columns", "TIME"]);
    assert!(err.is_empty(), "{err}");
    let csv = folder.path().join("course.csv");
    Command::cargo_bin("hif-switch")
        .unwrap()
        .args([
            "simulate",
            "--days",
            "1",
            "--every",
            "12h",
            "--columns",
            "time_h,burden",
            "--csv",
        ])
        .arg(&csv)
        .assert()
        .success();
    let course = std::fs::read_to_string(&csv).unwrap();
    assert!(
        course.starts_with("time_h,burden\n0,") && course.lines().count() == 4,
        "{course}"
    );
    Command::cargo_bin("hif-switch")
        .unwrap()
        .args(["simulate", "--columns", "burden"])
        .assert()
        .code(2);
}
