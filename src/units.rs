//! Units at the edge of the program.
//!
//! Numbers enter with a unit as text ("30 mg/kg"), are checked by dimension and turned into the
//! program's fixed internal units once; inside, plain numbers flow. Conversion factors come from
//! `fend-core`, an exact-arithmetic calculator; `M` (mol/L) is added so that nM and µM read as in
//! the literature, and `w` (week) beside `week`.
//!
//! A unit is a product of names, each with a power at most: the calculator is not given anything else,
//! and stops after [`MOST_STEPS`].
//!
//! Internal units: h, mg, mg/L (total drug), nM (unbound drug and partners), mmHg, L; volumes of
//! tumours are mm^3 in the mouse and mL in man; everything else is relative to the untreated
//! tumour and carries the unit `1`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Why a unit cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// The text is no unit at all.
    #[error("`{0}` is not a unit")]
    Unreadable(String),
    /// Two units have different dimensions.
    #[error("unit `{given}` has another dimension than the expected `{expected}`")]
    Dimension {
        /// Unit that was given.
        given: String,
        /// Unit that the number needs.
        expected: String,
    },
    /// The text is longer than any unit.
    #[error("the unit `{0}…` is longer than {LONGEST} characters")]
    TooLong(String),
    /// A quantity has no readable number.
    #[error("`{0}` does not start with a number")]
    NoNumber(String),
    /// A number is written with a comma.
    #[error("`{0}` is written with a comma; decimals have a point, and thousands no mark")]
    Comma(String),
    /// A quantity has a number and no unit.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// The number is NaN or infinite.
    #[error("`{0}` is not a finite number")]
    NotFinite(String),
}

/// Most characters of a unit.
pub const LONGEST: usize = 64;

/// Largest power of a name in a unit, and most digits of a number in it.
pub const LARGEST_POWER: u32 = 30;
const MOST_DIGITS: usize = 6;

/// Steps of the calculator after which a unit is none; those of the field take less than a thousandth.
pub const MOST_STEPS: u32 = 1_000_000;

/// A number with its unit as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// Number in `unit`.
    pub value: f64,
    /// Unit as written, for instance `mg/kg`.
    pub unit: String,
}

impl Quantity {
    /// Reads "30 mg/kg", "7.6mmHg" or "1 1/h"; a bare number is an error, `1` is the unit of
    /// fractions ("0.5 1").
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let text = text.trim();
        let end = text
            .char_indices()
            .take_while(|(at, c)| {
                c.is_ascii_digit()
                    || matches!(c, '.' | '+' | '-')
                    || (matches!(c, 'e' | 'E')
                        && text[at + 1..]
                            .starts_with(|n: char| n.is_ascii_digit() || n == '-' || n == '+'))
            })
            .last()
            .map_or(0, |(at, c)| at + c.len_utf8());
        let unit = text[end..].trim();
        if end > 0 && unit.starts_with(',') {
            return Err(UnitError::Comma(shortened(text)));
        }
        let value: f64 = text[..end]
            .parse()
            .map_err(|_| UnitError::NoNumber(shortened(text)))?;
        if !value.is_finite() {
            return Err(UnitError::NotFinite(shortened(text)));
        }
        if unit.chars().count() > LONGEST {
            return Err(UnitError::TooLong(unit.chars().take(LONGEST).collect()));
        }
        if unit.is_empty() {
            return Err(UnitError::NoUnit(text.to_owned()));
        }
        Ok(Self {
            // -0 is 0: no sign is left to be carried along.
            value: value + 0.0,
            unit: unit.to_owned(),
        })
    }

    /// The number in the unit `target`; an error if the dimensions differ.
    pub fn to(&self, target: &str) -> Result<f64, UnitError> {
        Ok(self.value * factor(&self.unit, target)?)
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = self.value.abs();
        if (1e-9..1e15).contains(&size) || self.value == 0.0 {
            write!(f, "{} {}", self.value, self.unit)
        } else {
            write!(f, "{:e} {}", self.value, self.unit)
        }
    }
}

/// How many `target` make one `unit`; both are checked to have the same dimension.
pub fn factor(unit: &str, target: &str) -> Result<f64, UnitError> {
    type Cache = Mutex<HashMap<(String, String), Result<f64, UnitError>>>;
    static CACHE: LazyLock<Cache> = LazyLock::new(Cache::default);

    if unit == target {
        return Ok(1.0);
    }
    for text in [unit, target] {
        if text.chars().nth(LONGEST).is_some() {
            return Err(UnitError::TooLong(text.chars().take(LONGEST).collect()));
        }
    }
    let key = (unit.to_owned(), target.to_owned());
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    cache
        .entry(key)
        .or_insert_with(|| convert(unit, target))
        .clone()
}

/// A text of the user in a message, cut where it is long.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A time in h from a text with a unit ("36 h", "4w"), or, where `bare` is the unit of a number alone, without.
///
/// # Errors
/// No finite number, no unit where none is understood, or one that is not of time.
pub fn hours(text: &str, bare: Option<&str>) -> Result<f64, UnitError> {
    match (Quantity::parse(text), bare) {
        (Err(UnitError::NoUnit(_)), Some(unit)) => Quantity::parse(&format!("{text} {unit}"))?,
        (quantity, _) => quantity?,
    }
    .to("h")
}

/// Counts the steps of the calculator, so that what it is given ends on every machine alike.
struct Steps(AtomicU32);

impl fend_core::Interrupt for Steps {
    fn should_interrupt(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) >= MOST_STEPS
    }
}

/// Whether a text is a product of names with powers, such as `mL/min/kg`, `mm^3`, `1/h` or `10^6/mL`.
///
/// A number can stand at the start (1, or a power of ten) and under a stroke (`mL/min/100 g`): in "1 000 mg" it is a
/// slip.
fn is_product(text: &str) -> bool {
    let mut before = None;
    let mut word = String::new();
    let mut factors = Vec::new();
    for c in text.chars().chain([' ']) {
        if c.is_alphanumeric() || matches!(c, '%' | '^' | '-') {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            factors.push((before, std::mem::take(&mut word)));
            before = None;
        }
        match (c, before) {
            (' ', _) => {}
            ('*' | '/', None) => before = Some(c),
            _ => return false,
        }
    }
    let divides = |place: usize| {
        factors
            .get(place)
            .is_some_and(|(before, _)| *before == Some('/'))
    };
    let begins = |place: usize| place == 0 && (factors.len() == 1 || divides(1));
    let known = |(place, (_, text)): (usize, &(_, String))| {
        is_factor(text, begins(place) || divides(place), divides(place))
    };
    before.is_none() && !divides(0) && !factors.is_empty() && factors.iter().enumerate().all(known)
}

fn is_factor(text: &str, one: bool, divides: bool) -> bool {
    let (name, power) = match text.split_once('^') {
        None => (text, None),
        Some((name, power)) => (name, Some(power)),
    };
    let power_is_small = power.is_none_or(|power| {
        let power = power.strip_prefix('-').unwrap_or(power);
        let digits = power.chars().all(|c| c.is_ascii_digit());
        digits
            && power
                .parse::<u32>()
                .is_ok_and(|power| power <= LARGEST_POWER)
    });
    if !power_is_small || name.contains('-') {
        return false;
    }
    match name.parse::<u32>() {
        Ok(1) => one,
        Ok(10) if power.is_some() => true,
        Ok(number) => divides && number > 0 && name.len() <= MOST_DIGITS,
        Err(_) => {
            let begins = name.chars().next();
            !CONSTANTS.contains(&name) && begins.is_some_and(|c| c.is_alphabetic() || c == '%')
        }
    }
}

/// Names that the calculator knows as numbers: `1e d` is a slip for `1e1 d`.
const CONSTANTS: [&str; 8] = ["e", "i", "c", "pi", "π", "tau", "τ", "phi"];

fn convert(unit: &str, target: &str) -> Result<f64, UnitError> {
    let mut calculator = fend_core::Context::new();
    let attribute = fend_core::CustomUnitAttribute::AllowShortPrefix;
    calculator.define_custom_unit_v1("M", "M", "mole/liter", &attribute);
    let attribute = fend_core::CustomUnitAttribute::None;
    calculator.define_custom_unit_v1("w", "w", "week", &attribute);
    let steps = Steps(AtomicU32::new(0));
    let mut evaluate = |expression: &str| {
        fend_core::evaluate_with_interrupt(expression, &mut calculator, &steps)
            .ok()
            .map(|result| result.get_main_result().to_owned())
    };
    for text in [unit, target] {
        if !is_product(text) || evaluate(&format!("1 * ({text})")).is_none() {
            return Err(UnitError::Unreadable(text.to_owned()));
        }
    }
    let converted = evaluate(&format!("(1 * ({unit})) to ({target}) to 25 dp"));
    converted
        .as_deref()
        .map(|text| text.trim_start_matches("approx. "))
        .and_then(|text| {
            text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
                .next()?
                .parse()
                .ok()
        })
        .ok_or_else(|| UnitError::Dimension {
            given: unit.to_owned(),
            expected: target.to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_the_field_convert() {
        for (unit, target, expected) in [
            ("1/day", "1/h", 1.0 / 24.0),
            ("µM", "nM", 1000.0),
            ("mM", "nM", 1e6),
            ("nmol/L", "nM", 1.0),
            ("mL/min/kg", "L/h/kg", 0.06),
            ("d", "h", 24.0),
            ("week", "h", 168.0),
            ("mL", "mm^3", 1000.0),
            ("%", "1", 0.01),
            ("kPa", "mmHg", 7.500_616_827_041_698),
        ] {
            let converted = factor(unit, target).expect(unit);
            assert!(
                (converted / expected - 1.0).abs() < 1e-14,
                "{unit} -> {target}: {converted}"
            );
        }
    }

    #[test]
    fn wrong_dimension_and_nonsense_are_told_apart() {
        assert!(matches!(
            factor("mg", "h"),
            Err(UnitError::Dimension { .. })
        ));
        assert!(matches!(
            factor("florps", "h"),
            Err(UnitError::Unreadable(_))
        ));
        assert!(matches!(factor("1; 2", "h"), Err(UnitError::Unreadable(_))));
    }

    #[test]
    fn what_is_no_product_of_names_is_not_calculated() {
        for constant in ["1e d", "5 pi h", "1 i h"] {
            let read = Quantity::parse(constant).and_then(|quantity| quantity.to("h"));
            assert!(read.is_err(), "{constant}");
        }
        for text in [
            "9^9^9",
            "h^999999999",
            "999999 nCr 500000",
            "h!",
            "000 h",
            "5 mg",
            "2*h",
            "h-30min",
            "-h",
            "h^-",
            "^2",
            "h//d",
            "/h",
            "h/",
            "h*",
            "1 h",
            "1/0 h",
            "h^31",
            "factorial 20000",
            "1234567/h",
            "h to min to",
            "mg/(kg h)",
            "",
        ] {
            let started = std::time::Instant::now();
            assert!(factor(text, "h").is_err(), "{text}");
            assert!(started.elapsed().as_secs() < 2, "{text}");
        }
        let long = "m".repeat(10_000_000);
        assert!(matches!(factor(&long, "h"), Err(UnitError::TooLong(_))));
        let error = Quantity::parse(&format!("1 {long}")).expect_err("too long");
        assert!(error.to_string().len() < 500, "{error}");
        for text in [
            "1/h",
            "10^6/mL",
            "mL/min/100 g",
            "mg per day",
            "mm^3",
            "m^-2",
            "L/h/kg",
            "%",
            "cells",
        ] {
            assert!(is_product(text), "{text}");
        }
    }

    #[test]
    fn times_have_the_units_of_the_files() {
        for (text, expected) in [
            ("28", 672.0),
            ("4w", 672.0),
            ("672 h", 672.0),
            ("4 week", 672.0),
            ("-0", 0.0),
            ("30min", 0.5),
        ] {
            let hours = hours(text, Some("d")).expect(text);
            assert!(
                (hours - expected).abs() < 1e-12 && hours.is_sign_positive(),
                "{text}: {hours}"
            );
        }
        assert!(matches!(hours("28", None), Err(UnitError::NoUnit(_))));
        assert!(matches!(
            hours("28 mg", Some("d")),
            Err(UnitError::Dimension { .. })
        ));
        assert!(matches!(
            hours("2,5 d", Some("d")),
            Err(UnitError::Comma(_))
        ));
        assert!(matches!(
            hours("1e400", Some("d")),
            Err(UnitError::NotFinite(_))
        ));
        for text in ["", " ", "nan", "inf", "d", "--1 d"] {
            assert!(hours(text, Some("d")).is_err(), "{text}");
        }
    }

    #[test]
    fn quantities_round_trip() {
        let dose = Quantity::parse("30 mg/kg").expect("a dose");
        assert_eq!(dose.to_string(), "30 mg/kg");
        assert!(Quantity::parse("1e-3 1/h").is_ok_and(|q| (q.value - 1e-3).abs() < 1e-18));
        assert!(Quantity::parse("0.9 1/h").is_ok_and(|q| q.unit == "1/h"));
        assert!(matches!(Quantity::parse("30"), Err(UnitError::NoUnit(_))));
        assert!(matches!(Quantity::parse("mg"), Err(UnitError::NoNumber(_))));
        assert!(matches!(
            Quantity::parse("nan h"),
            Err(UnitError::NoNumber(_))
        ));
    }
}
