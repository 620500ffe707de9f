//! Expressions as text, with as few parentheses as possible.

use super::equations::Equations;
use super::symbol::{Node, Symbol};

/// How names, numbers and operations are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Plain text: `a*b/c + max(d, 0)`.
    Plain,
    /// Plain text with `hill(c, k, n)` for `(c/k)^n/((c/k)^n + 1)`, where negative `c` count as 0.
    Page,
    /// LaTeX mathematics.
    Latex,
}

/// Longest LaTeX text under a root or on one side of a fraction, within which no line breaks.
const UNBROKEN: usize = 260;

/// How tightly an expression holds together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Sum,
    Product,
    Power,
    Atom,
}

/// The definition of the quantity `of` (or of nothing, for a rate) as text.
pub fn infix(equations: &Equations, symbol: Symbol, of: &str, style: Style) -> String {
    let writer = Writer {
        equations,
        of,
        style,
    };
    writer.write(symbol).0
}

/// A number as text: the fewest digits that read back to the same bits.
pub fn number(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// An identifier in a style.
pub fn name(id: &str, style: Style) -> String {
    match style {
        Style::Plain | Style::Page => id.to_owned(),
        Style::Latex => format!("\\mathit{{{}}}", id.replace('_', "\\_")),
    }
}

/// LaTeX in parentheses; lines break only within those of a fixed size.
fn enclosed(text: &str) -> String {
    if text.len() <= UNBROKEN {
        format!("\\left({text}\\right)")
    } else {
        format!("\\bigl({text}\\bigr)")
    }
}

struct Writer<'a> {
    equations: &'a Equations,
    of: &'a str,
    style: Style,
}

impl Writer<'_> {
    fn write(&self, symbol: Symbol) -> (String, Binding) {
        if let Some(id) = self.equations.name_within(symbol, self.of) {
            return (name(id, self.style), Binding::Atom);
        }
        let plain = self.style != Style::Latex;
        if let Some(hill) = self.hill(symbol).filter(|_| self.style == Style::Page) {
            return (hill, Binding::Atom);
        }
        match self.equations.graph.node(symbol) {
            Node::Constant(bits) => self.literal(f64::from_bits(bits)),
            Node::Leaf(position) => {
                let id = &self.equations.graph.leaf(position).id;
                (name(id, self.style), Binding::Atom)
            }
            Node::Add(a, b) => {
                let text = format!(
                    "{} + {}",
                    self.at(a, Binding::Sum),
                    self.at(b, Binding::Sum)
                );
                (text, Binding::Sum)
            }
            Node::Sub(a, b) => {
                let (a, b) = (self.at(a, Binding::Sum), self.at(b, Binding::Product));
                (format!("{a} - {b}"), Binding::Sum)
            }
            Node::Mul(a, b) => {
                let (a, b) = (self.at(a, Binding::Product), self.at(b, Binding::Product));
                let dot = match plain {
                    true => "*",
                    // Lines break at a sign only.
                    false if a.len() + b.len() > UNBROKEN => " \\times ",
                    false => " \\, ",
                };
                (format!("{a}{dot}{b}"), Binding::Product)
            }
            Node::Div(a, b) if plain => {
                let (a, b) = (self.at(a, Binding::Product), self.at(b, Binding::Power));
                (format!("{a}/{b}"), Binding::Product)
            }
            Node::Div(a, b) => {
                let (above, below) = (self.write(a).0, self.write(b).0);
                if above.len().max(below.len()) <= UNBROKEN {
                    return (format!("\\frac{{{above}}}{{{below}}}"), Binding::Product);
                }
                let above = self.at(a, Binding::Product);
                let text = format!("{above} \\times {}^{{-1}}", enclosed(&below));
                (text, Binding::Product)
            }
            Node::Neg(a) => (format!("-{}", self.at(a, Binding::Product)), Binding::Sum),
            Node::Power(a, b) if plain => {
                let (a, b) = (self.at(a, Binding::Atom), self.at(b, Binding::Atom));
                (format!("{a}^{b}"), Binding::Power)
            }
            Node::Power(a, b) => {
                let (a, b) = (self.at(a, Binding::Atom), self.write(b).0);
                (format!("{{{a}}}^{{{b}}}"), Binding::Power)
            }
            Node::Ln(a) => self.call("ln", "\\ln", &self.write(a).0),
            Node::Exp(a) => self.call("exp", "\\exp", &self.write(a).0),
            Node::Sqrt(a) if plain => self.call("sqrt", "", &self.write(a).0),
            Node::Sqrt(a) => {
                let inner = self.write(a).0;
                if inner.len() <= UNBROKEN {
                    return (format!("\\sqrt{{{inner}}}"), Binding::Atom);
                }
                let text = format!("{}^{{1/2}}", enclosed(&inner));
                (text, Binding::Power)
            }
            Node::PositivePart(a) => self.call("max", "\\max", &format!("{}, 0", self.write(a).0)),
        }
    }

    /// A Hill function, recognised by its shape.
    fn hill(&self, symbol: Symbol) -> Option<String> {
        let graph = &self.equations.graph;
        let Node::Div(power, sum) = graph.node(symbol) else {
            return None;
        };
        let Node::Add(again, one) = graph.node(sum) else {
            return None;
        };
        let Node::Power(base, exponent) = graph.node(power) else {
            return None;
        };
        let Node::Div(positive, half) = graph.node(base) else {
            return None;
        };
        let Node::PositivePart(level) = graph.node(positive) else {
            return None;
        };
        let is_one = graph
            .constant(one)
            .is_some_and(|one| one.to_bits() == 1f64.to_bits());
        (again == power && is_one).then(|| {
            let parts = [level, half, exponent].map(|part| self.write(part).0);
            format!("hill({})", parts.join(", "))
        })
    }

    /// A part that must hold together at least as tightly as `least`.
    fn at(&self, symbol: Symbol, least: Binding) -> String {
        let (text, binding) = self.write(symbol);
        match (binding >= least, self.style) {
            (true, _) => text,
            (false, Style::Plain | Style::Page) => format!("({text})"),
            (false, Style::Latex) => enclosed(&text),
        }
    }

    fn call(&self, plain: &str, latex: &str, inner: &str) -> (String, Binding) {
        let text = match self.style {
            Style::Plain | Style::Page => format!("{plain}({inner})"),
            Style::Latex => format!("{latex}\\left({inner}\\right)"),
        };
        (text, Binding::Atom)
    }

    fn literal(&self, value: f64) -> (String, Binding) {
        let binding = if value < 0.0 {
            Binding::Sum
        } else {
            Binding::Atom
        };
        (number(value), binding)
    }
}
