//! Regimens: shipped ones with changes, and others of any courses.

use super::{PARAMS, arm, params_file, words};
use crate::case::{Case, Expect, Run};
use crate::mutate;
use crate::source::{Plan, Source};
use crate::world::{SETTINGS, World};
use toml::{Table, Value};

/// Name of the regimen of an input.
const NAME: &str = "own";

pub fn make(source: &mut Source<'_>, world: &World, plan: Plan) -> Case {
    let setting = source.word(&SETTINGS);
    let shipped: Vec<&str> = world
        .names("regimens")
        .into_iter()
        .filter(|name| name.starts_with(&setting))
        .collect();
    let mut table = match source.chance(30) && !shipped.is_empty() {
        true => world.document("regimens", &source.word(&shipped)),
        false => regimen(source, &setting),
    };
    let mut expect = Expect::Any;
    let mut says = Vec::new();
    match plan {
        Plan::Edge => mutate::edge_leaf(source, &mut table),
        Plan::Bad => {
            expect = Expect::Refused;
            says.push(format!("regimens/{NAME}.toml"));
            mutate::spoil_leaf(source, &mut table);
        }
        _ => {}
    }
    let mut content = table.to_string().into_bytes();
    if plan == Plan::Torn {
        mutate::tear(source, &mut content);
    }
    let run = Run {
        setting,
        arm: arm(source, world),
        regimen: Some(NAME.to_owned()),
        mode: source.chance(30).then(|| "achievable".to_owned()),
        days: source.chance(70).then(|| super::days(source)),
        params: Some(PARAMS.to_owned()),
        ..Run::default()
    };
    let mut case = Case {
        expect,
        says,
        files: vec![params_file(&format!("regimens/{NAME}"), content)],
        command: run.command(),
        ..Case::default()
    };
    match source.below(20) {
        0..=9 => case.command = words(&format!("read regimen {NAME} {PARAMS}")),
        10..=16 => case.command.push("--dry-run".to_owned()),
        17 if run.days.is_some() => {}
        _ if run.days.is_some() => case.agree = Some(run),
        _ => case.command.push("--dry-run".to_owned()),
    }
    case
}

fn text(text: impl Into<String>) -> Value {
    Value::String(text.into())
}

/// A regimen of up to three courses each, three steps of oxygen and two operations.
fn regimen(source: &mut Source<'_>, setting: &str) -> Table {
    let mut table = Table::new();
    table.insert("title".to_owned(), text("a regimen"));
    table.insert("setting".to_owned(), text(setting));
    table.insert(
        "duration".to_owned(),
        text(source.word(&["1 d", "2 d", "36 h", "3 d", "0.5 week"])),
    );
    if source.chance(30) {
        let at = source.word(&["1 d", "12 h", "0.3 d", "2 d"]);
        table.insert("evaluations".to_owned(), Value::Array(vec![text(at)]));
    }
    let amounts: &[&str] = match setting {
        "culture" => &["5 µM", "1 µM", "0 nM", "100 nM", "20 uM"],
        "xenograft" => &["30 mg/kg", "10 mg/kg", "0.6 mg", "0 mg", "100 mg/kg"],
        _ => &["400 mg", "200 mg", "0 mg", "800 mg", "5 mg/kg"],
    };
    let mut list = |source: &mut Source<'_>,
                    key: &str,
                    most: usize,
                    make: &dyn Fn(&mut Source<'_>) -> Table| {
        let items: Vec<Value> = (0..source.range(0, most))
            .map(|_| Value::Table(make(source)))
            .collect();
        if !items.is_empty() {
            table.insert(key.to_owned(), Value::Array(items));
        }
    };
    list(source, "sorafenib", 3, &|source| {
        course(source, amounts, true)
    });
    list(source, "partner", 2, &|source| {
        course(source, &["10 mg", "1 mg/kg"], false)
    });
    if setting == "culture" {
        list(source, "oxygen", 3, &|source| {
            let at = source.word(&["0 h", "12 h", "1 d", "30 h"]);
            let level = source.word(&["7.6 mmHg", "150 mmHg", "1 kPa", "0.5 mmHg", "40 mmHg"]);
            Table::from_iter([
                ("at".to_owned(), text(at)),
                ("oxygen".to_owned(), text(level)),
            ])
        });
        if source.chance(50) {
            table.insert(
                "oxygen_before".to_owned(),
                text(source.word(&["7.6 mmHg", "150 mmHg"])),
            );
        }
    } else if source.chance(30) {
        list(source, "resection", 2, &|source| {
            let at = source.word(&["0 h", "12 h", "1 d", "30 h"]);
            let removed = *source.pick(&[0.0, 0.5, 0.9, 0.999]);
            Table::from_iter([
                ("at".to_owned(), text(at)),
                ("removed".to_owned(), Value::Float(removed)),
            ])
        });
    }
    table
}

fn course(source: &mut Source<'_>, amounts: &[&str], needed: bool) -> Table {
    let mut course = Table::new();
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            course.insert(key.to_owned(), value);
        }
    };
    let mut some =
        |percent: usize, words: &[&str]| source.chance(percent).then(|| text(source.word(words)));
    add("amount", some(if needed { 98 } else { 10 }, amounts));
    add("loading", some(15, amounts));
    add(
        "interval",
        some(
            60,
            &["12 h", "24 h", "8 h", "1 h", "2.5 d", "7 h", "10 min"],
        ),
    );
    add("start", some(30, &["0 h", "1 h", "12 h", "1 d", "7 h"]));
    add("stop", some(30, &["2 d", "25 h", "3 d", "13 h", "1 week"]));
    add(
        "infusion",
        some(10, &["1 h", "2 h", "30 min", "12 h", "20 h"]),
    );
    if let (Some(on), Some(off)) = (
        some(15, &["1 d", "12 h", "5 d"]),
        some(100, &["1 d", "12 h", "2 d"]),
    ) {
        let cycle = Table::from_iter([("on".to_owned(), on), ("off".to_owned(), off)]);
        add("cycle", Some(Value::Table(cycle)));
    }
    course
}
