//! The threads on which all runs are shared out.

use crate::error::{Error, Result};
use crate::parameters::bounds::THREADS;
use std::ffi::OsString;
use std::sync::OnceLock;

/// Starts as many threads as the environment asks for (`RAYON_NUM_THREADS`), or as there are processors; a second call
/// has no effect.
///
/// # Errors
/// A number that is none or too large, or threads that the system does not give.
pub fn start_threads(asked: Option<OsString>) -> Result<()> {
    static STARTED: OnceLock<()> = OnceLock::new();
    let place = "RAYON_NUM_THREADS";
    let remedy = || {
        format!(
            "give 1 to {}, or leave it unset: as many as there are processors",
            THREADS.largest
        )
    };
    let number = match asked.filter(|text| !text.is_empty()) {
        None => 0,
        Some(text) => {
            let text = text.to_string_lossy();
            let number = text.trim().parse::<usize>();
            let number = number.map_err(|_| {
                Error::input(place, format!("`{text}` is no number of threads"), remedy())
            })?;
            THREADS.count(number, format!("{place}={number}"))?
        }
    };
    if STARTED.set(()).is_err() {
        return Ok(());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(number);
    // A pool that was built before, by a program that uses this library, is as good.
    match pool.build_global() {
        Err(error) if !error.to_string().contains("already been initialized") => Err(Error::input(
            place,
            format!("the system does not give so many threads: {error}"),
            "set it to a smaller number, or raise the limit of processes (ulimit -u)",
        )),
        _ => Ok(()),
    }
}
