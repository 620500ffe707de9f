//! The number type of the equations.
//!
//! The right-hand side is written once over [`Number`]: `f64` integrates, dual numbers give exact
//! derivatives, and vector lanes or symbolic expressions can use the same source. There are no
//! comparisons in the equations, only [`Number::positive_part`], so that every type can follow.
//!
//! Elementary functions of `f64` come from the `libm` crate rather than from the C library of the
//! machine: the same bits everywhere.

use num_dual::{Dual64, DualNum};
use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// What the equations need of a number.
pub trait Number:
    Copy
    + Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// A constant.
    fn constant(value: f64) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Exponential.
    fn exp(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// `self` to the power `exponent`; 0 for a base of 0.
    fn power(self, exponent: Self) -> Self;
    /// `self` where positive, else 0.
    fn positive_part(self) -> Self;

    /// Molar concentration over mass concentration times molar mass: 1e6 nM per (mg/L)/(g/mol).
    fn nanomolar_per_mass() -> Self {
        Self::constant(1e6)
    }

    /// `self * self`.
    fn squared(self) -> Self {
        self * self
    }

    /// `self * self * self`.
    fn cubed(self) -> Self {
        self * self * self
    }

    /// `1 - self`.
    fn complement(self) -> Self {
        -self + 1.0
    }

    /// Hill function `x^n / (k^n + x^n)` of a concentration (negative values count as 0).
    fn hill(self, half: Self, exponent: Self) -> Self {
        let x = (self.positive_part() / half).power(exponent);
        x / (x + 1.0)
    }

    /// Michaelis-Menten saturation `x / (k + x)`.
    fn saturation(self, half: Self) -> Self {
        self / (self + half)
    }
}

impl Number for f64 {
    fn constant(value: f64) -> Self {
        value
    }
    fn ln(self) -> Self {
        libm::log(self)
    }
    fn exp(self) -> Self {
        libm::exp(self)
    }
    fn sqrt(self) -> Self {
        libm::sqrt(self)
    }
    fn power(self, exponent: Self) -> Self {
        // Half the cost of a correctly rounded power, for a few units in the last place.
        if self > 0.0 {
            libm::exp(exponent * libm::log(self))
        } else {
            0.0
        }
    }
    fn positive_part(self) -> Self {
        self.max(0.0)
    }
}

impl Number for Dual64 {
    fn constant(value: f64) -> Self {
        Self::from(value)
    }
    fn ln(self) -> Self {
        DualNum::ln(&self)
    }
    fn exp(self) -> Self {
        DualNum::exp(&self)
    }
    fn sqrt(self) -> Self {
        DualNum::sqrt(&self)
    }
    fn power(self, exponent: Self) -> Self {
        if self.re > 0.0 {
            DualNum::exp(&(DualNum::ln(&self) * exponent))
        } else {
            Self::from(0.0)
        }
    }
    fn positive_part(self) -> Self {
        if self.re > 0.0 { self } else { Self::from(0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hill_function_and_its_derivative() {
        let hill = |x: f64| x.hill(30.0, 1.5);
        assert!((hill(30.0) - 0.5).abs() < 1e-15);
        assert!(hill(0.0).abs() < 1e-300 && hill(-1.0).abs() < 1e-300);
        let dual = Dual64::from(20.0)
            .derivative()
            .hill(Dual64::constant(30.0), Dual64::constant(1.5));
        let finite = (hill(20.0 + 1e-5) - hill(20.0 - 1e-5)) / 2e-5;
        assert!((dual.re - hill(20.0)).abs() < 1e-14);
        assert!((dual.eps - finite).abs() < 1e-9);
    }

    #[test]
    fn a_power_of_zero_has_no_derivative_that_is_not_a_number() {
        let zero = Dual64::from(0.0).derivative();
        let power = zero.power(Dual64::constant(1.3));
        assert!(power.re.abs() < 1e-300 && power.eps.abs() < 1e-300);
    }
}
