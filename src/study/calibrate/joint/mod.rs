//! Targets and claims in one cost: the joint fit of the parameters.
//!
//! **Cost.** Every test of a claim and every fitted target is a row with one or two bounds. A row costs
//! `ln(1 + gap)`, where the gap is how far its value lies on the wrong side of a bound, in narrow bands; a
//! margin beyond the bound makes passing by a hair cost too. The logarithm lets a row that cannot be met be
//! given up rather than bend all others. Beside the rows each parameter costs half the square of its distance from the
//! middle of its range, in quarters of the range, times a small strength: what the literature says of it. An effect that
//! is imposed for a partner of which only the sign is known costs by its distance from the weak end, in halves of the
//! range: it is no stronger than the signs ask for. Parameters whose value has a source are not moved at all.
//!
//! **Steps.** Sequential convex programming: the rows are linearised by finite differences, the logarithm is replaced by
//! its tangent (which lies above it), and the quadratic program of hinges and ranges within a trust region is solved by
//! Clarabel (Goulart & Chen 2024, arXiv 2405.12762). Accepted or not, every step corrects the derivatives by a Broyden
//! update; they are computed anew when they have aged or a step fails.
//!
//! **Honesty.** What was fitted is no evidence. The fit is therefore repeated with a third of the claims hidden, three
//! times, from the places that cost nothing so that no value that knows the hidden claims is used; and the fitted parameters
//! are judged with noise on every number.
//!
//! Numbers of the cost stand in `params/joint.toml`. Everything is seeded and in a fixed order: equal input, equal bits.

mod honesty;
mod problem;
mod record;
mod search;
mod step;

pub use honesty::{Fold, Noise, fold_of, hidden_folds, noise};
pub use problem::{Factor, Joint, Score, Share};
pub use record::{Fitted, Means, Record};
pub use search::{Search, Visit, trade_off};
