//! Sorafenib, hypoxia and the HIF-1a to HIF-2a switch in hepatocellular carcinoma.
//!
//! Coupled ODEs from sorafenib exposure over vessels, oxygen and the HIFs to apoptosis and tumour
//! volume, integrated event by event, to compare sorafenib alone with every HIF-targeting
//! combination of Zeng et al. 2021 (Front Oncol 11:641522).
//!
//! Rooms, each knowing only those before it:
//! [`units`] - [`parameters`] - [`model`] - [`regimen`] - [`simulate`] - [`endpoints`] - [`study`] -
//! [`table`] - [`figure`], [`report`] and [`interchange`] - [`selftest`] - [`cli`].

pub mod cli;
pub mod endpoints;
pub mod error;
pub mod figure;
pub mod interchange;
pub mod model;
pub mod parameters;
pub mod regimen;
pub mod report;
pub mod selftest;
pub mod simulate;
pub mod study;
pub mod table;
pub mod units;

pub use error::{Error, Result};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
