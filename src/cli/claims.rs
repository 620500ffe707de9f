//! `hif-switch claims`: the literature as a ledger.

use super::{Context, options, progress};
use crate::error::{Error, Result};
use crate::report;
use crate::simulate::Accuracy;
use crate::study::claims::{Claim, Claims, ledger, ledger_runs};
use clap::{Args, ValueEnum};

pub const EXAMPLES: &str = "Examples:
  hif-switch claims                          every claim, one line each
  hif-switch claims C40 C41                  these, with every test, value and numerical error
  hif-switch claims --priority A --no-variants
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
    /// Relative tolerance of the integrator
    #[arg(long, value_name = "NUMBER", default_value_t = Accuracy::default().rtol)]
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
    let variants: Vec<String> = if options.no_variants {
        Vec::new()
    } else {
        let names = library.names("variants");
        names.into_iter().map(str::to_owned).collect()
    };
    let accuracy = options::accuracy(options.rtol)?;
    let bar = progress::bar(ledger_runs(&selected, &variants), context.quiet);
    let ledger = ledger(library, &selected, &variants, &accuracy, &|| bar.inc(1))?;
    bar.finish_and_clear();
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
        Format::Md => context.print(&report::claims_page(&ledger)),
    }
    Ok(())
}
