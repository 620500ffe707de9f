//! Populations: factors, correlations, plausible subjects.

use super::{PARAMS, params_file, words};
use crate::case::{Case, Expect, File};
use crate::mutate;
use crate::source::{Plan, Source};
use crate::world::World;
use toml::{Table, Value};

/// Numbers of a table of graded numbers, by place.
fn numbers<'a>(table: &'a mut Table, found: &mut Vec<&'a mut Table>) {
    for (_, value) in table.iter_mut() {
        if let Value::Table(inner) = value {
            match inner.contains_key("value") {
                true => found.push(inner),
                false => numbers(inner, found),
            }
        }
    }
}

/// A shipped file of graded numbers with one to three changed by the plan, as a file that is laid over it.
pub fn graded(
    source: &mut Source<'_>,
    world: &World,
    plan: Plan,
    folder: &str,
    name: &str,
) -> File {
    let mut table = world.document(folder, name);
    let mut found = Vec::new();
    numbers(&mut table, &mut found);
    let count = source.range(1, 3);
    for _ in 0..count {
        if found.is_empty() || !matches!(plan, Plan::Sound | Plan::Edge) {
            break;
        }
        let at = source.below(found.len());
        let entry = &mut *found[at];
        let end = |place: usize| {
            entry.get("range")?.get(place)?.as_float().or(entry
                .get("range")?
                .get(place)?
                .as_integer()
                .map(|n| n as f64))
        };
        let (low, high) = (end(0).unwrap_or(0.5), end(1).unwrap_or(1.0));
        if plan == Plan::Sound {
            entry.insert("value".to_owned(), Value::Float(source.within(low, high)));
        } else {
            entry.remove("range");
            let number = mutate::edge(source).parse().unwrap_or(1.0);
            entry.insert("value".to_owned(), Value::Float(number));
        }
    }
    match plan {
        Plan::Bad => spoil(source, &mut table),
        Plan::Edge if source.chance(40) => mutate::edge_leaf(source, &mut table),
        _ => {}
    }
    let mut content = table.to_string().into_bytes();
    if plan == Plan::Torn {
        mutate::tear(source, &mut content);
    }
    params_file(&format!("{folder}/{name}"), content)
}

/// Makes one number, or the file, wrong.
fn spoil(source: &mut Source<'_>, table: &mut Table) {
    let mut found = Vec::new();
    numbers(table, &mut found);
    if found.is_empty() {
        table.insert("xyzzy".to_owned(), Value::Float(1.0));
        return;
    }
    let at = source.below(found.len());
    let entry = &mut *found[at];
    match source.below(6) {
        0 => drop(entry.insert("value".to_owned(), Value::Float(f64::NAN))),
        1 => drop(entry.remove("unit")),
        2 => drop(entry.insert("unit".to_owned(), Value::String("cd".to_owned()))),
        3 => drop(entry.insert("grade".to_owned(), Value::String("guessed".to_owned()))),
        4 => drop(entry.insert("xyzzy".to_owned(), Value::Integer(1))),
        _ => drop(table.insert("xyzzy".to_owned(), Value::Float(1.0))),
    }
}

pub fn make(source: &mut Source<'_>, world: &World, plan: Plan) -> Case {
    let name = source.word(&world.names("populations"));
    let mut file = graded(source, world, plan, "populations", &name);
    // Factors of parameters that the setting has, for what is not of the file but of its paths.
    if plan == Plan::Edge && source.chance(20) {
        let word = mutate::bad_name(source, "hif.haf_loss");
        let line = format!(
            "\n[factor.own]\npaths = [{}]\nsd = {{ value = 0.3, unit = \"1\", grade = \"user\" }}\n",
            Value::String(word)
        );
        file.text = file.text.map(|text| text + &line);
    }
    let (expect, says) = match plan {
        Plan::Bad => (Expect::Refused, vec![format!("populations/{name}.toml")]),
        _ => (Expect::Any, Vec::new()),
    };
    let command = match source.below(10) {
        0..=7 => format!("read population {name} {PARAMS}"),
        _ => format!(
            "population {name} --subjects {} --no-figures --seed {} --out o --params {PARAMS}",
            source.range(1, 3),
            source.below(1000)
        ),
    };
    Case {
        expect,
        says,
        files: vec![file],
        command: words(&command),
        ..Case::default()
    }
}
