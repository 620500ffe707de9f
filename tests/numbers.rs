//! Numbers in the README and in the pages are those of the model: each stands in a statement that is computed anew here, or is
//! named as one that is no result. `UPDATE_DOCS=1 cargo test --test numbers` writes the computed ones.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::endpoints::Endpoints;
use hif_switch::figure::Selection;
use hif_switch::figure::axes::{significant, tidy};
use hif_switch::model::partner::NODES;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Recorder, Scenario};
use hif_switch::study::calibrate::{Basis, Targets};
use hif_switch::study::claims::{Claims, Kind, Sign};
use hif_switch::study::{CompareStudy, Overview, hif1a_map, overview, silent};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::LazyLock;

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::shipped);

/// The main job, once for all tests of this file.
static OVERVIEW: LazyLock<Overview> = LazyLock::new(|| {
    let base = Scenario::new("xenograft", Arm::vehicle());
    let selection = Selection::read(&LIBRARY).unwrap();
    let withdrawal = selection.withdrawal_arms();
    let accuracy = Accuracy::default();
    overview(&LIBRARY, &base, withdrawal, &accuracy, false, &silent).unwrap()
});

fn path(page: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(page)
}

fn text(page: &str) -> String {
    std::fs::read_to_string(path(page)).unwrap()
}

/// A sentence, or a part of one, of a page, with the numbers that the model gives for its `{}`.
struct Statement {
    page: &'static str,
    words: &'static str,
    values: Vec<String>,
}

fn says<const N: usize>(page: &'static str, words: &'static str, values: [String; N]) -> Statement {
    assert_eq!(words.matches("{}").count(), N, "{words}");
    Statement {
        page,
        words,
        values: values.into(),
    }
}

/// Where a statement stands: the whole, and its numbers; spaces and line ends are alike.
fn find(page: &str, words: &str) -> Option<(Range<usize>, Vec<Range<usize>>)> {
    let mut starts = page.char_indices().map(|(at, _)| at);
    starts.find_map(|start| {
        let (end, numbers) = read(page, start, words)?;
        Some((start..end, numbers))
    })
}

fn read(page: &str, start: usize, words: &str) -> Option<(usize, Vec<Range<usize>>)> {
    let mut at = start;
    let mut numbers = Vec::new();
    let mut rest = words;
    while let Some(next) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("{}") {
            let digits = page[at..].find(|c: char| !(c.is_ascii_digit() || c == '.'));
            let mut length = digits.unwrap_or(page.len() - at);
            if page[at..at + length].ends_with('.') {
                length -= 1;
            }
            if length == 0 {
                return None;
            }
            numbers.push(at..at + length);
            at += length;
            rest = after;
        } else if next == ' ' {
            let length: usize = page[at..]
                .chars()
                .take_while(|c| c.is_whitespace())
                .map(char::len_utf8)
                .sum();
            if length == 0 {
                return None;
            }
            at += length;
            rest = &rest[1..];
        } else {
            if !page[at..].starts_with(next) {
                return None;
            }
            at += next.len_utf8();
            rest = &rest[next.len_utf8()..];
        }
    }
    Some((at, numbers))
}

// ---------------------------------------------------------------- what the model gives

fn two(value: f64) -> String {
    significant(value, 2)
}

fn plain(value: f64) -> String {
    tidy(value, 3)
}

fn endpoint(study: &CompareStudy, arm: &Arm, name: &str) -> f64 {
    let endpoints: &Endpoints = &study.arm(arm).unwrap().run.endpoints;
    endpoints.get(name).unwrap()
}

/// `name: a of b` in a generated page.
fn count(page: &str, name: &str) -> [String; 2] {
    let page = text(page);
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(&format!("* {name}: ")))
        .unwrap_or_else(|| panic!("no line `{name}`"));
    let (inside, rest) = line.split_once(" of ").unwrap();
    let all: String = rest.chars().take_while(char::is_ascii_digit).collect();
    [inside.to_owned(), all]
}

fn partners_told() -> [String; 3] {
    let (study, reached) = (&OVERVIEW.xenograft, &OVERVIEW.xenograft_achievable);
    let ratio = |arm: &Arm| reached.arm(arm).map(|arm| arm.main().treated_over_control);
    let sorafenib = study.arm(&Arm::sorafenib()).unwrap();
    let bound = 0.9 * sorafenib.main().treated_over_control;
    let partners = LIBRARY.names("partners");
    let arms: Vec<Arm> = partners.iter().map(|name| Arm::combination(name)).collect();
    let told: Vec<f64> = arms.iter().filter_map(ratio).collect();
    let unknown = arms.iter().filter(|arm| reached.unknown(arm).is_some());
    assert_eq!(told.len() + unknown.clone().count(), arms.len());
    [
        told.iter()
            .filter(|ratio| **ratio < bound)
            .count()
            .to_string(),
        told.len().to_string(),
        unknown.count().to_string(),
    ]
}

fn studies() -> [String; 3] {
    let claims = Claims::read(&LIBRARY).unwrap().claims;
    let map = hif1a_map(&LIBRARY, &claims, &Accuracy::default()).unwrap();
    let told = map
        .studies
        .iter()
        .filter(|s| s.reported != Sign::Unreported);
    [
        map.studies.len().to_string(),
        told.clone()
            .filter(|study| study.agrees)
            .count()
            .to_string(),
        told.count().to_string(),
    ]
}

/// A parameter of a setting in the unit of its file.
fn parameter(setting: &str, path: &str) -> f64 {
    let scenario = Scenario::new(setting, Arm::vehicle());
    let table = scenario.parameters(&LIBRARY).unwrap();
    let number = table.number(path).unwrap_or_else(|| panic!("{path}"));
    number.value.unwrap()
}

/// HIF-1a and HIF-2a under 5 µM sorafenib over untreated, a day after the change to 1 % O2.
fn hifs_in_a_day() -> [f64; 2] {
    let levels = |arm: Arm| {
        let problem = Scenario::new("culture", arm).prepare(&LIBRARY).unwrap();
        let mut recorder = Recorder::new(&problem, vec![24.0]);
        problem
            .run(&Accuracy::default(), &mut [&mut recorder])
            .unwrap();
        let trajectory = recorder.finish();
        [
            trajectory.series(|state, _| state.hif.hif1a)[0],
            trajectory.series(|state, _| state.hif.hif2a)[0],
        ]
    };
    let (treated, untreated) = (levels(Arm::sorafenib()), levels(Arm::vehicle()));
    [treated[0] / untreated[0], treated[1] / untreated[1]]
}

/// HIF-2a of resistant over parental cells before treatment.
fn resistant_hif2a(setting: &str, regimen: Option<&str>) -> f64 {
    let level = |phenotype: Option<&str>| {
        let scenario = Scenario {
            phenotype: phenotype.map(str::to_owned),
            regimen: regimen.map(str::to_owned),
            ..Scenario::new(setting, Arm::vehicle())
        };
        scenario.prepare(&LIBRARY).unwrap().baseline.hif.hif2a
    };
    level(Some("resistant")) / level(None)
}

/// Largest metastases over vehicle among the partners that act on HIF-1a, alone.
fn metastases_of_hif1_blockers() -> f64 {
    let study = &OVERVIEW.xenograft;
    let alone = study.arms.iter().filter(|arm| !arm.arm().sorafenib);
    alone
        .filter(|arm| arm.partner.as_ref().is_some_and(|p| p.class == "hif1"))
        .filter_map(|arm| arm.comparison.metastases_ratio)
        .fold(0.0, f64::max)
}

/// Powers of ten between which the needed concentrations lie over the reached ones, where they do by more than tenfold.
fn shortfalls() -> [String; 2] {
    let arms = OVERVIEW.xenograft.arms.iter();
    let gaps = arms.filter_map(|arm| arm.partner.as_ref()?.exposure_gap());
    let powers: Vec<f64> = gaps.filter(|gap| *gap > 10.0).map(f64::log10).collect();
    let least = powers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = powers.iter().copied().fold(0.0, f64::max);
    [format!("{least:.0}"), format!("{most:.0}")]
}

/// All statements, computed once.
static STATEMENTS: LazyLock<Vec<Statement>> = LazyLock::new(statements);

/// Of all folds of the joint fit: hidden claims that pass, hidden claims, seen claims that pass, seen claims.
fn folds() -> [String; 4] {
    let text = std::fs::read_to_string(path("params/joint-fit.toml")).unwrap();
    let record: toml::Table = toml::from_str(&text).unwrap();
    let folds = record["fold"].as_array().unwrap();
    [
        ("hidden", "passed"),
        ("hidden", "tested"),
        ("seen", "passed"),
        ("seen", "tested"),
    ]
    .map(|(part, key)| {
        let counts = folds
            .iter()
            .map(|fold| fold[part][key].as_integer().unwrap());
        counts.sum::<i64>().to_string()
    })
}

fn statements() -> Vec<Statement> {
    let (readme, model) = ("README.md", "docs/MODEL.md");
    let mouse = &OVERVIEW.xenograft;
    let sorafenib = |name: &str| endpoint(mouse, &Arm::sorafenib(), name);
    let vehicle = &mouse.arm(&Arm::vehicle()).unwrap().run;
    let end = &vehicle.outcome.end;
    let start = &vehicle.problem.baseline;
    let patient = |arm: &Arm| endpoint(&OVERVIEW.patient, arm, "time_to_progression");
    let claims = Claims::read(&LIBRARY).unwrap().claims;
    let review = |kind: Kind| matches!(kind, Kind::Review | Kind::Table3);
    let targets = Targets::read(&LIBRARY).unwrap().all;
    let published = targets.iter().filter(|t| t.range == Basis::Published);
    let signs = claims.iter().filter_map(|claim| claim.place.as_ref());
    let [hif1a, hif2a] = hifs_in_a_day();
    let folds = folds();
    vec![
        says(
            readme,
            "Of claims that were hidden from the fit {} of {} pass, of those that the same fits saw {} of {}.",
            folds,
        ),
        says(
            readme,
            "MVD falls to {} of the untreated level and pO2 to {} mmHg",
            [two(sorafenib("mvd_nadir")), two(sorafenib("oxygen_nadir"))],
        ),
        says(
            readme,
            "ends at {} times its start while HIF-2a ends at {} times",
            [two(sorafenib("hif1a_end")), two(sorafenib("hif2a_end"))],
        ),
        says(
            readme,
            "apoptosis falls from {} back to {},",
            [
                two(sorafenib("apoptosis_peak")),
                two(sorafenib("apoptosis_end")),
            ],
        ),
        says(
            readme,
            "at the exposure that can be reached, {} of the {} combinations that can be told still beat sorafenib by a \
             tenth. Of the other {} a potency or the exposure is unknown",
            partners_told(),
        ),
        says(
            readme,
            "The {} rows of the review's Table 3 stand at their own conditions, each with runs of its own: the model has \
             the sign that is reported in {} of the {} that report one.",
            studies(),
        ),
        says(
            readme,
            "progression comes at {} times the time of placebo",
            [two(patient(&Arm::sorafenib()) / patient(&Arm::vehicle()))],
        ),
        says(
            readme,
            "judges the {} claims of the review,",
            [claims.iter().filter(|c| review(c.kind)).count().to_string()],
        ),
        says(
            readme,
            "at the core of the model {} of {} pass,",
            count("docs/CLAIMS.md", "review, priority A"),
        ),
        says(
            readme,
            "of those downstream {} of {},",
            count("docs/CLAIMS.md", "review, priority B"),
        ),
        says(
            readme,
            "of the rows of the review's Table 3 {} of {},",
            count("docs/CLAIMS.md", "Table 3"),
        ),
        {
            let [agrees, all] = count("docs/CLAIMS.md", "evidence against the review");
            says(
                readme,
                "of {} findings that speak against the review and can be tested the model agrees with {}.",
                [all, agrees],
            )
        },
        says(
            readme,
            "Of the targets that it was fitted to, {} of {} lie within their acceptance ranges",
            count("docs/VALIDATION.md", "fitted to"),
        ),
        says(
            readme,
            "Of the targets that were held out, {} of {} do",
            count("docs/VALIDATION.md", "held out"),
        ),
        says(
            readme,
            "Of the {} ranges {} were published, the others are assumed.",
            [targets.len().to_string(), published.count().to_string()],
        ),
        says(
            model,
            "gallbladder that opens {} h after a dose.",
            [plain(parameter("patient", "exposure.gallbladder_onset"))],
        ),
        says(
            model,
            "an untreated tumour that grows {}-fold falls from {} to {} mmHg.",
            [
                significant(end.tumour.burden() / start.tumour.burden(), 1),
                two(start.oxygen),
                two(end.oxygen),
            ],
        ),
        says(
            model,
            "VEGFR2 EC50 {} nM unbound in all settings",
            [plain(parameter("xenograft", "sorafenib.vegfr2_ec50"))],
        ),
        says(
            model,
            "here 5 µM sorafenib takes HIF-1a to {} and HIF-2a to {} of the untreated value in a day at 1 % O2",
            [two(hif1a), two(hif2a)],
        ),
        says(
            model,
            "only {} of {} studies in the review's Table 3 show HIF-1a down with",
            [
                signs
                    .clone()
                    .filter(|p| p.hif1a == Sign::Down)
                    .count()
                    .to_string(),
                signs.count().to_string(),
            ],
        ),
        says(
            model,
            "up to {} times vehicle in the xenograft.",
            [two(metastases_of_hif1_blockers())],
        ),
        says(
            model,
            "HIF-2a starts at {} only, while resistant cells in air have {} times the parental HIF-2a.",
            [
                two(resistant_hif2a("xenograft", None)),
                two(resistant_hif2a("culture", Some("culture-normoxia"))),
            ],
        ),
        says(model, "act on {} nodes of this chain", [NODES.to_string()]),
        says(
            model,
            "the concentrations that work in culture are 10^{} to 10^{} times those that are reached.",
            shortfalls(),
        ),
        says(
            model,
            "{} of the reference xenograft's supply and {} of the patient's come through the surface",
            [
                plain(parameter("xenograft", "oxygen.surface_share")),
                plain(parameter("patient", "oxygen.surface_share")),
            ],
        ),
        says(
            model,
            "Metastases follow Z^2 and the power {} of the size",
            [plain(parameter("xenograft", "tumour.metastasis_exponent"))],
        ),
        says(
            model,
            "sorafenib's typical patient weighs {} kg.",
            [plain(parameter("patient", "exposure.body_weight"))],
        ),
    ]
}

#[test]
fn what_the_pages_say_is_what_the_model_gives() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut wrong = Vec::new();
    for statement in STATEMENTS.iter() {
        let page = text(statement.page);
        let Some((_, numbers)) = find(&page, statement.words) else {
            let words = statement.words;
            wrong.push(format!("{}: no statement `{words}`", statement.page));
            continue;
        };
        let stands: Vec<&str> = numbers.iter().map(|at| &page[at.clone()]).collect();
        if stands == statement.values {
            continue;
        }
        if update {
            let mut page = page.clone();
            for (at, value) in numbers.into_iter().zip(&statement.values).rev() {
                page.replace_range(at, value);
            }
            std::fs::write(path(statement.page), page).unwrap();
        } else {
            wrong.push(format!(
                "{}: `{}` says {stands:?}, the model {:?}",
                statement.page, statement.words, statement.values
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nrun `UPDATE_DOCS=1 cargo test --test numbers`",
        wrong.join("\n")
    );
}

// ---------------------------------------------------------------- nothing is left out

/// Numbers that are no results of the model: inputs, definitions, what the literature says, ways of speaking.
const GIVEN: [(&str, &[&str]); 6] = [
    (
        "README.md",
        &[
            "Front Oncol 11:641522)",
            "version 1.90 or newer",
            "(xenograft, 30 mg/kg daily)",
            "review's Table 3",
            "studies of Table 3",
            "Exit codes: 0 done, 1 a run or a file failed, 2 wrong input.",
            "2-methoxyestradiol,",
        ],
    ),
    (
        "docs/MODEL.md",
        &[
            "14-3-3 eta",
            "1 in a typical line and 0 when knocked out",
            "levels are 1 in the *reference tumour*",
            "(nearly linear to 30 mg/kg)",
            "exactly 1 at the dose behind CL/F",
            "the published power of 40",
            "xenografts at 30 mg/kg",
            "(100 mm^3 in the mouse, 65 mL in man)",
            "(23.3 ± 10.3 % of all in untreated orthotopic Hep3B, 75 % in resistant ones",
            "a share of 0 gives back",
            "leave the cycle near 1 % O2",
            "; here 5 µM sorafenib",
            "at 1 % O2",
            "0 takes the limit away",
            "need 1/(1 - pR) of",
            "has a floor at 0",
            "review's Table 3",
            "in man refer to 70 kg",
            "are 0 or 1.",
            "tolerance of 1e-9,",
            "at 1e-7, which agree",
            "right to 1e-6, times",
            "flat extrema to 1e-4.",
        ],
    ),
    (
        "docs/STUDIES.md",
        &[
            "judges draws of all numbers with 5 % noise",
            "that nobody opens for 10 s",
            "a letter or a digit, at most 64",
            "at once with exit code 2",
            "nests at most 80 levels deep and JSON 128.",
            "with 1, 2 or 16 threads",
            "a diameter 20 % above its smallest",
            "first 1000 rows",
            "E = 1 - f",
            "(128 mice,",
            "above 2 the full model is better",
            // The synthetic data set was made with these.
            "with growth rate 0.36 1/d and RAF concentration 220 nM, 10 % spread between 24 animals and 6 % error",
        ],
    ),
    (
        "docs/TUTORIAL.md",
        &[
            "(below 1: smaller)",
            "(below 1: better than independent)",
            "(above 1: it is not reached)",
            "(206 paired HCCs say so)",
        ],
    ),
    (
        "docs/HOWTO.md",
        &[
            "one failure is exit code 1.",
            "orbit; 4, 8 and 32 lanes",
            "in the program, 1e-7 relative",
            "by another method, 1e-6 relative",
        ],
    ),
    ("docs/LIMITATIONS.md", &[]),
];

/// Results that are not computed here because they take minutes of runs; each with the command that repeats them.
const REPEATED_BY_HAND: [(&str, &str, &[&str]); 3] = [
    (
        "docs/STUDIES.md",
        "hif-switch sensitivity",
        &[
            "42nd and 48th of 138)",
            "eleven of them among the first twelve for T/C too",
        ],
    ),
    (
        "docs/STUDIES.md",
        "hif-switch sweep --setting culture --arm vehicle --x oxygen=0.5:40:24:log --up-down 3",
        &["at each of 24 levels from 0.5 to 40 mmHg", "(below 5 % in"],
    ),
    (
        "docs/STUDIES.md",
        "hif-switch calibrate xenograft --models",
        &[
            "| 8 | +71.2 | 0.0 | 0.0 | 0.0 | +0.9 |",
            "| 13 | +4.1 | +0.2 | 0.0 | +0.3 | -0.1 |",
            "| 11 | 0.0 | 0.0 | +11.4 | 0.0 | 0.0 |",
        ],
    ),
];

/// A page without code and the targets of links, every place as before.
fn prose(page: &str) -> String {
    let page = page.split("<!-- generated").next().unwrap();
    let mut out = String::new();
    let mut fenced = false;
    for line in page.split_inclusive('\n') {
        let fence = line.starts_with("```");
        let mut code = false;
        let mut link = false;
        let mut last = ' ';
        for c in line.chars() {
            link |= c == '(' && last == ']';
            code ^= c == '`';
            let hidden = fenced || fence || code || link || c == '`';
            // As many bytes as before.
            match hidden && c != '\n' {
                true => out.extend(std::iter::repeat_n(' ', c.len_utf8())),
                false => out.push(c),
            }
            link &= c != ')';
            last = c;
        }
        fenced ^= fence;
    }
    out
}

/// Words with a number that stands by itself, not in a name, a year or the number of a heading or list.
fn numbers(prose: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in prose.split(char::is_whitespace) {
        let place = at..at + word.len();
        at = place.end + 1;
        let first = word.find(|c: char| c.is_ascii_digit());
        let Some(first) = first else { continue };
        let named = word[..first].chars().any(char::is_alphabetic);
        let bare = word.trim_matches(|c: char| !c.is_ascii_digit());
        let year = bare.len() == 4 && (bare.starts_with("19") || bare.starts_with("20"));
        let before = prose[..place.start].trim_end_matches(' ');
        let heads = before.is_empty() || before.ends_with(['\n', '#']);
        let listed = heads && word.ends_with('.') && bare.len() == 1;
        if !named && !year && !listed {
            found.push(place);
        }
    }
    for spelled in ["quarter", "thirds", "triple", "eleven"] {
        let places = prose.match_indices(spelled);
        found.extend(places.map(|(at, word)| at..at + word.len()));
    }
    found
}

/// Every place of a phrase, spaces and line ends alike.
fn all_places(page: &str, words: &str) -> Vec<Range<usize>> {
    let starts = page.char_indices().map(|(at, _)| at);
    let found = starts.filter_map(|start| Some(start..read(page, start, words)?.0));
    found.collect()
}

#[test]
fn every_number_of_the_pages_is_accounted_for() {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        // The pages are being written.
        return;
    }
    let mut loose = Vec::new();
    for (name, given) in GIVEN {
        let page = text(name);
        let mut known = Vec::new();
        for statement in STATEMENTS.iter().filter(|s| s.page == name) {
            known.extend(find(&page, statement.words).map(|(whole, _)| whole));
        }
        let repeated = REPEATED_BY_HAND.iter().filter(|(page, ..)| *page == name);
        for words in given
            .iter()
            .chain(repeated.flat_map(|(_, _, words)| *words))
        {
            let places = all_places(&page, words);
            assert!(!places.is_empty(), "{name} does not say `{words}` any more");
            known.extend(places);
        }
        // The table of largest values is written by the program, and held to what it writes elsewhere.
        let bounds = hif_switch::parameters::bounds::markdown();
        for line in bounds.lines() {
            known.extend(page.match_indices(line).map(|(at, _)| at..at + line.len()));
        }
        for number in numbers(&prose(&page)) {
            let inside =
                |whole: &&Range<usize>| whole.start <= number.start && number.start < whole.end;
            if !known.iter().any(|whole| inside(&whole)) {
                let around = page[..number.start].rsplit('\n').next().unwrap();
                loose.push(format!("{name}: `{around}{}`", &page[number.clone()]));
            }
        }
    }
    assert!(
        loose.is_empty(),
        "compute these in `statements`, or name them in `GIVEN` if they are no results:\n{}",
        loose.join("\n")
    );
}

#[test]
fn a_statement_is_found_across_lines_and_its_numbers_are_read() {
    let page = "It falls to 0.70 of\n  the level, and to 4.6.";
    let (whole, numbers) = find(page, "falls to {} of the level, and to {}.").unwrap();
    assert_eq!(&page[whole], "falls to 0.70 of\n  the level, and to 4.6.");
    let read: Vec<&str> = numbers.iter().map(|at| &page[at.clone()]).collect();
    assert_eq!(read, ["0.70", "4.6"]);
    assert!(find(page, "rises to {}").is_none());
    let found = numbers_of("HIF-1a is at 12 % (2021), a quarter.\n1. `7` [x](8) 9-fold");
    assert_eq!(found, ["12", "9-fold", "quarter"]);
}

fn numbers_of(page: &str) -> Vec<&str> {
    let places = numbers(&prose(page)).into_iter();
    places.map(|at| &page[at]).collect()
}
