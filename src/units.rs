//! Units at the edge of the program.
//!
//! Numbers enter with a unit as text ("30 mg/kg"), are checked by dimension and turned into the
//! program's fixed internal units once; inside, plain numbers flow. Conversion factors come from
//! `fend-core`, an exact-arithmetic calculator; `M` (mol/L) is added so that nM and µM read as in
//! the literature.
//!
//! Internal units: h, mg, mg/L (total drug), nM (unbound drug and partners), mmHg, L; volumes of
//! tumours are mm^3 in the mouse and mL in man; everything else is relative to the untreated
//! tumour and carries the unit `1`.

use std::collections::HashMap;
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
    /// A quantity has no readable number.
    #[error("`{0}` does not start with a number")]
    NoNumber(String),
    /// A quantity has a number and no unit.
    #[error("`{0}` has no unit")]
    NoUnit(String),
    /// The number is NaN or infinite.
    #[error("`{0}` is not a finite number")]
    NotFinite(String),
}

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
        let value: f64 = text[..end]
            .parse()
            .map_err(|_| UnitError::NoNumber(text.to_owned()))?;
        if !value.is_finite() {
            return Err(UnitError::NotFinite(text.to_owned()));
        }
        let unit = text[end..].trim();
        if unit.is_empty() {
            return Err(UnitError::NoUnit(text.to_owned()));
        }
        Ok(Self {
            value,
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
        write!(f, "{} {}", self.value, self.unit)
    }
}

/// How many `target` make one `unit`; both are checked to have the same dimension.
pub fn factor(unit: &str, target: &str) -> Result<f64, UnitError> {
    type Cache = Mutex<HashMap<(String, String), Result<f64, UnitError>>>;
    static CACHE: LazyLock<Cache> = LazyLock::new(Cache::default);

    if unit == target {
        return Ok(1.0);
    }
    let key = (unit.to_owned(), target.to_owned());
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    cache
        .entry(key)
        .or_insert_with(|| convert(unit, target))
        .clone()
}

struct Uninterrupted;

impl fend_core::Interrupt for Uninterrupted {
    fn should_interrupt(&self) -> bool {
        false
    }
}

fn convert(unit: &str, target: &str) -> Result<f64, UnitError> {
    let mut calculator = fend_core::Context::new();
    calculator.define_custom_unit_v1(
        "M",
        "M",
        "mole/liter",
        &fend_core::CustomUnitAttribute::AllowShortPrefix,
    );
    let mut evaluate = |expression: &str| {
        fend_core::evaluate_with_interrupt(expression, &mut calculator, &Uninterrupted)
            .ok()
            .map(|result| result.get_main_result().to_owned())
    };
    for text in [unit, target] {
        let looks_like_a_unit = !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '/' | '*' | '^' | '-' | '%' | ' '));
        if !looks_like_a_unit || evaluate(&format!("1 * ({text})")).is_none() {
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
