//! Reports: tables for the terminal, CSV and JSON, and files that are whole or not there.

mod calibrate;
mod claims;
mod comparison;
mod failures;
mod joined;
mod joint;
mod lock;
mod manifest;
mod output;
mod page;
mod parameters;
mod parquet;
mod part;
mod population;
mod results;
mod schedule;
mod sensitivity;
mod starts;
mod store;
mod sweep;
mod trajectory;
mod trial;

pub use calibrate::{
    correlations_table, estimates_table, fit_words, fitted_parameters, models_table, models_words,
    profiles_table, residuals_table, starts_table, validation_page, validation_summary,
    validation_table,
};
pub use claims::{claim_tests_table, claims_page, claims_summary, claims_table};
pub use comparison::{Beside, arms_table, endpoints_table, legend, run_table};
pub use failures::failures_table;
pub use joined::Joined;
pub use joint::{
    joint_files, joint_parameters_table, joint_steps_table, joint_words, trade_off_table,
};
pub use lock::{Hold, Lock};
pub use manifest::{Manifest, ResultFile};
pub use output::{
    Draft, Staged, Written, is_same_file, is_stream, sha256, write_all, write_atomically,
};
pub use page::{Comparison, Drawing, Page, ParameterSet, Validation, parameter_sets};
pub use parameters::{listing, parameter_table};
pub use parquet::{csv_metadata, to_parquet};
pub use population::{population_summary, rejections, subjects_table};
pub use results::Results;
pub use schedule::{attribution_table, front_table};
pub use sensitivity::{sensitivity_notes, sensitivity_table};
pub use starts::Starts;
pub use store::{Access, Header, Shard, Store};
pub use sweep::{
    sweep_table, synergy_over_time_table, synergy_summary, synergy_table, up_down_table,
};
pub use trajectory::{OUTPUTS, timeline_table, trajectory_table};
pub use trial::{arms_summary, biomarkers_table, contrasts_table, courses_table, steps_table};
