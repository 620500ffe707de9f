//! Runs with parameters of the command line: `--set`, and lanes against single runs.

use super::{arm, days};
use crate::case::{Case, Expect, Run};
use crate::mutate;
use crate::source::{Plan, Source};
use crate::world::{Number, SETTINGS, World};

pub fn make(source: &mut Source<'_>, world: &World, plan: Plan) -> Case {
    let mut run = Run {
        setting: source.word(&SETTINGS),
        arm: arm(source, world),
        days: Some(days(source)),
        mode: source.chance(30).then(|| "achievable".to_owned()),
        variant: source
            .chance(10)
            .then(|| source.word(&world.names("variants"))),
        phenotype: source
            .chance(5)
            .then(|| source.word(&["parental", "switch-prone", "hif1-dominant"])),
        ..Run::default()
    };
    let partner = run
        .arm
        .split('+')
        .find(|name| *name != "sorafenib" && *name != "vehicle")
        .map(str::to_owned);
    let setting = run.setting.clone();
    let mut expect = Expect::Any;
    let mut says = Vec::new();
    let count = source.range(1, 3);
    for at in 0..count {
        let (prefix, number) = match &partner {
            Some(partner) if source.chance(25) => (
                format!("partner.{partner}."),
                pick(source, world.numbers("partners", partner)),
            ),
            _ => (String::new(), parameter(source, world, &setting)),
        };
        let Some(number) = number else { continue };
        let path = format!("{prefix}{}", number.path);
        let value = number.entry.value.unwrap_or(1.0);
        let unit = if number.entry.unit.is_empty() {
            "1"
        } else {
            &number.entry.unit
        };
        let last = at + 1 == count;
        let text = match plan {
            Plan::Bad if last => {
                expect = Expect::Refused;
                says = vec!["--set".to_owned()];
                bad(source, &path, value, unit)
            }
            Plan::Edge if source.chance(70) => {
                format!("{path}={}", mutate::edge_quantity(source, value, unit))
            }
            Plan::Torn if last => {
                let text = format!("{path}={value} {unit}");
                mutate::tear_text(source, &text)
            }
            _ => {
                let (low, high) = number.entry.range.unwrap_or((value, value));
                format!("{path}={} {unit}", source.within(low, high))
            }
        };
        run.set.push(text);
    }
    let mut case = Case {
        expect,
        says,
        command: run.command(),
        ..Case::default()
    };
    match source.below(10) {
        0..=5 => case.command.push("--dry-run".to_owned()),
        6..=7 => {}
        _ => case.agree = Some(run),
    }
    case
}

fn pick<'a>(source: &mut Source<'_>, numbers: &'a [Number]) -> Option<&'a Number> {
    (!numbers.is_empty()).then(|| source.pick(numbers))
}

/// A parameter of a setting.
fn parameter<'a>(source: &mut Source<'_>, world: &'a World, setting: &str) -> Option<&'a Number> {
    let (biology, own) = (
        world.numbers("", "biology"),
        world.numbers("settings", setting),
    );
    let at = source.below(biology.len() + own.len());
    biology.get(at).or_else(|| own.get(at - biology.len()))
}

/// A change that nothing can take.
fn bad(source: &mut Source<'_>, path: &str, value: f64, unit: &str) -> String {
    match source.below(6) {
        0 => format!("{path}x={value} {unit}"),
        1 => format!("{path} {value} {unit}"),
        2 => format!("={value} {unit}"),
        3 => format!("partner.xyzzy.{path}={value} {unit}"),
        _ => format!("{path}={}", mutate::bad_quantity(source, value, unit)),
    }
}
