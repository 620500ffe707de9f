//! Root finding on the dense solution.

/// The zero of `f` between `a` and `b`, where the values `fa` and `fb` have opposite signs, to
/// within `tolerance` in the argument: false position with the Illinois weights, which never leaves
/// the bracket.
pub fn find_root(
    mut f: impl FnMut(f64) -> f64,
    (mut a, mut fa): (f64, f64),
    (mut b, mut fb): (f64, f64),
    tolerance: f64,
) -> f64 {
    for _ in 0..200 {
        // At an exact zero there is no sign left to keep the bracket by.
        if (b - a).abs() <= tolerance || fb.abs() < f64::MIN_POSITIVE {
            break;
        }
        let mut x = b - fb * (b - a) / (fb - fa);
        if !x.is_finite() || (x - a) * (x - b) >= 0.0 {
            x = 0.5 * (a + b);
        }
        let fx = f(x);
        if fx * fb < 0.0 {
            (a, fa) = (b, fb);
        } else {
            fa *= 0.5;
        }
        let moved = (x - b).abs();
        (b, fb) = (x, fx);
        if moved <= 0.1 * tolerance {
            break;
        }
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_known_functions() {
        let f = |x: f64| x * x * x - 2.0;
        let root = find_root(f, (0.0, f(0.0)), (2.0, f(2.0)), 1e-13);
        assert!((root - 2f64.cbrt()).abs() < 1e-11, "{root}");
        let g = |x: f64| (10.0 * x).exp() - 1e3;
        let root = find_root(g, (0.0, g(0.0)), (3.0, g(3.0)), 1e-12);
        assert!((root - 1e3f64.ln() / 10.0).abs() < 1e-10, "{root}");
    }

    /// The value at a guess is often exactly 0 where the function is nearly straight.
    #[test]
    fn an_exact_zero_is_the_root() {
        let f = |x: f64| x - 0.75;
        for (a, b) in [(0.0, 1.0), (0.5, 0.75), (0.0, 8.0)] {
            let root = find_root(f, (a, f(a)), (b, f(b)), 1e-13);
            assert!((root - 0.75).abs() < 1e-15, "{root}");
        }
    }
}
