//! Volume curves of every partner drug.

use super::Figure;
use super::axes::{ratio, tidy};
use super::canvas::Dash;
use super::lines::{Chart, Panel, Series};
use super::theme;
use super::traces::{DAY, arm, mode_words, partners, times, unknown_partners, unknown_words};
use crate::error::Result;
use crate::regimen::Arm;
use crate::study::{ArmResult, CompareStudy};

const NAME: &str = "tumour_volume";

/// A panel per partner: vehicle, sorafenib, the partner alone and both, with the Bliss interaction
/// at the main evaluation.
///
/// # Errors
/// A study without vehicle or sorafenib; a shape that cannot be drawn.
pub fn tumour_volume(study: &CompareStudy) -> Result<Figure> {
    let vehicle = arm(study, &Arm::vehicle(), NAME)?;
    let sorafenib = arm(study, &Arm::sorafenib(), NAME)?;
    let rows = partners(study, interaction);
    let curve = |name: &str, color, result: &ArmResult| {
        let volume = result.run.trajectory.series(|_, signals| signals.burden);
        Series::new(name, color, &times(&result.run, DAY), &volume).unlabelled()
    };
    let label = format!("volume ({})", theme::typeset(&study.burden_unit));
    let mut chart = Chart::new(NAME, "time (day)")
        .columns(4)
        .height(120.0)
        .shared_axis()
        .legend("vehicle", theme::VEHICLE, Dash::Solid)
        .legend("sorafenib", theme::SORAFENIB, Dash::Solid)
        .legend("partner alone", theme::FAINT, Dash::Dashed)
        .legend("both", theme::FAINT, Dash::Solid);
    let mut class = rows.first().map_or("", |row| row.0.class.as_str());
    for (drug, alone, both) in &rows {
        if drug.class != class {
            class = &drug.class;
            chart = chart.new_row();
        }
        let color = theme::class_color(&drug.class);
        let panel = Panel::new(&label)
            .log()
            .title(theme::typeset(&drug.title), color)
            .note(
                format!("interaction {}", ratio(interaction(both))),
                theme::FAINT,
            )
            .series(curve("vehicle", theme::VEHICLE, vehicle).thin())
            .series(curve("sorafenib", theme::SORAFENIB, sorafenib).thin())
            .series(
                curve("partner alone", color, alone)
                    .thin()
                    .dash(Dash::Dashed),
            )
            .series(curve("both", color, both));
        chart = chart.panel(panel);
    }
    let unknown = unknown_partners(study);
    if !unknown.is_empty() {
        chart = chart.new_row();
    }
    for (drug, what) in unknown {
        let panel = Panel::new(&label)
            .log()
            .title(theme::typeset(&drug.title), theme::class_color(&drug.class))
            .note(format!("unknown: {}", what.what), theme::FAINT)
            .series(curve("vehicle", theme::VEHICLE, vehicle).thin())
            .series(curve("sorafenib", theme::SORAFENIB, sorafenib).thin());
        chart = chart.panel(panel);
    }
    let synergistic = rows.iter().filter(|row| interaction(row.2) < 0.85).count();
    let best = rows
        .iter()
        .min_by(|a, b| interaction(a.2).total_cmp(&interaction(b.2)))
        .map_or(String::new(), |(drug, _, both)| {
            format!(
                ", the strongest being {} ({})",
                theme::typeset(&drug.title),
                ratio(interaction(both))
            )
        });
    chart.draw(format!(
        "Tumour volume in the {} under vehicle, sorafenib, each of {} partners alone and both \
         ({}; blue acts on HIF-1α, vermilion on HIF-2α, purple on both, green \
         upstream): {synergistic} combinations do better than independent drugs would at day {} \
         (Bliss interaction below 0.85){best}.{}",
        study.scenario.setting,
        rows.len(),
        mode_words(study),
        tidy(vehicle.main().time / DAY, 3),
        unknown_words(study),
    ))
}

fn interaction(result: &ArmResult) -> f64 {
    result.main().bliss_interaction.unwrap_or(f64::NAN)
}
