//! Command lines.

use super::{arm, days, words};
use crate::case::{Case, Expect, File};
use crate::mutate;
use crate::source::{Plan, Source};
use crate::world::{SETTINGS, World};

/// What an option takes.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    Setting,
    Arm,
    Days,
    Dose,
    Lag,
    Set,
    Path,
    Axis,
    Endpoint,
    Rtol,
    Every,
    Count(usize),
    List,
    File,
    Csv,
    Word(&'static [&'static str]),
}

use Takes::{
    Arm, Axis, Count, Days, Dose, Endpoint, Every, Lag, List, Nothing, Path, Rtol, Set, Setting,
    Word,
};

type Options = &'static [(&'static str, Takes)];

/// A command: how often, its words, what it always has, what it may have.
struct Form {
    weight: usize,
    words: &'static str,
    always: Options,
    maybe: Options,
}

const RUN: Options = &[
    ("--days", Days),
    ("--evaluate", Days),
    ("--dose", Dose),
    ("--partner-lag", Lag),
    (
        "--phenotype",
        Word(&["parental", "switch-prone", "hif1-dominant"]),
    ),
    (
        "--variant",
        Word(&[
            "no_switch",
            "no_direct_hif_block",
            "no_pk_decline",
            "hif2_adverse",
        ]),
    ),
    ("--mode", Word(&["mechanistic", "achievable"])),
    ("--set", Set),
    ("--rtol", Rtol),
    ("--quiet", Nothing),
    ("--json", Nothing),
    (
        "--regimen",
        Word(&[
            "xenograft-week",
            "patient-single-dose",
            "culture-normoxia",
            "xenograft-cycles",
        ]),
    ),
];

const STUDY: Options = &[
    ("--set", Set),
    ("--rtol", Rtol),
    ("--seed", Count(1000)),
    ("--part-rows", Count(5)),
    ("--shard", Word(&["1/1", "1/2", "2/2", "3/7"])),
    ("--resume", Nothing),
    ("--quiet", Nothing),
    ("--json", Nothing),
    ("--mode", Word(&["mechanistic", "achievable"])),
];

const FORMS: [Form; 14] = [
    Form {
        weight: 4,
        words: "params list",
        always: &[],
        maybe: &[("--json", Nothing), ("--quiet", Nothing)],
    },
    Form {
        weight: 8,
        words: "params show",
        always: &[("", Path)],
        maybe: &[("--json", Nothing)],
    },
    Form {
        weight: 30,
        words: "simulate --dry-run",
        always: &[("--setting", Setting), ("--arm", Arm), ("--days", Days)],
        maybe: RUN,
    },
    Form {
        weight: 15,
        words: "simulate",
        always: &[("--setting", Setting), ("--arm", Arm), ("--days", Days)],
        maybe: &[
            ("--every", Every),
            ("--csv", Takes::Csv),
            ("--parquet", Word(&["f.parquet", "sub/f.parquet"])),
            ("--set", Set),
            ("--dose", Dose),
            ("--verify", Nothing),
            ("--json", Nothing),
        ],
    },
    Form {
        weight: 10,
        words: "export",
        always: &[
            ("", Word(&["sbml", "antimony", "equations"])),
            ("--setting", Setting),
            ("--arm", Arm),
            ("--days", Days),
            ("-o", Takes::File),
        ],
        maybe: RUN,
    },
    Form {
        weight: 6,
        words: "sweep --no-figures --out o",
        always: &[
            ("--setting", Setting),
            ("--arm", Arm),
            ("--x", Axis),
            ("--days", Days),
        ],
        maybe: &[
            ("--endpoint", Endpoint),
            ("--y", Axis),
            ("--part-rows", Count(5)),
            ("--shard", Word(&["1/1", "1/2", "3/2"])),
            ("--set", Set),
            ("--rtol", Rtol),
        ],
    },
    Form {
        weight: 4,
        words: "sweep --no-figures --out o --setting xenograft",
        always: &[("--x", Axis), ("--up-down", Days)],
        maybe: &[("--adapting", Nothing)],
    },
    Form {
        weight: 4,
        words: "sensitivity --no-figures --out o --trajectories 2",
        always: &[
            ("--setting", Setting),
            ("--days", Days),
            ("--parameter", Path),
            ("--endpoint", Endpoint),
        ],
        maybe: STUDY,
    },
    Form {
        weight: 3,
        words: "sensitivity --method sobol --no-figures --out o",
        always: &[
            ("--days", Days),
            ("--parameter", Path),
            ("--points", Count(8)),
        ],
        maybe: STUDY,
    },
    Form {
        weight: 3,
        words: "synergy --no-figures --out o --setting xenograft --arm sorafenib+pt2385",
        always: &[
            ("--days", Days),
            ("--doses", List),
            ("--partner-doses", List),
        ],
        maybe: &[
            ("--horizons", List),
            ("--seed", Count(9)),
            ("--rtol", Rtol),
            ("--endpoint", Endpoint),
        ],
    },
    Form {
        weight: 2,
        words: "attribution --no-figures --out o --mechanism vessels",
        always: &[("--setting", Setting), ("--days", Days)],
        maybe: &[
            ("--mechanism", Word(&["hif1", "hif2", "kill", "xyzzy"])),
            ("--arm", Arm),
            ("--against", Arm),
        ],
    },
    Form {
        weight: 5,
        words: "population xenograft-mice --no-figures --out o",
        always: &[("--subjects", Count(4))],
        maybe: STUDY,
    },
    Form {
        weight: 1,
        words: "schedule --no-figures --out o --samples 4 --budgets 2 --evaluations 4",
        always: &[("--days", Days)],
        maybe: &[
            ("--move-sorafenib", Nothing),
            ("--goal", Word(&["burden", "progression", "xyzzy"])),
        ],
    },
    Form {
        weight: 3,
        words: "export reference",
        always: &[("-o", Takes::File)],
        maybe: &[],
    },
];

pub fn make(source: &mut Source<'_>, world: &World, plan: Plan) -> Case {
    let total: usize = FORMS.iter().map(|form| form.weight).sum();
    let mut place = source.below(total);
    let form = FORMS.iter().find(|form| {
        let here = place < form.weight;
        place = place.saturating_sub(form.weight);
        here
    });
    let form = form.unwrap_or(&FORMS[0]);
    let mut options: Vec<(&str, Takes)> = form.always.to_vec();
    for _ in 0..source.range(0, 2) {
        if !form.maybe.is_empty() {
            let option = *source.pick(form.maybe);
            let repeats = matches!(option.1, Set | Arm);
            if repeats || !options.iter().any(|(name, _)| *name == option.0) {
                options.push(option);
            }
        }
    }
    let edge = if plan == Plan::Edge {
        source.below(options.len().max(1))
    } else {
        usize::MAX
    };
    let mut command = words(form.words);
    for (at, (name, takes)) in options.iter().enumerate() {
        let value = match at == edge {
            true => edge_value(source, *takes),
            false => sound_value(source, world, *takes),
        };
        // `-1` after a space would be an option.
        match (name.is_empty(), value) {
            (true, value) => command.extend(value),
            (false, None) => command.push((*name).to_owned()),
            (false, Some(value)) if name.starts_with("--") => {
                command.push(format!("{name}={value}"))
            }
            (false, Some(value)) => command.extend([(*name).to_owned(), value]),
        }
    }
    let mut expect = Expect::Any;
    match plan {
        Plan::Bad => {
            expect = Expect::Refused;
            spoil(source, &mut command);
        }
        Plan::Torn => {
            let at = source.below(command.len());
            // A path that is torn could lead anywhere.
            if !["-o", "o", "--out"].contains(&command[at].as_str()) && !command[at].contains("f.")
            {
                let word = mutate::tear_text(source, &command[at]);
                if !word.contains('/') || command[at].contains('/') {
                    command[at] = word;
                }
            }
        }
        _ => {}
    }
    let files = vec![File::new("in.csv", "TIME,AMT\n0,1\n1,.\n")];
    Case {
        expect,
        command,
        files,
        ..Case::default()
    }
}

fn sound_value(source: &mut Source<'_>, world: &World, takes: Takes) -> Option<String> {
    const PATHS: [&str; 6] = [
        "hif.haf_loss",
        "tumour.growth_rate",
        "sorafenib.raf_ec50",
        "vegf.turnover",
        "exposure.clearance",
        "expression.vegf",
    ];
    let text = match takes {
        Nothing => return None,
        Setting => source.word(&SETTINGS),
        Arm => arm(source, world),
        Days => days(source),
        Dose => source.word(&["10 mg/kg", "400 mg", "5 µM", "0 mg", "30mg/kg", "0.6 mg"]),
        Lag => source.word(&["0 h", "1 d", "12h", "30min"]),
        Set => {
            let number = source.pick(world.numbers("", "biology"));
            let (low, high) = number.entry.range.unwrap_or((1.0, 1.0));
            format!(
                "{}={} {}",
                number.path,
                source.within(low, high),
                number.entry.unit
            )
        }
        Path => source.word(&PATHS),
        Axis => {
            let knob = source.word(&[
                "dose",
                "oxygen",
                "hif.haf_loss",
                "tumour.growth_rate",
                "expression.vegf",
                "vegf.turnover",
            ]);
            let range = source.word(&["1:3:2", "1,2,3", "0.5:2:3:log", "2", "0,1"]);
            format!("{knob}={range}")
        }
        Endpoint => source.word(&[
            "burden_end",
            "mvd_nadir",
            "treated_over_control",
            "oxygen_nadir",
            "apoptosis_peak",
            "log10_burden",
        ]),
        Rtol => source.word(&["1e-4", "1e-6", "1e-8", "1e-10"]),
        Every => source.word(&["1h", "6 h", "0.5 d", "10 min"]),
        Count(most) => source.range(1, most).to_string(),
        List => source.word(&["1,2", "0.5", "1,2,3", "10,20"]),
        Takes::File => source.word(&["f.out", "sub/f.out", "-", "in.csv/f.out"]),
        Takes::Csv => source.word(&["f.csv", "sub/f.csv", "-", "in.csv/f.csv"]),
        Word(words) => source.word(words),
    };
    Some(text)
}

fn edge_value(source: &mut Source<'_>, takes: Takes) -> Option<String> {
    let text = match takes {
        Nothing => return None,
        Dose => mutate::edge_quantity(source, 10.0, "mg/kg"),
        Lag | Every => mutate::edge_quantity(source, 1.0, "h"),
        Set => format!("hif.haf_loss={}", mutate::edge_quantity(source, 2.0, "1/h")),
        Axis => format!(
            "hif.haf_loss={}:{}:{}",
            mutate::edge(source),
            mutate::edge(source),
            source.word(&["2", "1", "0", "3:log", "10001", "-1"])
        ),
        List => format!("{},{}", mutate::edge(source), mutate::edge(source)),
        Takes::File | Takes::Csv => source.word(&[
            "",
            "sub/",
            "in.csv",
            ".",
            "sub/../f.out",
            "in.csv/x/f.out",
            "é.out",
            "a b.out",
            "f\n.out",
        ]),
        Setting | Arm | Path | Endpoint | Word(_) => {
            let name = source.word(&[
                "sorafenib",
                "xenograft",
                "hif.haf_loss",
                "1/0",
                "0/0",
                "burden_end",
            ]);
            mutate::bad_name(source, &name)
        }
        Days | Rtol | Count(_) => match source.chance(80) {
            true => mutate::edge(source),
            false => source.word(&mutate::NO_NUMBERS),
        },
    };
    Some(text)
}

/// Makes one thing of a command line wrong.
fn spoil(source: &mut Source<'_>, command: &mut Vec<String>) {
    match source.below(6) {
        0 => command.push("--xyzzy".to_owned()),
        1 => command[0].push('x'),
        2 => command.push("--params=xyzzy".to_owned()),
        3 => command.push("--params".to_owned()),
        4 => command.extend(["xyzzy".to_owned(), "xyzzy".to_owned(), "xyzzy".to_owned()]),
        _ => command.insert(0, "--xyzzy=1".to_owned()),
    }
}
