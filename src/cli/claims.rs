//! `hif-switch claims`: the literature as a ledger.

use super::{Carries, Context, options, progress};
use crate::error::{Error, Result};
use crate::figure;
use crate::report::{self, Manifest, Results, Written};
use crate::simulate::Accuracy;
use crate::study::calibrate::joint::Record;
use crate::study::claims::{Alternative, Claim, Claims, Ledger, ledger, ledger_runs};
use crate::study::hif1a_map;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  hif-switch claims                          every claim, one line each
  hif-switch claims C40 C41                  these, with every test, value and numerical error
  hif-switch claims --priority A --no-variants
  hif-switch claims --without raf-block      what hangs on sorafenib's block of RAF
  hif-switch claims --mechanisms --out .     figures and table, without each mechanism in turn
  hif-switch claims --format md > CLAIMS.md";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line per claim for the terminal; every test when claims are named
    Table,
    /// One line per test
    Csv,
    /// The same as JSON
    Json,
    /// A page to read
    Md,
}

#[derive(Debug, Args)]
pub struct ClaimsOptions {
    /// Identifiers such as C40; all when none is given
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Only claims of this priority: A, B or C
    #[arg(long, value_name = "LETTER")]
    priority: Option<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Leave out the variants of the model
    #[arg(long)]
    no_variants: bool,
    /// Judge the claims without a mechanism of the model too, repeatable; params/mechanisms.toml lists them
    #[arg(long, value_name = "MECHANISM")]
    without: Vec<String>,
    /// Judge the claims without each mechanism in turn
    #[arg(long)]
    mechanisms: bool,
    /// Folder in which the figures and the table are written, to plots/ and results/
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Relative tolerance of the integrator
    #[arg(long, value_name = "NUMBER", default_value = options::MANY)]
    rtol: f64,
}

pub fn run(context: &Context, options: &ClaimsOptions) -> Result<()> {
    let library = &context.library;
    let claims = Claims::read(library)?;
    for id in &options.ids {
        if !claims.claims.iter().any(|claim| claim.id == *id) {
            let known = claims.claims.iter().map(|claim| claim.id.as_str());
            return Err(Error::unknown_name("command line", "claim", id, known));
        }
    }
    if let Some(letter) = &options.priority
        && !["A", "B", "C"].contains(&letter.as_str())
    {
        return Err(Error::unknown_name(
            "--priority",
            "priority",
            letter,
            ["A", "B", "C"],
        ));
    }
    let selected: Vec<Claim> = claims
        .claims
        .iter()
        .filter(|claim| options.ids.is_empty() || options.ids.contains(&claim.id))
        .filter(|claim| {
            let letter = claim.priority.to_string();
            options.priority.as_ref().is_none_or(|p| *p == letter)
        })
        .cloned()
        .collect();
    let alternatives = alternatives(context, options, &claims)?;
    let accuracy = options::many(options.rtol)?;
    let runs = ledger_runs(&selected, alternatives.len());
    let bar = progress::bar(runs, context.quiet);
    let ledger = ledger(library, &selected, &alternatives, &accuracy, &|| bar.inc(1))?;
    bar.finish_and_clear();
    let written = match &options.out {
        Some(folder) => write(context, folder, &ledger, &accuracy)?,
        None => Written::default(),
    };
    let format = if context.json {
        Format::Json
    } else {
        options.format
    };
    match format {
        Format::Table if options.ids.is_empty() => {
            context.print_table(&report::claims_table(&ledger));
            context.print(&format!("\n{}", report::claims_summary(&ledger)));
        }
        Format::Table => context.print_table(&report::claim_tests_table(&ledger)),
        Format::Csv => {
            let csv = report::claim_tests_table(&ledger).to_csv()?;
            context.print(String::from_utf8_lossy(&csv).trim_end());
        }
        Format::Json => {
            let json = report::claim_tests_table(&ledger).to_json();
            context.print(&format!("{json:#}"));
        }
        Format::Md => context.print(&report::claims_page(
            &ledger,
            Record::of_present(&context.library)?.as_ref(),
        )),
    }
    let carries = match format {
        Format::Table => Carries::Text,
        Format::Csv | Format::Json | Format::Md => Carries::Data,
    };
    context.written(&written, carries);
    Ok(())
}

/// The models beside the full one: variants, and what is asked to be taken out.
fn alternatives(
    context: &Context,
    options: &ClaimsOptions,
    claims: &Claims,
) -> Result<Vec<Alternative>> {
    let mut all = Vec::new();
    if !options.no_variants {
        let variants = context.library.names("variants");
        all.extend(variants.into_iter().map(Alternative::variant));
    }
    let known = || claims.mechanisms.keys().map(String::as_str);
    let asked: Vec<&str> = if options.mechanisms {
        known().collect()
    } else {
        options.without.iter().map(String::as_str).collect()
    };
    for mechanism in asked {
        let removed = Alternative::without(claims, mechanism)
            .ok_or_else(|| Error::unknown_name("--without", "mechanism", mechanism, known()))?;
        all.push(removed);
    }
    Ok(all)
}

/// Writes the figures of the ledger and every test as a table.
fn write(
    context: &Context,
    folder: &Path,
    ledger: &Ledger,
    accuracy: &Accuracy,
) -> Result<Written> {
    let claims: Vec<Claim> = ledger.rows.iter().map(|row| row.claim.clone()).collect();
    let map = hif1a_map(&context.library, &claims, accuracy)?;
    let manifest = Manifest::new(&context.library, accuracy, &context.command);
    let mut results = Results::new(folder, "claims", manifest);
    for figure in [figure::claims(ledger)?, figure::hif1a_map(&map)?] {
        results.files(figure.files(folder.join("plots")))?;
        results.add(&format!("figure-{}", figure.name), |out| {
            figure.data.write_csv(out)
        })?;
    }
    results.table("claims", &report::claim_tests_table(ledger).into())?;
    results.publish()
}
