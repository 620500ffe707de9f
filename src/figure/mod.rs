//! Figures: results in, SVG and PNG out.
//!
//! A figure only reads results. Each has its function and its file; [`gallery`] draws them all.
//! Every figure is drawn once by plotters as SVG, and its PNG is rendered from that same SVG with an
//! embedded font, so that both agree and are the same bytes on every machine. [`theme`] gives
//! colours one meaning throughout; [`lines`] is a small builder for further charts.

pub mod axes;
pub mod canvas;
pub mod lines;
pub mod theme;

mod causal_chain;
mod claims;
mod forest;
mod heatmap;
mod hif1a_map;
mod joint;
mod leaders;
mod map;
mod monotherapy;
mod patient;
mod phase_plane;
mod population;
mod profiles;
mod schedule;
mod selection;
mod sensitivity;
mod sign_map;
mod sweep;
mod synergy;
mod traces;
mod trial;
mod tumour_volume;
mod validation;
mod visual;
mod withdrawal;

pub use causal_chain::causal_chain;
pub use claims::claims;
pub use forest::forest;
pub use heatmap::heatmap;
pub use hif1a_map::hif1a_map;
pub use joint::trade_off;
pub use monotherapy::monotherapy;
pub use patient::patient;
pub use phase_plane::phase_plane;
pub use population::population;
pub use profiles::profiles;
pub use schedule::{attribution, schedule};
pub use selection::Selection;
pub use sensitivity::{convergence, sensitivity};
pub use sign_map::sign_map;
pub use sweep::{hysteresis, sweep};
pub use synergy::synergy_figures;
pub use trial::{biomarkers, kaplan_meier, spider, trial_figures, waterfall};
pub use tumour_volume::tumour_volume;
pub use validation::validation;
pub use visual::visual_checks;
pub use withdrawal::withdrawal;

use crate::error::Result;
use crate::study::Overview;
use crate::table::Table;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// A finished figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Stem of its file names.
    pub name: &'static str,
    /// What it says, with the numbers of the run.
    pub caption: String,
    /// The drawing as SVG.
    pub svg: String,
    /// The drawing as PNG.
    pub png: Vec<u8>,
    /// What is drawn, as a table.
    pub data: Table,
}

/// Names of the figures of the main job, in the order of [`gallery`].
pub const NAMES: [&str; 9] = [
    "monotherapy",
    "causal_chain",
    "phase_plane",
    "tumour_volume",
    "forest",
    "heatmap",
    "sign_map",
    "patient",
    "withdrawal",
];

impl Figure {
    /// The files of the figure in a folder: name and content of the SVG and the PNG.
    pub fn files(&self, folder: impl AsRef<Path>) -> [(PathBuf, Vec<u8>); 2] {
        let path = |ending: &str| folder.as_ref().join(format!("{}.{ending}", self.name));
        [
            (path("svg"), self.svg.clone().into_bytes()),
            (path("png"), self.png.clone()),
        ]
    }
}

/// Draws every figure of the main job, in the order in which they tell the story.
///
/// # Errors
/// The first figure that lacks an arm or cannot be drawn.
pub fn gallery(overview: &Overview, selection: &Selection) -> Result<Vec<Figure>> {
    type Draw<'a> = Box<dyn Fn() -> Result<Figure> + Sync + Send + 'a>;
    let mouse = &overview.xenograft;
    let figures: [Draw<'_>; 9] = [
        Box::new(|| monotherapy(mouse)),
        Box::new(|| causal_chain(mouse)),
        Box::new(|| phase_plane(mouse, selection)),
        Box::new(|| tumour_volume(mouse)),
        Box::new(|| forest(mouse, &overview.xenograft_achievable)),
        Box::new(|| heatmap(mouse)),
        Box::new(|| sign_map(&overview.sign_map)),
        Box::new(|| patient(&overview.patient, selection)),
        Box::new(|| withdrawal(&overview.withdrawal)),
    ];
    figures
        .par_iter()
        .map(|draw| draw())
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Library;
    use crate::regimen::Arm;
    use crate::simulate::{Accuracy, Scenario};
    use crate::study::{CompareStudy, compare, silent};

    /// Two days of vehicle, sorafenib, and one partner.
    fn small_study() -> CompareStudy {
        let scenario = Scenario {
            duration: Some(48.0),
            ..Scenario::new("xenograft", Arm::vehicle())
        };
        let arms = [Arm::combination("pt2385")];
        let accuracy = Accuracy::default();
        let library = Library::shipped();
        compare(&library, &scenario, &arms, &accuracy, 2.0, false, &silent).expect("runs")
    }

    #[test]
    fn figures_take_any_set_of_partners() {
        let study = small_study();
        for figure in [
            monotherapy(&study),
            causal_chain(&study),
            tumour_volume(&study),
            forest(&study, &study),
            heatmap(&study),
            withdrawal(&study),
        ] {
            let figure = figure.expect("drawn");
            assert!(figure.svg.contains("viewBox") && !figure.svg.contains("NaN"));
            assert!(figure.caption.ends_with('.') && !figure.data.rows.is_empty());
            let columns = figure.data.columns.len();
            assert!(figure.data.rows.iter().all(|row| row.len() == columns));
        }
    }

    #[test]
    fn a_missing_arm_is_named() {
        let selection = Selection {
            phase_plane: vec!["genistein".to_owned()],
            patient: "genistein".to_owned(),
            withdrawal: vec![Arm::sorafenib()],
        };
        let error = phase_plane(&small_study(), &selection).expect_err("no such arm");
        assert!(error.to_string().contains("sorafenib+genistein"), "{error}");
    }
}
