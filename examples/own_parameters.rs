//! cargo run --release --example own_parameters
//!
//! Lesson: parameters, phenotypes and variants are set by name on a scenario; here resistant cells
//! and a model without the switch.

use hif_switch::figure::lines::{Chart, Panel, Series};
use hif_switch::figure::theme;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::report;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::run_scenario;

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let standard = Scenario::new("xenograft", Arm::sorafenib());
    let scenarios = [
        ("as shipped", theme::SORAFENIB, standard.clone()),
        (
            "VEGFR2 EC50 15 nM",
            theme::HIF1,
            Scenario {
                overrides: vec![("sorafenib.vegfr2_ec50".to_owned(), "15 nM".to_owned())],
                ..standard.clone()
            },
        ),
        (
            "resistant cells",
            theme::HIF2,
            Scenario {
                phenotype: Some("resistant".to_owned()),
                ..standard.clone()
            },
        ),
        (
            "no switch",
            theme::UPSTREAM,
            Scenario {
                variant: Some("no_switch".to_owned()),
                ..standard
            },
        ),
    ];
    let mut panel = Panel::new("tumour volume (mm³)").include(0.0);
    for (name, color, scenario) in scenarios {
        let run = run_scenario(&library, &scenario, &Accuracy::default(), 6.0, false)?;
        let days: Vec<f64> = run
            .trajectory
            .times
            .iter()
            .map(|hour| hour / 24.0)
            .collect();
        let volume = run.trajectory.series(|_, signals| signals.burden);
        panel = panel.series(Series::new(name, color, &days, &volume));
        println!(
            "{name:20} {:6.0} mm³ on day 28",
            run.outcome.end.tumour.burden()
        );
    }
    let figure = Chart::new("own_parameters", "time on sorafenib 30 mg/kg (day)")
        .panel(panel)
        .draw("What four sets of parameters make of the same treatment.")?;
    report::write_all(&figure.files("plots/examples"))?;
    Ok(())
}
