//! cargo run --release --example new_partner
//!
//! Lesson: a partner drug is a TOML file in a folder of your own; no Rust is needed for it.

use hif_switch::figure::lines::{Chart, Panel, Series};
use hif_switch::figure::theme;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::{report, study};
use std::path::Path;

/// A blocker of HIF-2a synthesis that also lowers survival; every number is an assumption.
const PARTNER: &str = r#"
name = "example-drug"
title = "Example drug"
class = "hif2"
mechanism = "Blocks HIF-2a synthesis and AKT-dependent survival."
limits = "Invented for this example."

[molecule]
molar_mass = { value = 400.0, unit = "g/mol", grade = "assumed", note = "example" }
unbound_fraction = { value = 0.1, unit = "1", grade = "assumed", note = "example" }

[imposed]
hif2_synthesis = { value = 0.6, unit = "1", grade = "assumed", note = "example" }
akt_survival = { value = 0.2, unit = "1", grade = "assumed", note = "example" }

[exposure]
needed = "unknown"
achievable = "unknown"
"#;

fn main() -> hif_switch::Result<()> {
    let own = Path::new("my-params");
    let file = own.join("partners/example-drug.toml");
    report::write_atomically(&file, PARTNER.as_bytes())?;

    let library = Library::with_overlay(own)?;
    let study = study::compare(
        &library,
        &Scenario::new("xenograft", Arm::vehicle()),
        &[Arm::combination("example-drug")],
        &Accuracy::default(),
        6.0,
        false,
        &study::silent,
    )?;
    let mut panel = Panel::new("tumour volume (mm³)").log();
    for result in &study.arms {
        let color = match (result.arm().sorafenib, result.arm().partners.is_empty()) {
            (false, true) => theme::VEHICLE,
            (true, true) => theme::SORAFENIB,
            (false, false) => theme::UPSTREAM,
            (true, false) => theme::HIF2,
        };
        let trajectory = &result.run.trajectory;
        let days: Vec<f64> = trajectory.times.iter().map(|hour| hour / 24.0).collect();
        let volume = trajectory.series(|_, signals| signals.burden);
        panel = panel.series(Series::new(result.arm().to_string(), color, &days, &volume));
        println!("{:24} {}", result.arm().to_string(), result.verdict.words());
    }
    let figure = Chart::new("new_partner", "time (day)")
        .panel(panel)
        .draw("A partner drug from a file of one's own.")?;
    report::write_all(&figure.files("plots/examples"))?;
    Ok(())
}
