//! Reports: tables for the terminal, CSV and JSON, and files that are whole or not there.

mod claims;
mod comparison;
mod manifest;
mod output;
mod page;
mod parameters;
mod parquet;
mod trajectory;

pub use claims::{claim_tests_table, claims_page, claims_summary, claims_table};
pub use comparison::{Beside, arms_table, endpoints_table, legend, run_table};
pub use manifest::Manifest;
pub use output::{write_all, write_atomically};
pub use page::{Comparison, Drawing, Page, ParameterSet, parameter_sets};
pub use parameters::{listing, parameter_table};
pub use parquet::{csv_metadata, to_parquet};
pub use trajectory::{OUTPUTS, timeline_table, trajectory_table};
