//! A virtual trial in mice: cargo run --release --example virtual_trial
//!
//! Writes virtual_trial.svg and prints the hazard ratios.

use hif_switch::figure;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::silent;
use hif_switch::study::trial::{Allocation, TrialDesign, trial};

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let design = TrialDesign {
        population: "xenograft-mice".to_owned(),
        arms: vec![Arm::vehicle(), Arm::sorafenib(), Arm::combination("pt2385")],
        allocation: Allocation::Randomised,
        patients: 12,
        duration: 28.0 * 24.0,
        scan_interval: 3.0 * 24.0,
        published: Vec::new(),
        ..TrialDesign::read(&library, "sharp", "example")?
    };
    let scenario = Scenario::new("xenograft", Arm::vehicle());
    let result = trial(
        &library,
        &design,
        &scenario,
        1,
        &Accuracy::ensemble(),
        &silent,
    )?;
    for contrast in &result.contrasts {
        match &contrast.hazard_ratio {
            Some(ratio) => println!(
                "{} against {}: hazard ratio {:.2} ({:.2} to {:.2})",
                contrast.arm, contrast.against, ratio.estimate, ratio.lower, ratio.upper
            ),
            None => println!("{} against {}: no ratio", contrast.arm, contrast.against),
        }
    }
    let figure = figure::kaplan_meier(&result)?;
    hif_switch::report::write_atomically("virtual_trial.svg".as_ref(), figure.svg.as_bytes())?;
    Ok(())
}
