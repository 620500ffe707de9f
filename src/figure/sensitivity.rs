//! What decides an endpoint: indices or effects per parameter, and their convergence.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, letter};
use super::canvas::{Align, Canvas, Color, Stroke, Type};
use super::lines::{Chart, Panel, Series};
use super::theme;
use crate::error::Result;
use crate::parameters::Grade;
use crate::study::sensitivity::{Measured, Sensitivity};
use crate::table::{Cell, Table};

/// Parameters shown per endpoint.
const SHOWN: usize = 14;
const ROW: f64 = 22.0;

/// Bars of the strongest parameters, a field per endpoint: elasticities; mu* with standard error, and
/// sigma; or first and total indices with intervals. Names of parameters graded `assumed` are in
/// vermilion.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn sensitivity(result: &Sensitivity) -> Result<Figure> {
    let rows = SHOWN.min(result.plan.space.axes.len()) as f64;
    let pitch = rows * ROW + 92.0;
    let height = pitch * result.results.len() as f64 + 22.0;
    let mut canvas = Canvas::new(theme::WIDTH, height);
    let mut table = Table::headed([
        "endpoint",
        "parameter",
        "grade",
        "measure",
        "value",
        "low",
        "high",
    ]);
    for (quantity, measured) in result.results.iter().enumerate() {
        let order = result.ranking(quantity);
        let shown = &order[..order.len().min(SHOWN)];
        let bars: Vec<(usize, Vec<Bar>)> = shown.iter().map(|i| (*i, bars(measured, *i))).collect();
        let top = 44.0 + quantity as f64 * pitch;
        let ends = bars
            .iter()
            .flat_map(|(_, bars)| bars)
            .flat_map(|bar| [bar.low, bar.high, bar.value]);
        let axes = Axes {
            rect: Rect {
                left: 300.0,
                top,
                right: 860.0,
                bottom: top + shown.len() as f64 * ROW,
            },
            x: Scale::over(ends.chain([0.0]), Spacing::Linear),
            y: Scale::between(0.0, 1.0, Spacing::Linear),
        };
        letter(&mut canvas, (theme::MARGIN, top - 22.0), quantity);
        let name = result.plan.assay.quantities[quantity].name();
        canvas.text(
            (theme::MARGIN + 22.0, top - 22.0),
            theme::quantity(name),
            Type::new(theme::TEXT, theme::INK).bold(),
        );
        if quantity == 0 {
            legend(&mut canvas, measured, top - 22.0);
        }
        if let Some(zero) = axes.across(0.0) {
            let guide = Stroke::solid(theme::GUIDE, theme::AXIS);
            canvas.line(&[(zero, top), (zero, axes.rect.bottom)], guide);
        }
        for (row, (i, bars)) in bars.iter().enumerate() {
            let axis = &result.plan.space.axes[*i];
            let y = top + (row as f64 + 0.5) * ROW;
            let color = if axis.grade == Grade::Assumed {
                theme::HIF2
            } else {
                theme::INK
            };
            let style = Type::new(theme::SMALL, color).align(Align::End);
            canvas.text((axes.rect.left - 10.0, y), axis.path.as_str(), style);
            for (place, bar) in bars.iter().enumerate() {
                let offset = (place as f64 - 0.5 * (bars.len() as f64 - 1.0)) * 8.0;
                draw_bar(&mut canvas, &axes, bar, y + offset);
                table.push([
                    Cell::from(name),
                    Cell::from(axis.path.as_str()),
                    Cell::from(axis.grade.to_string()),
                    Cell::from(bar.name),
                    Cell::from(bar.value),
                    Cell::from(bar.low),
                    Cell::from(bar.high),
                ]);
            }
        }
        axes.lower_axis(&mut canvas, &axes.x.ticks(), true);
        let style = Type::new(theme::SMALL, theme::INK).align(Align::Middle);
        canvas.text(
            (axes.rect.centre().0, axes.rect.bottom + 32.0),
            x_label(measured),
            style,
        );
    }
    let (svg, png) = canvas.finish("sensitivity")?;
    Ok(Figure {
        name: "sensitivity",
        caption: caption(result),
        svg,
        png,
        data: table,
    })
}

/// A value with its interval.
struct Bar {
    name: &'static str,
    value: f64,
    low: f64,
    high: f64,
    color: Color,
}

fn bars(measured: &Measured, i: usize) -> Vec<Bar> {
    match measured {
        Measured::Local(values) => vec![Bar {
            name: "elasticity",
            value: values[i],
            low: values[i],
            high: values[i],
            color: if values[i] > 0.0 {
                theme::HIF2
            } else {
                theme::HIF1
            },
        }],
        Measured::Morris(effects) => {
            let effect = effects[i];
            vec![
                Bar {
                    name: "mu*",
                    value: effect.mu_star,
                    low: effect.mu_star - 1.96 * effect.error,
                    high: effect.mu_star + 1.96 * effect.error,
                    color: theme::HIF1,
                },
                Bar {
                    name: "sigma",
                    value: effect.sigma,
                    low: effect.sigma,
                    high: effect.sigma,
                    color: theme::VEHICLE,
                },
            ]
        }
        Measured::Sobol(all) => all.last().map_or(Vec::new(), |(_, indices)| {
            let bar = |name, index: crate::study::sensitivity::sobol::Index, color| Bar {
                name,
                value: index.estimate,
                low: index.lower,
                high: index.upper,
                color,
            };
            vec![
                bar("total", indices.total[i], theme::HIF1),
                bar("first", indices.first[i], theme::UPSTREAM),
            ]
        }),
    }
}

fn legend(canvas: &mut Canvas, measured: &Measured, y: f64) {
    let entries: &[(&str, Color)] = match measured {
        Measured::Local(_) => &[],
        Measured::Morris(_) => &[
            ("mu* with 95 % interval", theme::HIF1),
            ("sigma", theme::VEHICLE),
        ],
        Measured::Sobol(_) => &[
            ("total index", theme::HIF1),
            ("first-order index", theme::UPSTREAM),
        ],
    };
    let mut x = 470.0;
    for (text, color) in entries {
        canvas.block((x, y - 3.5), (x + 18.0, y + 3.5), *color);
        canvas.text((x + 24.0, y), *text, Type::new(theme::SMALL, theme::INK));
        x += 190.0;
    }
}

fn draw_bar(canvas: &mut Canvas, axes: &Axes, bar: &Bar, y: f64) {
    let (Some(zero), Some(value)) = (axes.across(0.0), axes.across(bar.value)) else {
        return;
    };
    canvas.block(
        (zero.min(value), y - 3.5),
        (zero.max(value), y + 3.5),
        bar.color,
    );
    if let (true, Some(low), Some(high)) = (
        bar.high > bar.low,
        axes.across(bar.low),
        axes.across(bar.high),
    ) {
        canvas.line(&[(low, y), (high, y)], Stroke::solid(theme::INK, 1.0));
    }
}

fn x_label(measured: &Measured) -> &'static str {
    match measured {
        Measured::Local(_) => "elasticity: relative change per relative change of the parameter",
        Measured::Morris(_) => "elementary effect over the plausible range",
        Measured::Sobol(_) => "part of the variance over the plausible ranges",
    }
}

fn caption(result: &Sensitivity) -> String {
    let what: Vec<String> = (0..result.results.len())
        .map(|quantity| {
            let name = theme::quantity(result.plan.assay.quantities[quantity].name());
            let first: Vec<&str> = result
                .ranking(quantity)
                .iter()
                .take(3)
                .map(|i| result.plan.space.axes[*i].path.as_str())
                .collect();
            format!("{name} is decided by {}", first.join(", "))
        })
        .collect();
    format!(
        "Sensitivity ({}) of the arm {} in the setting {}, {} parameters over their plausible ranges, {}; {}. Vermilion names: shipped value graded `assumed`.",
        result.plan.method.name(),
        result.plan.assay.templates[0].scenario.arm,
        result.plan.assay.templates[0].scenario.setting,
        result.plan.space.axes.len(),
        result.tally.words(),
        what.join("; "),
    )
}

/// Total indices over the number of base points, for the first endpoint; `None` where the study has no
/// convergence to show.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn convergence(result: &Sensitivity) -> Result<Option<Figure>> {
    let Some(Measured::Sobol(all)) = result.results.first() else {
        return Ok(None);
    };
    if all.len() < 2 {
        return Ok(None);
    }
    let points: Vec<f64> = all.iter().map(|(points, _)| *points as f64).collect();
    let colors = [
        theme::HIF1,
        theme::HIF2,
        theme::DUAL,
        theme::UPSTREAM,
        theme::SORAFENIB,
        theme::VEHICLE,
    ];
    let mut panel = Panel::new("total index").include(0.0);
    for (color, i) in colors.iter().zip(result.ranking(0)) {
        let path = &result.plan.space.axes[i].path;
        let values: Vec<f64> = all
            .iter()
            .map(|(_, indices)| indices.total[i].estimate)
            .collect();
        panel = panel.series(Series::new(path.as_str(), *color, &points, &values));
    }
    let name = theme::quantity(result.plan.assay.quantities[0].name());
    let ticks = points.iter().map(|p| (*p, format!("{p}"))).collect();
    let figure = Chart::new("sensitivity_convergence", "base points")
        .log_x()
        .x_ticks(ticks)
        .panel(panel)
        .draw(format!(
            "Convergence of the total indices of {name} with the number of base points."
        ))?;
    Ok(Some(figure))
}
