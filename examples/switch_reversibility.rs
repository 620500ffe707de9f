//! Is the switch bistable? cargo run --release --example switch_reversibility
//!
//! Lowers and raises the pO2 of a culture step by step, finds all steady states, writes hysteresis.svg.

use hif_switch::figure;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario, Template};
use hif_switch::study::bifurcation::steady_state_diagram;
use hif_switch::study::sweep::{Axis, FIXED_CELLS, up_down};

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let scenario = Scenario::new("culture", Arm::vehicle());
    let template = Template::read(&library, &scenario)?;
    let axis = Axis::parse("oxygen=0.5:40:24:log", &template, "example")?;
    let ways = up_down(
        &template,
        &axis,
        3.0 * 24.0,
        &FIXED_CELLS,
        &Accuracy::default(),
    )?;
    let states = steady_state_diagram(&template, &axis, &FIXED_CELLS, 1)?;
    println!(
        "{} levels, {} steady states, gap of the regulator {:.3}",
        axis.values.len(),
        states.len(),
        ways.gap(3)
    );
    let figure = figure::hysteresis(&ways, &states)?;
    hif_switch::report::write_atomically("hysteresis.svg".as_ref(), figure.svg.as_bytes())?;
    Ok(())
}
