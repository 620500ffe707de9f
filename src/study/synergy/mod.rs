//! Synergy from trajectories: dose by dose surfaces against several nulls.
//!
//! **Effect scale.** f is the endpoint over that of no drug (for burden T/C), E = 1 - f the effect; all
//! nulls below are on this scale, and what is additive on it need not be on another.
//!
//! * **HSA**: f of the better drug alone. **Bliss**: the product of both f.
//! * **Loewe**: the effect at which `a/A(E) + b/B(E) = 1`, with A(E), B(E) the doses of each drug alone
//!   for that effect, read from the computed curves. The combination index is that sum at the observed
//!   effect: below 1 synergy. A drug that cannot reach the effect alone contributes 0.
//! * **ZIP** (Yadav et al. 2015, Comput Struct Biotechnol J 13:504): delta is the mean of both refitted
//!   conditional Hill curves minus the Bliss surface of both fitted single curves.
//! * **MuSyC** (Meyer et al. 2019, Cell Syst 8:97): a Hill surface of four states, fitted; `beta` is
//!   synergistic efficacy, `alpha` above 1 synergistic potency. gamma is held at 1.
//! * **In time** (CombPDX, Sci Rep 2022, 12:12984; invivoSyn, Mao and Guo 2023): Bliss
//!   `ln A + ln B - ln C - ln AB` of the relative volumes, HSA, and response additivity, per day; above
//!   0 synergy. Where the published code of the time-resolved response additivity sums inhibitions as
//!   survival, or takes the best drug over all days at once, the definition is followed, not the code.
//!
//! Sorafenib itself changes what a HIF inhibitor acts on, so no single null is right: all stand side by
//! side.
//!
//! Limitations: fits of ZIP and MuSyC are least squares on the effect, without weights; a surface that
//! is not of Hill form is described poorly, which `R2` tells.

mod fit;
mod nulls;
mod study;

pub use fit::{Hill, Musyc, fit_hill, fit_musyc};
pub use nulls::{Curve, Nulls, Surface, TimeCourse, time_course};
pub use study::{Horizon, Level, Measures, SubjectSurfaces, Synergy, SynergyPlan};
