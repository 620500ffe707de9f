//! Scales, ticks, frames and direct labels.

use super::canvas::{Align, Canvas, Color, Point, Stroke, Type, text_width};
use super::theme;

/// How values become lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spacing {
    /// In proportion.
    #[default]
    Linear,
    /// By their logarithm.
    Log,
}

/// A finite range that is not empty, with its spacing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    spacing: Spacing,
}

/// Part of a step by which data may pass the last tick.
const TICK_SLACK: f64 = 0.02;

/// Room beyond the data on a logarithmic scale, as a part of its length.
const LOG_ROOM: f64 = 0.04;

impl Scale {
    /// The smallest tidy scale over all values that can be shown; without any, a scale from 0 to 1
    /// (or 1 to 10).
    pub fn over(values: impl IntoIterator<Item = f64>, spacing: Spacing) -> Self {
        let shown = values
            .into_iter()
            .filter(|v| v.is_finite() && (spacing == Spacing::Linear || *v > 0.0));
        let (low, high) = shown.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        let scale = Self::between(low, high, spacing);
        match spacing {
            Spacing::Linear => {
                let step = tidy_step(scale.high - scale.low, 5.0);
                Self {
                    low: (scale.low / step + TICK_SLACK).floor() * step,
                    high: (scale.high / step - TICK_SLACK).ceil() * step,
                    ..scale
                }
            }
            Spacing::Log => {
                let room = libm::pow(scale.high / scale.low, LOG_ROOM);
                Self {
                    low: scale.low / room,
                    high: scale.high * room,
                    ..scale
                }
            }
        }
    }

    /// A scale between two values; what is infinite, empty or, on a logarithmic scale, not positive
    /// is replaced.
    pub fn between(low: f64, high: f64, spacing: Spacing) -> Self {
        let possible = |v: f64| v.is_finite() && (spacing == Spacing::Linear || v > 0.0);
        let (low, high) = match (possible(low), possible(high), spacing) {
            (true, true, _) => (low.min(high), low.max(high)),
            (true, false, Spacing::Linear) => (low, low + 1.0),
            (false, true, Spacing::Linear) => (high - 1.0, high),
            (false, false, Spacing::Linear) => (0.0, 1.0),
            (true, false, Spacing::Log) => (low, 10.0 * low),
            (false, true, Spacing::Log) => (high / 10.0, high),
            (false, false, Spacing::Log) => (1.0, 10.0),
        };
        let empty = high - low <= 1e-9 * low.abs().max(high.abs()).max(1e-30);
        let (low, high) = match (empty, spacing) {
            (false, _) => (low, high),
            (true, Spacing::Log) => (low / 1.5, high * 1.5),
            (true, Spacing::Linear) => {
                let half = 0.1 * low.abs().max(1e-6);
                (low - half, high + half)
            }
        };
        Self { low, high, spacing }
    }

    /// Both ends.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Place of a value along the scale, 0 at the low end and 1 at the high one; `None` for what
    /// cannot be shown. Values outside lie outside.
    pub fn place(&self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        match self.spacing {
            Spacing::Linear => Some((value - self.low) / (self.high - self.low)),
            Spacing::Log if value > 0.0 => {
                Some(libm::log(value / self.low) / libm::log(self.high / self.low))
            }
            Spacing::Log => None,
        }
    }

    /// The value at a place along the scale.
    pub fn value(&self, place: f64) -> f64 {
        match self.spacing {
            Spacing::Linear => self.low + place * (self.high - self.low),
            Spacing::Log => self.low * libm::pow(self.high / self.low, place),
        }
    }

    /// Tidy ticks with their labels; those without room for one have an empty label.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        match self.spacing {
            Spacing::Linear => self.linear_ticks(tidy_step(self.high - self.low, 5.0)),
            Spacing::Log => self.log_ticks(),
        }
    }

    /// Ticks at multiples of a step.
    pub fn linear_ticks(&self, step: f64) -> Vec<(f64, String)> {
        let (first, last) = (
            (self.low / step - 1e-6).ceil() as i64,
            (self.high / step + 1e-6).floor() as i64,
        );
        (first..=last)
            .map(|n| {
                let value = n as f64 * step;
                (value, plain(value, step))
            })
            .collect()
    }

    fn log_ticks(&self) -> Vec<(f64, String)> {
        let decades = libm::log10(self.high / self.low);
        if decades < 0.5 {
            return self.linear_ticks(tidy_step(self.high - self.low, 4.0));
        }
        let labelled: &[u32] = match decades {
            d if d < 1.4 => &[1, 2, 5],
            d if d < 2.7 => &[1, 3],
            _ => &[1],
        };
        let exponents = libm::log10(self.low).floor() as i32..=libm::log10(self.high).ceil() as i32;
        exponents
            .flat_map(|exponent| (1..10).map(move |digit| (digit, exponent)))
            .map(|(digit, exponent)| {
                let unit = power_of_ten(exponent);
                let value = f64::from(digit) * unit;
                let label = if labelled.contains(&digit) {
                    plain(value, unit)
                } else {
                    String::new()
                };
                (value, label)
            })
            .filter(|(value, _)| *value >= self.low * 0.999 && *value <= self.high * 1.001)
            .collect()
    }
}

fn power_of_ten(exponent: i32) -> f64 {
    if exponent < 0 {
        1.0 / 10f64.powi(-exponent)
    } else {
        10f64.powi(exponent)
    }
}

/// The step of 1, 2 or 5 times a power of ten that cuts a length into about `pieces`.
fn tidy_step(length: f64, pieces: f64) -> f64 {
    let raw = length / pieces;
    let unit = power_of_ten(libm::log10(raw).floor() as i32);
    let digit = match raw / unit {
        d if d < 1.5 => 1.0,
        d if d < 3.5 => 2.0,
        d if d < 7.5 => 5.0,
        _ => 10.0,
    };
    digit * unit
}

/// A number without exponent, with the decimals that a step needs.
pub fn plain(value: f64, step: f64) -> String {
    let decimals = (0..9).find(|d| {
        let shifted = step * power_of_ten(*d);
        (shifted - shifted.round()).abs() < 1e-6 * shifted
    });
    let text = format!("{:.*}", decimals.unwrap_or(0) as usize, value);
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|c| c == '0' || c == '.') => digits.to_owned(),
        Some(digits) => format!("−{digits}"),
        None => text,
    }
}

/// A number with so many significant digits, without exponent.
pub fn significant(value: f64, digits: i32) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value.abs() <= 0.0 {
        return "0".to_owned();
    }
    let exponent = libm::log10(value.abs()).floor() as i32;
    let rounded = {
        let unit = power_of_ten(exponent - digits + 1);
        (value / unit).round() * unit
    };
    let exponent = libm::log10(rounded.abs() * (1.0 + 1e-12)).floor() as i32;
    plain(rounded, power_of_ten((exponent - digits + 1).min(0)))
}

/// The same without zeros after the decimal point, for counts and round numbers.
pub fn tidy(value: f64, digits: i32) -> String {
    let text = significant(value, digits);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A ratio near 1, with two decimals.
pub fn ratio(value: f64) -> String {
    if value.is_finite() {
        plain(value, 0.01)
    } else {
        significant(value, 2)
    }
}

/// A rectangle of the sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Rect {
    /// Width.
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    /// Height.
    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// Middle.
    pub fn centre(&self) -> Point {
        (
            0.5 * (self.left + self.right),
            0.5 * (self.top + self.bottom),
        )
    }
}

/// A rectangle with a scale along each side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axes {
    /// Where it lies.
    pub rect: Rect,
    /// Scale from left to right.
    pub x: Scale,
    /// Scale from the lower to the upper edge.
    pub y: Scale,
}

impl Axes {
    /// Horizontal place of a value.
    pub fn across(&self, x: f64) -> Option<f64> {
        Some(self.rect.left + self.x.place(x)? * self.rect.width())
    }

    /// Vertical place of a value.
    pub fn up(&self, y: f64) -> Option<f64> {
        Some(self.rect.bottom - self.y.place(y)? * self.rect.height())
    }

    /// Place of a pair of values.
    pub fn at(&self, x: f64, y: f64) -> Option<Point> {
        Some((self.across(x)?, self.up(y)?))
    }

    /// The stretches of a series that can be shown within the rectangle: what is not finite, or not
    /// positive on a logarithmic scale, splits it; what leaves the rectangle is cut at its edge.
    pub fn stretches(&self, x: &[f64], y: &[f64]) -> Vec<Vec<Point>> {
        let mut stretches = Vec::new();
        let mut current: Vec<Point> = Vec::new();
        let mut previous: Option<Point> = None;
        for place in x.iter().zip(y).map(|(x, y)| self.at(*x, *y)) {
            let piece = match (previous, place) {
                (Some(a), Some(b)) => clipped(a, b, &self.rect),
                _ => None,
            };
            match piece {
                Some((a, b)) => {
                    if current.last().is_none_or(|last| distinct(*last, a)) {
                        stretches.push(std::mem::take(&mut current));
                        current.push(a);
                    }
                    current.push(b);
                }
                None => stretches.push(std::mem::take(&mut current)),
            }
            previous = place;
        }
        stretches.push(current);
        stretches.retain(|stretch| stretch.len() > 1);
        stretches
    }

    /// Draws a series.
    pub fn curve(&self, canvas: &mut Canvas, x: &[f64], y: &[f64], stroke: Stroke) {
        for stretch in self.stretches(x, y) {
            canvas.line(&stretch, stroke);
        }
    }

    /// Draws a horizontal line at a value, if it lies within.
    pub fn level(&self, canvas: &mut Canvas, y: f64, stroke: Stroke) {
        if let Some(up) = self
            .up(y)
            .filter(|up| *up >= self.rect.top && *up <= self.rect.bottom)
        {
            canvas.line(&[(self.rect.left, up), (self.rect.right, up)], stroke);
        }
    }

    /// Draws the lower axis with ticks, and their labels if `labelled`.
    pub fn lower_axis(&self, canvas: &mut Canvas, ticks: &[(f64, String)], labelled: bool) {
        let stroke = Stroke::solid(theme::INK, theme::AXIS);
        let y = self.rect.bottom;
        canvas.line(&[(self.rect.left, y), (self.rect.right, y)], stroke);
        for (value, label) in ticks {
            let Some(x) = self.across(*value) else {
                continue;
            };
            canvas.line(&[(x, y), (x, y + tick_length(label))], stroke);
            if labelled && !label.is_empty() {
                let style = Type::new(theme::SMALL, theme::INK).align(Align::Middle);
                canvas.text((x, y + theme::TICK + 10.0), label, style);
            }
        }
    }

    /// Draws the left axis with ticks, and their labels if `labelled`.
    pub fn left_axis(&self, canvas: &mut Canvas, ticks: &[(f64, String)], labelled: bool) {
        let stroke = Stroke::solid(theme::INK, theme::AXIS);
        let x = self.rect.left;
        canvas.line(&[(x, self.rect.top), (x, self.rect.bottom)], stroke);
        for (value, label) in ticks {
            let Some(y) = self.up(*value) else {
                continue;
            };
            canvas.line(&[(x, y), (x - tick_length(label), y)], stroke);
            if labelled && !label.is_empty() {
                let style = Type::new(theme::SMALL, theme::INK).align(Align::End);
                canvas.text((x - theme::TICK - 4.0, y), label, style);
            }
        }
    }
}

fn tick_length(label: &str) -> f64 {
    if label.is_empty() {
        0.5 * theme::TICK
    } else {
        theme::TICK
    }
}

fn distinct(a: Point, b: Point) -> bool {
    (a.0 - b.0).abs() > 1e-9 || (a.1 - b.1).abs() > 1e-9
}

/// The part of a line piece within a rectangle (Liang and Barsky).
fn clipped(a: Point, b: Point, rect: &Rect) -> Option<(Point, Point)> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    let slack = 0.5;
    for (step, room) in [
        (-dx, a.0 - rect.left + slack),
        (dx, rect.right - a.0 + slack),
        (-dy, a.1 - rect.top + slack),
        (dy, rect.bottom - a.1 + slack),
    ] {
        if step.abs() <= 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if step < 0.0 {
            enter = enter.max(room / step);
        } else {
            leave = leave.min(room / step);
        }
    }
    let at = |part: f64| (a.0 + part * dx, a.1 + part * dy);
    (enter <= leave).then(|| {
        (
            if enter > 0.0 { at(enter) } else { a },
            if leave < 1.0 { at(leave) } else { b },
        )
    })
}

/// A label that wants to stand at a height.
#[derive(Debug, Clone, PartialEq)]
pub struct EndLabel {
    /// Text.
    pub text: String,
    /// Colour.
    pub color: Color,
    /// Wanted height on the sheet.
    pub y: f64,
}

/// Writes labels beside the right ends of curves, moved apart as little as possible; a moved label
/// is tied to its curve by a hairline.
pub fn end_labels(canvas: &mut Canvas, rect: &Rect, labels: &[EndLabel], size: f64) {
    let wanted: Vec<f64> = labels.iter().map(|label| label.y).collect();
    let places = spread(
        &wanted,
        1.2 * size,
        rect.top + 0.4 * size,
        rect.bottom - 0.4 * size,
    );
    for (label, y) in labels.iter().zip(places) {
        let from = rect.right + 2.0;
        let stroke = Stroke::solid(theme::tint(label.color, 0.6), 0.75);
        let to = if (y - label.y).abs() > 2.5 {
            y
        } else {
            label.y
        };
        canvas.line(&[(from, label.y), (from + 8.0, to)], stroke);
        canvas.text(
            (from + LABEL_GAP - 2.0, y),
            &label.text,
            Type::new(size, label.color),
        );
    }
}

/// Distance of an end label from the end of its curve.
const LABEL_GAP: f64 = 13.0;

/// The room that end labels take beside a panel.
pub fn end_label_room<'a>(texts: impl IntoIterator<Item = &'a str>, size: f64) -> f64 {
    texts
        .into_iter()
        .map(|text| LABEL_GAP + text_width(text, size, false))
        .fold(0.0, f64::max)
}

/// Places at least `gap` apart between `low` and `high`, as near to the wanted ones as possible:
/// without the gaps they are the isotonic regression of the wanted ones.
pub fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut blocks: Vec<(f64, f64)> = Vec::new();
    for (rank, index) in order.iter().enumerate() {
        let mut block = (wanted[*index] - rank as f64 * gap, 1.0);
        while let Some(last) = blocks.pop_if(|last| last.0 / last.1 > block.0 / block.1) {
            block = (block.0 + last.0, block.1 + last.1);
        }
        blocks.push(block);
    }
    let highest = (high - gap * (wanted.len() as f64 - 1.0)).max(low);
    let fitted = blocks
        .iter()
        .flat_map(|(sum, count)| std::iter::repeat_n(sum / count, *count as usize));
    let mut places = vec![0.0; wanted.len()];
    for (rank, (index, base)) in order.iter().zip(fitted).enumerate() {
        places[*index] = base.clamp(low, highest) + rank as f64 * gap;
    }
    places
}

/// Writes the letter of a panel (a, b, c) at the upper left of its field.
pub fn letter(canvas: &mut Canvas, at: Point, index: usize) {
    let letter = char::from(b'a' + (index % 26) as u8);
    canvas.text(at, letter, Type::new(theme::LETTER, theme::INK).bold());
}

/// Ticks of a time axis in days or weeks.
pub fn time_ticks(scale: &Scale) -> Vec<(f64, String)> {
    let (low, high) = scale.ends();
    let step = match high - low {
        length if length > 70.0 => tidy_step(length, 5.0),
        length if length > 49.0 => 13.0,
        length if length > 10.0 => 7.0,
        length => tidy_step(length, 5.0),
    };
    scale.linear_ticks(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: Rect = Rect {
        left: 0.0,
        top: 0.0,
        right: 100.0,
        bottom: 100.0,
    };

    fn axes(spacing: Spacing) -> Axes {
        Axes {
            rect: SQUARE,
            x: Scale::between(0.0, 4.0, Spacing::Linear),
            y: Scale::between(1.0, 10.0, spacing),
        }
    }

    #[test]
    fn ranges_are_always_finite_and_never_empty() {
        let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 5.0];
        for spacing in [Spacing::Linear, Spacing::Log] {
            for a in bad {
                for b in bad {
                    for scale in [Scale::between(a, b, spacing), Scale::over([a, b], spacing)] {
                        let (low, high) = scale.ends();
                        assert!(low.is_finite() && high.is_finite() && low < high, "{a} {b}");
                        assert!(spacing == Spacing::Linear || low > 0.0);
                        assert!(scale.ticks().len() < 200);
                    }
                }
            }
            assert!(!Scale::over([], spacing).ticks().is_empty());
        }
    }

    #[test]
    fn what_cannot_be_shown_splits_a_series() {
        let x = [0.0, 1.0, 2.0, 3.0, 4.0];
        let y = [2.0, 3.0, f64::NAN, 4.0, 5.0];
        assert_eq!(axes(Spacing::Linear).stretches(&x, &y).len(), 2);
        let y = [2.0, 3.0, 0.0, 4.0, 5.0];
        assert_eq!(axes(Spacing::Log).stretches(&x, &y).len(), 2);
        let y = [f64::INFINITY; 5];
        assert!(axes(Spacing::Linear).stretches(&x, &y).is_empty());
    }

    #[test]
    fn what_leaves_the_frame_is_cut_at_its_edge() {
        let stretches = axes(Spacing::Linear).stretches(&[0.0, 4.0], &[5.0, 100.0]);
        assert_eq!(stretches.len(), 1);
        assert!(stretches[0].iter().all(|p| p.1 >= -0.5 - 1e-9));
    }

    #[test]
    fn ticks_are_tidy() {
        let labels = |scale: Scale| -> Vec<String> {
            scale
                .ticks()
                .into_iter()
                .map(|(_, label)| label)
                .filter(|label| !label.is_empty())
                .collect()
        };
        assert_eq!(
            labels(Scale::between(0.05, 2000.0, Spacing::Log)),
            ["0.1", "1", "10", "100", "1000"]
        );
        assert_eq!(
            labels(Scale::over([0.03, 0.98], Spacing::Linear)),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            labels(Scale::between(-1.0, 1.0, Spacing::Linear))[0],
            "−1.0"
        );
    }

    #[test]
    fn numbers_keep_their_significant_digits() {
        assert_eq!(significant(0.012_34, 2), "0.012");
        assert_eq!(significant(9.96, 2), "10");
        assert_eq!(significant(123.4, 2), "120");
        assert_eq!(significant(0.995, 2), "1.0");
        assert_eq!(significant(f64::NAN, 2), "–");
        assert_eq!(
            (tidy(14.0, 3), tidy(1.728, 4)),
            ("14".to_owned(), "1.728".to_owned())
        );
        assert_eq!(ratio(1.0149), "1.01");
    }

    #[test]
    fn labels_are_moved_apart_within_bounds() {
        let places = spread(&[50.0, 51.0, 49.0, 95.0], 10.0, 0.0, 100.0);
        let mut sorted = places.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|w| w[1] - w[0] >= 10.0 - 1e-9));
        assert!((places[0] - 50.0).abs() < 1e-9 && (places[3] - 95.0).abs() < 1e-9);
        assert!(
            spread(&[99.0, 99.0], 10.0, 0.0, 100.0)
                .iter()
                .all(|p| *p <= 100.0)
        );
    }
}
