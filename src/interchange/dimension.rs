//! Units of expressions: products of powers of unit names.
//!
//! A unit is read from text such as `L/h/kg`, `mm^3` or `nM*g*L/mol/mg`. Names are independent of
//! each other: a gram is no thousand milligrams here, so that a missing conversion is a mismatch.
//! Literal numbers fit any unit where they are added or compared, and have none in products.

use super::symbol::{Graph, Node, Symbol};
use std::collections::BTreeMap;

/// A product of powers of unit names; empty for pure numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Unit(BTreeMap<String, i32>);

impl Unit {
    /// Reads `1/h`, `mg/kg`, `mm^3`; `1`, `count` and the empty text are pure numbers.
    pub fn parse(text: &str) -> Self {
        let mut unit = Self::default();
        for (i, part) in text.split('/').enumerate() {
            let sign = if i == 0 { 1 } else { -1 };
            for factor in part.split('*') {
                let (name, power) = factor.split_once('^').unwrap_or((factor, "1"));
                if !matches!(name.trim(), "" | "1" | "count") {
                    let power: i32 = power.parse().unwrap_or(1);
                    unit.multiply(name.trim(), sign * power);
                }
            }
        }
        unit
    }

    fn multiply(&mut self, name: &str, power: i32) {
        let exponent = self.0.entry(name.to_owned()).or_default();
        *exponent += power;
        if *exponent == 0 {
            self.0.remove(name);
        }
    }

    /// Unit names with their exponents.
    pub fn factors(&self) -> impl Iterator<Item = (&str, i32)> {
        self.0.iter().map(|(name, power)| (name.as_str(), *power))
    }

    /// Whether this is a pure number.
    pub fn is_one(&self) -> bool {
        self.0.is_empty()
    }

    /// This unit times `other` to the power `sign`.
    fn times(&self, other: &Self, sign: i32) -> Self {
        let mut product = self.clone();
        for (name, power) in other.factors() {
            product.multiply(name, sign * power);
        }
        product
    }

    fn to_power(&self, exponent: i32) -> Self {
        Self(
            self.0
                .iter()
                .map(|(name, power)| (name.clone(), power * exponent))
                .collect(),
        )
    }

    fn root(&self) -> Option<Self> {
        let halves = self.0.iter();
        halves
            .map(|(name, power)| (power % 2 == 0).then(|| (name.clone(), power / 2)))
            .collect::<Option<_>>()
            .map(Self)
    }
}

impl std::fmt::Display for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = |sign: i32| {
            self.factors()
                .filter(|(_, power)| power * sign > 0)
                .map(|(name, power)| match power.abs() {
                    1 => name.to_owned(),
                    n => format!("{name}^{n}"),
                })
                .collect::<Vec<_>>()
        };
        let (above, below) = (part(1), part(-1));
        let above = if above.is_empty() {
            "1".to_owned()
        } else {
            above.join("*")
        };
        f.write_str(&above)?;
        below.iter().try_for_each(|name| write!(f, "/{name}"))
    }
}

/// Units of all symbols of a graph; `None` for literal numbers, which fit any.
#[derive(Debug, Clone)]
pub struct Units {
    units: BTreeMap<Symbol, Option<Unit>>,
}

impl Units {
    /// Works the units out from the leaves.
    ///
    /// # Errors
    /// The first operation on units that do not fit, in words.
    pub fn of(graph: &Graph) -> Result<Self, String> {
        let mut units = Self {
            units: BTreeMap::new(),
        };
        for symbol in graph.symbols() {
            let unit = units.infer(graph, symbol)?;
            units.units.insert(symbol, unit);
        }
        Ok(units)
    }

    /// Unit of a symbol; `None` for literal numbers.
    pub fn get(&self, symbol: Symbol) -> Option<&Unit> {
        self.units.get(&symbol).and_then(Option::as_ref)
    }

    fn infer(&self, graph: &Graph, symbol: Symbol) -> Result<Option<Unit>, String> {
        let of = |symbol| self.get(symbol);
        let factor = |symbol| self.get(symbol).cloned().unwrap_or_default();
        let pure = |symbol, what: &str| match factor(symbol) {
            unit if unit.is_one() => Ok(Some(unit)),
            unit => Err(format!("{what} of a quantity in {unit}")),
        };
        match graph.node(symbol) {
            Node::Constant(_) => Ok(None),
            Node::Leaf(position) => Ok(Some(Unit::parse(&graph.leaf(position).unit))),
            Node::Add(a, b) | Node::Sub(a, b) => match (of(a), of(b)) {
                (Some(one), Some(other)) if one != other => {
                    Err(format!("a sum or difference of {one} and {other}"))
                }
                (one, other) => Ok(one.or(other).cloned()),
            },
            Node::Mul(a, b) => Ok(Some(factor(a).times(&factor(b), 1))),
            Node::Div(a, b) => Ok(Some(factor(a).times(&factor(b), -1))),
            Node::Neg(a) | Node::PositivePart(a) => Ok(of(a).cloned()),
            Node::Ln(a) => pure(a, "a logarithm"),
            Node::Exp(a) => pure(a, "an exponential"),
            Node::Sqrt(a) => match factor(a).root() {
                Some(root) => Ok(Some(root)),
                None => Err(format!("a square root of {}", factor(a))),
            },
            Node::Power(a, b) => {
                pure(b, "an exponent made")?;
                match graph.constant(b).filter(|n| n.fract() == 0.0) {
                    Some(exponent) => Ok(Some(factor(a).to_power(exponent as i32))),
                    None => pure(a, "a broken power"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written() {
        for (text, written) in [
            ("L/h/kg", "L/h/kg"),
            ("1/h", "1/h"),
            ("mm^3", "mm^3"),
            ("count", "1"),
            ("nM*g*L/mol/mg", "L*g*nM/mg/mol"),
        ] {
            assert_eq!(Unit::parse(text).to_string(), written);
        }
    }

    #[test]
    fn a_sum_of_unlike_units_is_refused() {
        let (_, graph) = Graph::record(|| {
            let rate = Symbol::named("rate", "1/h");
            let time = Symbol::named("time", "h");
            rate * time + time
        });
        let error = Units::of(&graph).expect_err("1 + h");
        assert!(error.contains("1 and h"), "{error}");
    }
}
