//! Sorafenib with a HIF-2 antagonist, dose by dose: cargo run --release --example synergy_surface
//!
//! Prints the excess over each null and writes synergy_surfaces.svg.

use hif_switch::figure;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::plan::collect;
use hif_switch::study::silent;
use hif_switch::study::synergy::{Level, Measures, SynergyPlan};

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let scenario = Scenario::new("xenograft", Arm::combination("pt2385"));
    let (doses, parts) = ([5.0, 10.0, 20.0, 40.0, 80.0], [0.25, 0.5, 0.75, 1.0]);
    let plan = SynergyPlan::new(
        &library,
        &scenario,
        &doses,
        &parts,
        None,
        &[14.0 * 24.0, 28.0 * 24.0],
    )?;
    let rows = collect(&plan, &Accuracy::ensemble(), &silent)?;
    let result = plan.analyse(&rows)?;
    type Of = fn(&Measures) -> Level;
    let nulls: [(&str, Of); 4] = [
        ("HSA", |m| m.hsa),
        ("Bliss", |m| m.bliss),
        ("Loewe", |m| m.loewe),
        ("ZIP", |m| m.zip),
    ];
    for (name, of) in nulls {
        let (mean, _, _) = result.over_subjects(|measures| of(measures).mean);
        println!("{name}: mean excess {mean:.3}");
    }
    for figure in figure::synergy_figures(&result)?.into_iter().take(1) {
        let name = format!("{}.svg", figure.name);
        hif_switch::report::write_atomically(name.as_ref(), figure.svg.as_bytes())?;
    }
    Ok(())
}
