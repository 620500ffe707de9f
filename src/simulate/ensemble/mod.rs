//! Many runs at once, several in the lanes of the processor's vector registers.
//!
//! [`run_many`] and [`run_many_observed`] take any problems and give results in their order. The equations
//! are recorded once per shape of problem from the one generic source of the model and compiled to a list
//! of operations on rows of lanes ([`symbol`], [`program`]), with their exact sparse Jacobian
//! ([`differentiate`]) and its factors ([`factor`]). Two methods integrate: collocation by Radau IIA ([`collocation`])
//! where events follow one another closely, Rodas5P ([`rodas`]) otherwise. Where the processor
//! has AVX-512, their steps are machine code (`native`, written by `assemble`, called in `executable`);
//! elsewhere the lists are interpreted ([`lanes`]), with the same results to the bit. Every lane runs its own problem
//! with its own step, events and end ([`driver`]), so that a result is the same to the bit whatever runs beside it, on
//! one thread or on many, at any width of lanes.

#[cfg(target_arch = "x86_64")]
mod assemble;
mod bend;
mod collocation;
mod columns;
mod course;
mod cycle;
mod differentiate;
mod driver;
#[cfg(target_arch = "x86_64")]
mod executable;
mod factor;
mod history;
mod job;
mod lanes;
mod linear;
mod listing;
mod machine;
#[cfg(target_arch = "x86_64")]
mod native;
#[cfg(not(target_arch = "x86_64"))]
#[path = "foreign.rs"]
mod native;
mod passage;
pub(super) mod plain;
mod program;
mod radau;
mod rodas;
mod shape;
mod symbol;

pub(super) use driver::Piece;
pub(super) use job::run_single;
pub use job::{Probe, Probed, run_many, run_many_observed, run_mixed_observed};
pub use listing::Listing;
pub(super) use program::COEFFICIENTS;
