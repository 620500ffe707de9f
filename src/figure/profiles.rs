//! Profile likelihoods with their threshold.

use super::Figure;
use super::canvas::Dash;
use super::lines::{Chart, Panel, Series};
use super::theme;
use crate::error::Result;
use crate::study::calibrate::{Profile, THRESHOLD};

/// A panel per parameter: rise of the objective over the place of its value between the ends of the
/// profile, all other parameters fitted again.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn profiles(profiles: &[Profile]) -> Result<Figure> {
    let mut chart = Chart::new("profiles", "value over the fitted value")
        .columns(3)
        .height(170.0)
        .log_x()
        .letters()
        .legend("profile", theme::HIF1, Dash::Solid)
        .legend("95 % threshold", theme::FAINT, Dash::Solid);
    for profile in profiles {
        let ratios: Vec<f64> = profile.values.iter().map(|v| v / profile.best).collect();
        let series = Series::new("", theme::HIF1, &ratios, &profile.rise).unlabelled();
        let color = match profile.interval {
            (Some(_), Some(_)) => theme::INK,
            _ => theme::HIF2,
        };
        let panel = Panel::new("rise of the objective")
            .title(profile.path.clone(), theme::INK)
            .range(0.0, 10.0)
            .level(THRESHOLD)
            .series(series)
            .note(profile.verdict(), color);
        chart = chart.panel(panel);
    }
    let told = profiles
        .iter()
        .filter(|p| p.verdict() == "identifiable")
        .count();
    chart.draw(format!(
        "Profile likelihoods: {told} of {} parameters cross the 95 % threshold on both sides within their ranges.",
        profiles.len()
    ))
}
