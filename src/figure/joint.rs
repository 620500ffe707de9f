//! The trade-off between targets and claims in a joint fit.

use super::Figure;
use super::canvas::Dash;
use super::lines::{Chart, Panel, Series};
use super::theme;
use crate::error::Result;
use crate::study::calibrate::joint::{Score, Share};

/// Parts of the claims that pass and of the targets that are met, one step from the fit, over the weight of targets.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn trade_off(points: &[(f64, Score)]) -> Result<Figure> {
    let weights: Vec<f64> = points.iter().map(|(weight, _)| *weight).collect();
    let percent = |of: fn(&Score) -> Share| -> Vec<f64> {
        let shares = points.iter().map(|(_, score)| of(score));
        shares
            .map(|share| 100.0 * share.passed as f64 / share.tested.max(1) as f64)
            .collect()
    };
    let claims = percent(Score::claims);
    let targets = percent(|score| score.targets);
    let lowest = claims
        .iter()
        .chain(&targets)
        .fold(100.0_f64, |a, b| a.min(*b));
    let panel = Panel::new("passed (%)")
        .range((lowest - 5.0).max(0.0), 100.0)
        .series(Series::new("claims", theme::HIF1, &weights, &claims))
        .series(Series::new("targets", theme::HIF2, &weights, &targets));
    Chart::new("joint_trade_off", "weight of targets over that of the fit")
        .log_x()
        .height(240.0)
        .legend("claims", theme::HIF1, Dash::Solid)
        .legend("targets", theme::HIF2, Dash::Solid)
        .panel(panel)
        .draw(
            "Claims that pass and targets that are met, one step of the joint fit from its end, over the weight of the \
             targets.",
        )
}
