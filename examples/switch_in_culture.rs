//! cargo run --release --example switch_in_culture
//!
//! Lesson: at 1 % O2 HIF-1a peaks within hours and falls while HIF-2a rises for days; sorafenib
//! lowers HIF-1a, and HIF-2a rises a little further.

use hif_switch::figure::lines::{Chart, Panel, Series};
use hif_switch::figure::theme;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::report;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::run_scenario;

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let run = |arm: Arm| {
        let scenario = Scenario::new("culture", arm);
        run_scenario(&library, &scenario, &Accuracy::default(), 0.25, false)
    };
    let (vehicle, treated) = (run(Arm::vehicle())?, run(Arm::sorafenib())?);
    let panel = |title: &str, hif: fn(&hif_switch::model::State<f64>) -> f64| {
        let series = |name: &str, color, run: &hif_switch::study::ArmRun| {
            let levels = run.trajectory.series(|state, _| hif(state));
            Series::new(name, color, &run.trajectory.times, &levels)
        };
        Panel::new(format!("{title} (reference tumour = 1)"))
            .include(0.0)
            .series(series("vehicle", theme::VEHICLE, &vehicle))
            .series(series("sorafenib 5 µM", theme::SORAFENIB, &treated))
    };
    let peak = vehicle.endpoints.hif1a_peak_time.unwrap_or_default() * 24.0;
    let figure = Chart::new("switch_in_culture", "time at 1 % O₂ (h)")
        .columns(2)
        .letters()
        .panel(panel("HIF-1α", |state| state.hif.hif1a))
        .panel(panel("HIF-2α", |state| state.hif.hif2a))
        .draw(format!("HIF-1α peaks after {peak:.1} h."))?;
    report::write_all(&figure.files("plots/examples"))?;
    println!("{}", figure.caption);
    Ok(())
}
