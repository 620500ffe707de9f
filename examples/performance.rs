//! cargo run --release --example performance
//!
//! Lesson: cost against achieved error of the ODE engines, from the results of `benches/side_by_side/run.sh`.

use hif_switch::figure::lines::{Chart, Panel, Series};
use hif_switch::figure::theme;
use hif_switch::report;
use std::collections::BTreeMap;

const RESULTS: &str = include_str!("../benches/side_by_side/results.csv");

fn main() -> hif_switch::Result<()> {
    let mut engines: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for line in RESULTS.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [engine, case, _, _, milliseconds, error] = fields[..] else {
            continue;
        };
        let cost: f64 = milliseconds.parse().unwrap_or(f64::NAN);
        // Errors of a few in ten thousand and more compare with nothing.
        if let ("ensemble" | "single", Ok(error)) = (case, error.parse::<f64>())
            && error < 1e-4
        {
            engines.entry(engine).or_default().push((error, cost));
        }
    }
    let mut panel = Panel::new("ms per patient and 180 days").log();
    let colors = [
        theme::HIF1,
        theme::DUAL,
        theme::UPSTREAM,
        theme::FAINT,
        theme::SORAFENIB,
    ];
    let mut peers = colors.iter().cycle();
    for (engine, mut points) in engines {
        points.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (errors, costs): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        let color = if engine.starts_with("hif-switch") {
            theme::HIF2
        } else {
            *peers.next().unwrap_or(&theme::FAINT)
        };
        panel = panel.series(Series::new(engine, color, &errors, &costs));
    }
    let ticks = vec![
        (1e-8, "10⁻⁸".to_owned()),
        (1e-7, "10⁻⁷".to_owned()),
        (1e-6, "10⁻⁶".to_owned()),
        (1e-5, "10⁻⁵".to_owned()),
    ];
    let figure = Chart::new("performance", "largest relative error")
        .log_x()
        .x_ticks(ticks)
        .panel(panel)
        .draw("Cost of one patient against the error that is reached.")?;
    report::write_all(&figure.files("plots"))?;
    Ok(())
}
