//! A progress bar on standard error; silent when that is no terminal, or asked to be.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over `runs` runs.
pub fn bar(runs: u64, quiet: bool) -> ProgressBar {
    styled(
        runs,
        quiet,
        "{wide_bar} {pos}/{len} runs, {per_sec}, {eta} left",
    )
}

/// A bar over records and the doses between them.
pub fn records(count: u64, quiet: bool) -> ProgressBar {
    styled(
        count,
        quiet,
        "{wide_bar} {pos}/{len} records and doses, {per_sec}, {eta} left",
    )
}

/// A bar over searches, each of as many runs as it needs.
pub fn search(searches: u64, quiet: bool) -> ProgressBar {
    styled(
        searches,
        quiet,
        "{wide_bar} {pos}/{len} searches, {msg} {elapsed} gone, {eta} left",
    )
}

/// A sign that something of unknown length is going on; it goes when it is dropped.
pub struct Busy(ProgressBar);

impl Busy {
    /// Shows what is going on, and since when.
    pub fn new(what: &str, quiet: bool) -> Self {
        let bar = styled(0, quiet, "{spinner} {msg}, {elapsed} gone");
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(std::time::Duration::from_millis(500));
        Self(bar)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn styled(length: u64, quiet: bool, template: &str) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
