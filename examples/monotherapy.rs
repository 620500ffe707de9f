//! cargo run --release --example monotherapy
//!
//! Lesson: what sorafenib alone does, from concentration to volume, in one call and one figure.

use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::{figure, report, study};

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let study = study::compare(
        &library,
        &Scenario::new("xenograft", Arm::vehicle()),
        &[Arm::sorafenib()],
        &Accuracy::default(),
        1.0,
        false,
        &study::silent,
    )?;
    let figure = figure::monotherapy(&study)?;
    report::write_all(&figure.files("plots/examples"))?;
    println!("{}", figure.caption);
    Ok(())
}
