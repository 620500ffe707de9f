//! Files of graded numbers laid over the shipped ones.

use super::{PARAMS, arm, days, params_file, words};
use crate::case::{Case, Expect, File, Run};
use crate::mutate;
use crate::source::{Plan, Source};
use crate::world::{Number, SETTINGS, World};
use toml::Value;

/// The keys of an entry with their values as TOML.
type Fields = Vec<(&'static str, String)>;

pub fn make(source: &mut Source<'_>, world: &World, plan: Plan) -> Case {
    let folder = source.word(&[
        "",
        "",
        "",
        "settings",
        "settings",
        "partners",
        "partners",
        "phenotypes",
        "variants",
    ]);
    let name = match folder.as_str() {
        "" => "biology".to_owned(),
        folder => source.word(&world.names(folder)),
    };
    let mut run = Run {
        setting: match folder.as_str() {
            "settings" => name.clone(),
            _ => source.word(&SETTINGS),
        },
        arm: arm(source, world),
        days: Some(days(source)),
        mode: source.chance(30).then(|| "achievable".to_owned()),
        params: Some(PARAMS.to_owned()),
        ..Run::default()
    };
    match folder.as_str() {
        "partners" => run.arm = format!("sorafenib+{name}"),
        "phenotypes" => run.phenotype = Some(name.clone()),
        "variants" => run.variant = Some(name.clone()),
        _ => {}
    }
    let path = match folder.as_str() {
        "" => name.clone(),
        folder => format!("{folder}/{name}"),
    };
    let known: Vec<&Number> = world
        .numbers(&folder, &name)
        .iter()
        .filter(|n| n.entry.value.is_some())
        .collect();
    if known.is_empty() {
        return Case {
            command: words("params check --params p"),
            files: vec![params_file(&path, "")],
            ..Case::default()
        };
    }
    let mut numbers: Vec<&Number> = Vec::new();
    for _ in 0..source.range(1, 3) {
        let number = *source.pick(&known);
        if !numbers.iter().any(|other| other.path == number.path) {
            numbers.push(number);
        }
    }
    let mut expect = Expect::Any;
    let same = plan == Plan::Sound && source.chance(30);
    let mut entries: Vec<(String, String)> = numbers
        .iter()
        .map(|number| {
            let mut fields = fields(number);
            if !same {
                vary(source, number, plan, &mut fields);
            }
            (number.path.clone(), inline(&fields))
        })
        .collect();
    // A partner whose potency is not known is refused in runs that need it.
    if same && run.mode.is_none() {
        expect = Expect::Done;
    }
    let mut text_after = String::new();
    if plan == Plan::Bad {
        expect = Expect::Refused;
        let graded = folder.is_empty() || folder == "settings";
        let last = entries.len() - 1;
        spoil(
            source,
            numbers[last],
            graded,
            &mut entries[last],
            &mut text_after,
        );
    }
    let mut content = text(&entries);
    content.push_str(&text_after);
    let mut content = content.into_bytes();
    if plan == Plan::Torn {
        mutate::tear(source, &mut content);
    }
    let mut files = vec![params_file(&path, content)];
    if plan == Plan::Edge && source.chance(10) {
        files.push(misplaced(source));
    }
    let says = if plan == Plan::Bad {
        vec![format!("{path}.toml")]
    } else {
        Vec::new()
    };
    finish(source, plan, expect, says, files, run)
}

/// The command that reads the files.
fn finish(
    source: &mut Source<'_>,
    plan: Plan,
    expect: Expect,
    says: Vec<String>,
    files: Vec<File>,
    run: Run,
) -> Case {
    let mut case = Case {
        expect,
        says,
        files,
        command: run.command(),
        ..Case::default()
    };
    match source.below(100) {
        0 if plan != Plan::Bad => case.command = words("params check --params p"),
        1..=20 if plan != Plan::Bad => {
            case.command = words("params show");
            case.command.push(source.word(&[
                "hif.",
                "xenograft",
                "patient",
                "pt2385",
                "resistant",
                "no_switch",
                "sorafenib.",
            ]));
            case.command.extend(words("--params p"));
            if expect == Expect::Done {
                case.command[2] = "hif.".to_owned();
            }
        }
        21..=35 => case.agree = source.chance(40).then_some(run),
        _ => case.command.push("--dry-run".to_owned()),
    }
    case
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// The fields of a number as shipped.
fn fields(number: &Number) -> Fields {
    let entry = &number.entry;
    let mut fields = vec![
        ("value", float(entry.value.unwrap_or(1.0))),
        ("unit", quoted(&entry.unit)),
        ("grade", quoted(&entry.grade.to_string())),
        ("note", quoted("changed")),
    ];
    if let Some(source) = &entry.source {
        fields.push(("source", quoted(source)));
    }
    if let Some((low, high)) = entry.range {
        fields.push(("range", format!("[{}, {}]", float(low), float(high))));
    }
    fields
}

/// A number as TOML has it.
pub fn float(value: f64) -> String {
    format!("{value:?}")
}

fn set(fields: &mut Fields, key: &'static str, value: String) {
    fields.retain(|(name, _)| *name != key);
    fields.push((key, value));
}

/// Another value within the range, or one at the edge without a range.
fn vary(source: &mut Source<'_>, number: &Number, plan: Plan, fields: &mut Fields) {
    let (low, high) = number.entry.range.unwrap_or((0.5, 2.0));
    if plan != Plan::Edge || source.chance(40) {
        set(fields, "value", float(source.within(low, high)));
        return;
    }
    fields.retain(|(name, _)| *name != "range");
    match source.below(4) {
        0 => set(fields, "unit", quoted(&source.word(&mutate::UNITS))),
        1 => set(
            fields,
            "range",
            format!("[{}, {}]", mutate::edge(source), mutate::edge(source)),
        ),
        _ => set(fields, "value", mutate::edge(source)),
    }
}

/// Makes one thing of an entry, or after all entries, wrong.
fn spoil(
    source: &mut Source<'_>,
    number: &Number,
    graded: bool,
    entry: &mut (String, String),
    after: &mut String,
) {
    let mut fields = fields(number);
    let (low, high) = number.entry.range.unwrap_or((0.5, 2.0));
    match source.below(14) {
        0 => set(
            &mut fields,
            "value",
            source.word(&["nan", "inf", "-inf", "\"1\"", "true", "[1.0]"]),
        ),
        1 => {
            set(
                &mut fields,
                "range",
                format!("[{}, {}]", float(low), float(high)),
            );
            set(&mut fields, "value", float(high.abs() * 2.0 + 1.0));
        }
        2 => fields.retain(|(key, _)| *key != "unit"),
        3 => set(&mut fields, "grade", quoted("guessed")),
        4 => {
            set(&mut fields, "grade", quoted("verified"));
            fields.retain(|(key, _)| *key != "source");
        }
        5 => {
            set(&mut fields, "grade", quoted("assumed"));
            fields.retain(|(key, _)| *key != "note");
        }
        6 => fields.push(("rnage", "[1.0, 2.0]".to_owned())),
        7 => set(
            &mut fields,
            "range",
            format!("[{}, {}]", float(high + 1.0), float(low)),
        ),
        8 => entry.0.push('x'),
        9 => set(&mut fields, "unit", quoted(&source.word(&mutate::NO_UNITS))),
        10 if graded => {
            let other = if number.entry.unit == "cd" {
                "mg"
            } else {
                "cd"
            };
            set(&mut fields, "unit", quoted(other));
        }
        11 => {
            entry.1 = "3.0".to_owned();
            return;
        }
        12 => {
            *after = format!("\n{} = {}\n", entry.0, inline(&fields));
            *after = after.repeat(2);
            return;
        }
        _ => *after = "\n[xyzzy\n".to_owned(),
    }
    entry.1 = inline(&fields);
}

fn inline(fields: &Fields) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(key, value)| format!("{key} = {value}"))
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

/// Entries as a file.
fn text(entries: &[(String, String)]) -> String {
    entries
        .iter()
        .map(|(path, entry)| format!("{path} = {entry}\n"))
        .collect()
}

/// A file where none means anything, or of a name that looks like one that does.
fn misplaced(source: &mut Source<'_>) -> File {
    let path = source.word(&[
        "p/biology.TOML",
        "p/Biology.toml",
        "p/xyzzy/a.toml",
        "p/a.toml",
        "p/partners/..toml",
        "p/partners/vehicle.toml",
        "p/partners/a+b.toml",
        "p/partners/=a.toml",
        "p/regimens/a b.toml",
        "p/.hidden.toml",
        "p/partners/sub/a.toml",
    ]);
    File::new(path, "title = \"x\"\n")
}
