//! cargo run --release --example every_partner
//!
//! Lesson: one comparison runs every partner of the library alone and with sorafenib.

use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::{figure, report, study};

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let study = study::compare(
        &library,
        &Scenario::new("xenograft", Arm::vehicle()),
        &study::all_arms(&library),
        &Accuracy::default(),
        6.0,
        false,
        &study::silent,
    )?;
    let figure = figure::tumour_volume(&study)?;
    report::write_all(&figure.files("plots/examples"))?;
    for result in study.arms.iter().filter(|result| result.arm().sorafenib) {
        println!(
            "{:32} T/C {:.2}  {}",
            result.arm().to_string(),
            result.main().treated_over_control,
            result.verdict.words()
        );
    }
    Ok(())
}
