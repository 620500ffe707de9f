//! What decides T/C of sorafenib in mice: cargo run --release --example sensitivity
//!
//! Screens every parameter with a range by Morris' method and writes sensitivity.svg.

use hif_switch::figure;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::assay::{Assay, Quantity};
use hif_switch::study::plan::collect;
use hif_switch::study::sensitivity::{Method, SensitivityPlan, Space, morris};
use hif_switch::study::silent;

fn main() -> hif_switch::Result<()> {
    let library = Library::shipped();
    let scenario = Scenario::new("xenograft", Arm::sorafenib());
    let assay = Assay::new(&library, &scenario, &[Quantity::TreatedOverControl])?;
    let space = Space::all(&assay.templates[0], &["expression.", "size."], "example")?;
    let design = morris::Design::new(4, space.axes.len(), 8, 1)?;
    let plan = SensitivityPlan {
        assay,
        space,
        method: Method::Morris(Box::new(design)),
        seed: 1,
    };
    let accuracy = Accuracy {
        rtol: 1e-4,
        ..Accuracy::ensemble()
    };
    let result = plan.analyse(&collect(&plan, &accuracy, &silent)?)?;
    println!("{}", result.tally.words());
    for i in result.ranking(0).into_iter().take(5) {
        println!("{}", plan.space.axes[i].path);
    }
    let figure = figure::sensitivity(&result)?;
    hif_switch::report::write_atomically("sensitivity.svg".as_ref(), figure.svg.as_bytes())?;
    Ok(())
}
