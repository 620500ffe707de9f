//! Parameters are data: every number has a value, a unit, a source, a grade and a plausible range.
//!
//! * [`Library`] holds the parameter files: the shipped set, embedded in the binary, with a user's
//!   own folder laid over it key by key.
//! * [`ParameterTable`] is one file, or several merged, as a flat list of paths such as
//!   `hif.hif1a_loss`.
//! * [`Reader`] hands numbers out in internal units, checks their dimension and physical domain,
//!   and names every key that nothing asked for.
//! * [`bounds`] declares the largest values of all numbers that multiply work.
//! * [`Aliases`] turns usual spellings of names into those of the files.

mod aliases;
pub mod bounds;
mod entry;
mod files;
mod library;
mod name;
mod table;

pub use aliases::Aliases;

pub use entry::{Domain, Entry, Grade, Origin};
pub use files::{open, read_text};
pub(crate) use library::toml_error;
pub use library::{Document, Library, Reference};
pub use name::{check_key, check_name, check_partner};
pub use table::{ParameterTable, Reader};
