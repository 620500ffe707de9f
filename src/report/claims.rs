//! The ledger of claims as tables and as a page.

use crate::study::calibrate::joint::Record;
use crate::study::claims::{Form, Kind, Ledger, Never, Priority, Row, Test, TestResult, Verdict};
use crate::table::{Cell, Table, UNKNOWN, significant};

fn flipped(row: &Row, ledger: &Ledger) -> String {
    let names: Vec<&str> = ledger
        .alternatives
        .iter()
        .zip(&row.in_alternatives)
        .filter(|(_, verdict)| **verdict != row.verdict)
        .map(|(alternative, _)| alternative.name.as_str())
        .collect();
    names.join(", ")
}

fn number(result: &TestResult) -> String {
    match result.verdict {
        Verdict::Unknown => UNKNOWN.to_owned(),
        Verdict::NotReached => "not reached".to_owned(),
        _ if result.value.is_nan() => "undefined".to_owned(),
        _ if result.value.is_infinite() => "never".to_owned(),
        _ if result.never => format!("{}, as one never happens", significant(result.value)),
        _ => significant(result.value),
    }
}

/// What is expected, and what of an event that does not happen.
fn expected(test: &Test) -> String {
    match test.never {
        Never::NotReached => test.expect.clone(),
        Never::Later => format!("{}; never is later", test.expect),
    }
}

fn error(value: f64) -> String {
    match value {
        _ if value.is_nan() || value.is_infinite() => "-".to_owned(),
        v if v < 1e-12 => "0".to_owned(),
        v => format!("{v:.0e}"),
    }
}

/// Conditions of a test in words.
fn conditions(test: &Test) -> String {
    match &test.form {
        Form::Value(query) => query.words.clone(),
        Form::Ratio(pair) => format!("{} against {}", pair[0].words, pair[1].words),
        Form::RatioOfRatios(four) => format!(
            "({} against {}) over ({} against {})",
            four[0].words, four[1].words, four[2].words, four[3].words
        ),
        Form::Mean(queries) | Form::Sweep(queries) => {
            let words: Vec<&str> = queries.iter().map(|q| q.words.as_str()).collect();
            words.join(" -> ")
        }
        Form::Order(queries) => queries.first().map_or(String::new(), |q| q.words.clone()),
    }
}

fn passed_of(row: &Row) -> String {
    match row.verdict {
        Verdict::Untested => "-".to_owned(),
        _ => {
            let passed = row.tests.iter().filter(|test| test.passed()).count();
            format!("{passed}/{}", row.tests.len())
        }
    }
}

/// One line per claim.
pub fn claims_table(ledger: &Ledger) -> Table {
    let mut table = Table::headed(["id", "pr", "from", "claim", "tests", "verdict", "flips in"]);
    for row in &ledger.rows {
        table.push([
            Cell::from(row.claim.id.as_str()),
            Cell::from(row.claim.priority.to_string()),
            Cell::from(row.claim.kind.name()),
            Cell::from(row.claim.text.as_str()),
            Cell::from(passed_of(row)),
            Cell::from(row.verdict.name()),
            Cell::from(flipped(row, ledger)),
        ]);
    }
    table
}

/// One line per test.
pub fn claim_tests_table(ledger: &Ledger) -> Table {
    let mut table = Table::headed([
        "id",
        "priority",
        "from",
        "test",
        "references",
        "conditions",
        "expected",
        "value",
        "numerical_error",
        "verdict",
        "flips_in",
        "reason",
    ]);
    for row in &ledger.rows {
        let claim = &row.claim;
        let head = |text: &str, conditions: String, expected: &str| {
            vec![
                Cell::from(claim.id.as_str()),
                Cell::from(claim.priority.to_string()),
                Cell::from(claim.kind.name()),
                Cell::from(text),
                Cell::from(claim.references.join("; ")),
                Cell::from(conditions),
                Cell::from(expected),
            ]
        };
        if let Some(reason) = &claim.untested {
            let mut cells = head(&claim.text, String::new(), "");
            cells.extend([
                Cell::Number(None),
                Cell::Number(None),
                Cell::from(row.verdict.name()),
                Cell::from(""),
                Cell::from(reason.as_str()),
            ]);
            table.push(cells);
            continue;
        }
        for (test, result) in claim.tests.iter().zip(&row.tests) {
            let mut cells = head(&test.text, conditions(test), &expected(test));
            cells.extend([
                match result.verdict {
                    Verdict::Unknown => Cell::Unknown,
                    // Not every reader takes a word for infinity; the verdict says it.
                    _ => Cell::from(Some(result.value).filter(|value| value.is_finite())),
                },
                Cell::from(Some(result.error).filter(|error| error.is_finite())),
                Cell::from(result.verdict.name()),
                Cell::from(flipped(row, ledger)),
                Cell::from(if result.passed() {
                    ""
                } else {
                    claim.failure.as_deref().unwrap_or_default()
                }),
            ]);
            table.push(cells);
        }
    }
    table
}

/// Begins the line of the summary that names the claims of unknown outcome.
const NOT_COUNTED: &str = "not counted";

/// How many claims pass, by kind and priority.
pub fn claims_summary(ledger: &Ledger) -> String {
    let line = |title: &str, (passed, tested): (usize, usize)| match tested {
        0 => String::new(),
        _ => format!("{title}: {passed} of {tested} pass\n"),
    };
    let review = |p: Priority| {
        ledger
            .score(|claim| claim.priority == p && matches!(claim.kind, Kind::Review | Kind::Table3))
    };
    let mut text = String::new();
    for priority in [Priority::A, Priority::B, Priority::C] {
        text += &line(&format!("review, priority {priority}"), review(priority));
    }
    text += &line("Table 3", ledger.score(|claim| claim.kind == Kind::Table3));
    text += &line(
        "predictions",
        ledger.score(|claim| claim.kind == Kind::Prediction),
    );
    text += &line(
        "evidence against the review",
        ledger.score(|claim| claim.kind == Kind::Against),
    );
    let unknown = ledger
        .rows
        .iter()
        .filter(|row| row.verdict == Verdict::Unknown);
    let unknown: Vec<&str> = unknown.map(|row| row.claim.id.as_str()).collect();
    if !unknown.is_empty() {
        text += &format!(
            "{NOT_COUNTED}, for a potency or an exposure is unknown: {}\n",
            unknown.join(", ")
        );
    }
    text + "a claim passes when all its tests do; up and down mean by more than 5 %; \
            `hif-switch claims ID` shows every test of a claim"
}

/// The ledger as a page in Markdown.
pub fn claims_page(ledger: &Ledger, fit: Option<&Record>) -> String {
    let mut page = String::from(
        "# The claims\n\nWritten by `hif-switch claims --format md`; the gate compares this page with the program.\n\n\
         Every claim of Zeng et al. 2021 (Front Oncol 11:641522) that a dynamic model can test, the rows of its \
         Table 3, predictions that tell hypotheses apart, and evidence against the review. All are judged with \
         one parameter set. A claim passes when all its tests do. *Up* and *down* mean by more than 5 % against \
         the comparator; in treated animals and patients a reading is the mean of the day before. An event that \
         does not happen within the run is *not reached* and no pass, unless the test says that never is later. \
         The numerical error is the difference to the same value at ten times the tolerance. *Flips in* names the variants of \
         the model in which the verdict is another.\n\n",
    );
    for line in claims_summary(ledger)
        .lines()
        .filter(|line| line.ends_with("pass") || line.starts_with(NOT_COUNTED))
    {
        page += &format!("* {line}\n");
    }
    if let Some(fit) = fit {
        page += &format!("\n{}\n", super::joint_words(fit));
    }
    let sections: [(&str, &[Kind]); 4] = [
        ("The review", &[Kind::Review]),
        ("Table 3: HIF after sorafenib", &[Kind::Table3]),
        ("Predictions", &[Kind::Prediction]),
        ("Evidence against the review", &[Kind::Against]),
    ];
    for (title, kinds) in sections {
        let rows: Vec<&Row> = ledger
            .rows
            .iter()
            .filter(|row| kinds.contains(&row.claim.kind))
            .collect();
        if rows.is_empty() {
            continue;
        }
        page += &format!("\n## {title}\n");
        for row in rows {
            page += &claim_section(row, ledger);
        }
    }
    page.trim_end().to_owned()
}

fn claim_section(row: &Row, ledger: &Ledger) -> String {
    let claim = &row.claim;
    let mut text = format!(
        "\n### {} — {}\n\n{} Priority {}.",
        claim.id,
        row.verdict.name(),
        claim.text,
        claim.priority
    );
    if !claim.references.is_empty() {
        text += &format!(" {}.", claim.references.join("; "));
    }
    let flips = flipped(row, ledger);
    if !flips.is_empty() {
        text += &format!(" Flips in: {flips}.");
    }
    text += "\n";
    if let Some(reason) = &claim.untested {
        text += &format!("\nNot tested: {reason}\n");
    }
    if !claim.tests.is_empty() && claim.untested.is_none() {
        text += "\n| test | conditions | expected | value | error | |\n|---|---|---|---|---|---|\n";
        for (test, result) in claim.tests.iter().zip(&row.tests) {
            text += &test_line(test, result);
        }
    }
    if matches!(row.verdict, Verdict::Fail | Verdict::NotReached)
        && let Some(failure) = &claim.failure
    {
        text += &format!("\nWhy it fails: {failure}\n");
    }
    if let Some(note) = &claim.note {
        text += &format!("\nNote: {note}\n");
    }
    text
}

fn test_line(test: &Test, result: &TestResult) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        test.text,
        conditions(test),
        expected(test),
        number(result),
        error(result.error),
        match result.verdict {
            Verdict::Pass => "pass".to_owned(),
            other => format!("**{}**", other.name()),
        }
    )
}
