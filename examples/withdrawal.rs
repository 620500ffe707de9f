//! cargo run --release --example withdrawal
//!
//! Lesson: regimens are files; this one stops for a week and starts again. Vessels are back within
//! that week.

use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::{figure, report, study};

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let scenario = Scenario {
        regimen: Some("xenograft-withdrawal".to_owned()),
        ..Scenario::new("xenograft", Arm::vehicle())
    };
    let study = study::compare(
        &library,
        &scenario,
        &[Arm::sorafenib(), Arm::combination("pt2385")],
        &Accuracy::default(),
        1.0,
        false,
        &study::silent,
    )?;
    let figure = figure::withdrawal(&study)?;
    report::write_all(&figure.files("plots/examples"))?;
    println!("{}", figure.caption);
    Ok(())
}
