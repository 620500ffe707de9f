//! cargo run --release --example dose_sweep
//!
//! Lesson: a sweep is a loop over scenarios; volume falls with the dose, the switch rises with it.

use hif_switch::figure::lines::{Chart, Panel, Series};
use hif_switch::figure::theme;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::report;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::run_scenario;
use hif_switch::units::Quantity;

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let run =
        |scenario: &Scenario| run_scenario(&library, scenario, &Accuracy::default(), 24.0, false);
    let control = run(&Scenario::new("xenograft", Arm::vehicle()))?
        .outcome
        .end;
    let doses: Vec<f64> = (0..=24).map(|i| 10f64.powf(f64::from(i) / 12.0)).collect();
    let (mut volume, mut switch) = (Vec::new(), Vec::new());
    for dose in &doses {
        let end = run(&Scenario {
            dose: Some(Quantity {
                value: *dose,
                unit: "mg/kg".to_owned(),
            }),
            ..Scenario::new("xenograft", Arm::sorafenib())
        })?
        .outcome
        .end;
        volume.push(end.tumour.burden() / control.tumour.burden());
        switch.push(end.hif.hif2a / end.hif.hif1a);
    }
    let figure = Chart::new("dose_sweep", "sorafenib once daily (mg/kg)")
        .log_x()
        .columns(2)
        .letters()
        .panel(
            Panel::new("T/C on day 28")
                .range(0.0, 1.0)
                .series(Series::new("", theme::SORAFENIB, &doses, &volume).unlabelled()),
        )
        .panel(
            Panel::new("HIF-2α/HIF-1α on day 28")
                .include(0.0)
                .series(Series::new("", theme::HIF2, &doses, &switch).unlabelled()),
        )
        .draw("More drug: less tumour, more switch.")?;
    report::write_all(&figure.files("plots/examples"))?;
    for (dose, ratio) in doses.iter().zip(&volume).step_by(6) {
        println!("{dose:5.0} mg/kg  T/C {ratio:.2}");
    }
    Ok(())
}
