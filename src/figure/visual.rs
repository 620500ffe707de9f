//! Visual predictive checks: observed means over the bands of virtual patients.

use super::Figure;
use super::canvas::Dash;
use super::lines::{Chart, Panel, Series};
use super::theme;
use crate::error::Result;
use crate::study::calibrate::VisualCheck;

/// A panel per curve.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn visual_checks(checks: &[VisualCheck]) -> Result<Figure> {
    let mut chart = Chart::new("visual_check", "hours after the dose")
        .columns(3)
        .height(150.0)
        .x_range(0.0, 12.0)
        .x_ticks(
            [0, 3, 6, 9, 12]
                .map(|hour| (f64::from(hour), hour.to_string()))
                .to_vec(),
        )
        .letters()
        .legend("virtual patients, median", theme::HIF1, Dash::Solid)
        .legend("5 and 95 %", theme::HIF1, Dash::Dashed)
        .legend("observed mean", theme::HIF2, Dash::Solid);
    for check in checks {
        let [low, middle, high] = &check.bands;
        let edge = |values: &[f64]| {
            Series::new("", theme::HIF1, &check.hours, values)
                .thin()
                .dash(Dash::Dashed)
                .unlabelled()
        };
        let seen = &check.observed;
        // What lies below 0.01 mg/L cannot be told from nothing.
        let largest = high.iter().chain(&seen.means).copied().fold(0.01, f64::max);
        let panel = Panel::new("sorafenib, mg/L")
            .title(check.id.clone(), theme::INK)
            .log()
            .range((largest / 300.0).max(0.02), 1.3 * largest)
            .series(edge(low))
            .series(edge(high))
            .series(Series::new("", theme::HIF1, &check.hours, middle).unlabelled())
            .series(Series::new("", theme::HIF2, &seen.hours, &seen.means).unlabelled())
            .note(
                format!(
                    "{:.0} % within, n = {}",
                    100.0 * check.covered(),
                    seen.patients
                ),
                theme::FAINT,
            );
        chart = chart.panel(panel);
    }
    let covered = checks.iter().map(VisualCheck::covered).sum::<f64>() / checks.len() as f64;
    chart.draw(format!(
        "Visual predictive check: {:.0} % of the observed means lie between the 5 and 95 % bands of what would be \
         measured in virtual patients, whose clearance differs between occasions, over {} curves.",
        100.0 * covered,
        checks.len()
    ))
}
