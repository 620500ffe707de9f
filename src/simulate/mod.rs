//! Event-exact simulation.
//!
//! A [`Scenario`] names what is to be simulated; [`Scenario::prepare`] turns it into a [`Problem`]
//! (model, baseline, timeline); [`Problem::run`] integrates it from event to event and shows every
//! solved [`Segment`] to the observers: [`Recorder`] samples a grid, the collector of
//! [`endpoints`](crate::endpoints) finds extrema and crossings. Nothing is stored that no observer
//! asked for. [`answer_records`] simulates a NONMEM-style data set instead of a timeline.
//! [`run_many`] and [`run_many_observed`] run many problems at once, several in the lanes of the processor's vector
//! registers. [`Classical`] test problems with known ends are solved by every method.

mod classical;
mod dense;
mod ensemble;
mod integrator;
mod recorder;
mod records;
mod roots;
mod run;
mod scenario;
mod steady_state;
mod template;
mod threads;

pub use classical::{Classical, Solver};
pub use ensemble::{Listing, Probe, Probed, run_many, run_many_observed, run_mixed_observed};
pub use integrator::{Accuracy, Method, Work};
pub use recorder::{Recorder, Trajectory};
pub use records::{Answer, answer_records};
pub use roots::find_root;
pub use run::{DrugBalance, Observer, Outcome, Problem, Segment};
pub use scenario::{Hold, Scenario};
pub use template::Template;
pub use threads::start_threads;
