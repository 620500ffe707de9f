//! Where there is no machine code: steps are interpreted.

use super::lanes::Lanes;
use super::program::{Scheme, System};

/// Lanes of a row in machine code.
pub(super) const WIDTH: usize = 8;

/// Lanes that narrow code computes.
pub(super) const NARROW: usize = 4;

/// Never made.
pub(super) enum Native {}

impl Native {
    /// None.
    pub fn new(_: &System, _: Scheme) -> Option<Self> {
        None
    }

    /// Never called.
    pub fn step<const W: usize>(&self, _: &mut [Lanes<W>], _: bool, _: bool) {
        match *self {}
    }
}
