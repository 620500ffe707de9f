//! Colours, widths and sizes: one meaning each, in every figure.
//!
//! The palette is that of Okabe and Ito, which stays apart for colour-blind readers.

use super::canvas::Color;

/// Untreated animals or patients.
pub const VEHICLE: Color = Color(150, 150, 150);
/// Sorafenib alone.
pub const SORAFENIB: Color = Color(20, 20, 20);
/// HIF-1a, and partners that act on it.
pub const HIF1: Color = Color(0, 114, 178);
/// HIF-2a, and partners that act on it.
pub const HIF2: Color = Color(213, 94, 0);
/// Partners that act on both.
pub const DUAL: Color = Color(170, 68, 136);
/// Partners that act upstream of both.
pub const UPSTREAM: Color = Color(0, 145, 105);
/// Text and axes.
pub const INK: Color = Color(40, 40, 40);
/// Secondary text.
pub const FAINT: Color = Color(110, 110, 110);
/// Guides and separators.
pub const GUIDE: Color = Color(205, 205, 205);
/// Background of periods and bands.
pub const SHADE: Color = Color(241, 241, 241);
/// Paper.
pub const PAPER: Color = Color(255, 255, 255);
/// A cell without a value.
pub const MISSING: Color = Color(225, 225, 225);

/// Width of every figure, in CSS pixels.
pub const WIDTH: f64 = 900.0;
/// Outer margin.
pub const MARGIN: f64 = 12.0;
/// Axis labels and direct labels.
pub const TEXT: f64 = 13.0;
/// Tick labels and table text.
pub const SMALL: f64 = 12.0;
/// Panel letters.
pub const LETTER: f64 = 16.0;
/// Width of a curve that carries the message.
pub const CURVE: f64 = 2.0;
/// Width of a curve to compare with.
pub const THIN_CURVE: f64 = 1.5;
/// Width of axes and ticks.
pub const AXIS: f64 = 1.0;
/// Length of a tick.
pub const TICK: f64 = 4.0;

/// Classes of partner drugs, in the order in which figures show them.
pub const CLASSES: [&str; 4] = ["hif1", "hif2", "dual", "upstream"];

/// The colour of a class of partner drugs.
pub fn class_color(class: &str) -> Color {
    match class {
        "hif1" => HIF1,
        "hif2" => HIF2,
        "dual" => DUAL,
        _ => UPSTREAM,
    }
}

/// What a class of partner drugs acts on, in words.
pub fn class_title(class: &str) -> &'static str {
    match class {
        "hif1" => "acts on HIF-1α",
        "hif2" => "acts on HIF-2α",
        "dual" => "acts on both",
        _ => "acts upstream",
    }
}

/// Names as they are set in print: Greek letters and superscripts.
pub fn typeset(text: &str) -> String {
    text.replace("HIF-1a", "HIF-1α")
        .replace("HIF-2a", "HIF-2α")
        .replace("mm^3", "mm³")
        .replace("O2", "O₂")
}

/// The name of a readout, factor or endpoint in print.
pub fn quantity(name: &str) -> String {
    let words = name.replace('_', " ");
    let words = words
        .replace("hif1a", "HIF-1α")
        .replace("hif2a", "HIF-2α")
        .replace("vegfr2", "VEGFR2")
        .replace("vegf ", "VEGF ");
    match words.as_str() {
        "vegf" => "VEGF".to_owned(),
        "akt" => "AKT".to_owned(),
        "emt" => "EMT".to_owned(),
        "mvd" => "MVD".to_owned(),
        "oxygen" => "pO₂".to_owned(),
        _ => words,
    }
}

/// A colour mixed with paper: 0 is paper, 1 the colour.
pub fn tint(color: Color, strength: f64) -> Color {
    mix(PAPER, color, strength)
}

/// A colour between two others: 0 is the first, 1 the second.
pub fn mix(from: Color, to: Color, part: f64) -> Color {
    let part = part.clamp(0.0, 1.0);
    let channel =
        |a: u8, b: u8| (f64::from(a) + part * (f64::from(b) - f64::from(a))).round() as u8;
    Color(
        channel(from.0, to.0),
        channel(from.1, to.1),
        channel(from.2, to.2),
    )
}

/// Anchors of the diverging scale at -1, -1/2, 0, 1/2 and 1.
const DIVERGING: [Color; 5] = [
    Color(0, 82, 136),
    Color(112, 172, 212),
    Color(248, 248, 248),
    Color(240, 160, 96),
    Color(176, 66, 0),
];

/// The sequential scale: near white at 0, dark blue at 1.
pub fn sequential(value: f64) -> Color {
    if !value.is_finite() {
        return MISSING;
    }
    let value = value.clamp(0.0, 1.0);
    if value < 0.5 {
        mix(Color(248, 248, 240), Color(112, 172, 212), 2.0 * value)
    } else {
        mix(Color(112, 172, 212), Color(0, 62, 110), 2.0 * value - 1.0)
    }
}

/// The diverging scale: blue below 0, white at 0, vermilion above; values beyond -1 and 1 keep the
/// colour of the end.
pub fn diverging(value: f64) -> Color {
    if !value.is_finite() {
        return MISSING;
    }
    let place = (value.clamp(-1.0, 1.0) + 1.0) * 2.0;
    let index = (place.floor() as usize).min(3);
    mix(DIVERGING[index], DIVERGING[index + 1], place - index as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diverging_scale_has_its_anchors_and_ends() {
        assert_eq!(diverging(0.0), DIVERGING[2]);
        assert_eq!(diverging(-7.0), DIVERGING[0]);
        assert_eq!(diverging(7.0), DIVERGING[4]);
        assert_eq!(diverging(f64::NAN), MISSING);
    }
}
