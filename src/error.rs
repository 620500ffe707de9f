//! One error type for the whole crate: what went wrong, where, why, and what to do.

use std::path::PathBuf;

/// Everything that can go wrong, from reading a parameter to writing a figure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's input (file, key, name or number) cannot be used.
    #[error("{place}: {problem}\n  remedy: {remedy}")]
    Input {
        /// File and line, key, or command-line option.
        place: String,
        /// What is wrong, with the offending value.
        problem: String,
        /// What is allowed, or the nearest valid name.
        remedy: String,
    },
    /// The run needs a number that nobody knows; a comparison shows it as unknown, a single run is refused.
    #[error("{place}: {what} is unknown, and this run needs it\n  remedy: {remedy}")]
    Unknown {
        /// File, line and key.
        place: String,
        /// What is unknown, in a few words.
        what: String,
        /// How it can be given.
        remedy: String,
    },
    /// A simulation could not be carried to its end.
    #[error("the run `{run}` failed at t = {time_h} h in `{state}`: {cause}\n  remedy: {remedy}")]
    Run {
        /// Setting, arm and variant of the run.
        run: String,
        /// State that left its domain first, or the solver's own message subject.
        state: String,
        /// Model time of the failure, h.
        time_h: f64,
        /// Likely cause.
        cause: String,
        /// What to try.
        remedy: String,
    },
    /// The program did not find what it should.
    #[error("{what}: {cause}\n  remedy: {remedy}")]
    Check {
        /// What was checked.
        what: String,
        /// What was found.
        cause: String,
        /// What to do with it.
        remedy: String,
    },
    /// A result could not be written.
    #[error("cannot write `{}`: {cause}\n  remedy: choose a place that exists or can be made, has room, and that you may write to", path.display())]
    Output {
        /// Target path.
        path: PathBuf,
        /// Message of the operating system or of the renderer.
        cause: String,
    },
    /// A result could not be printed.
    #[error(
        "cannot write to standard output: {cause}\n  remedy: make room where it goes, or write to a file"
    )]
    Print {
        /// Message of the operating system.
        cause: String,
    },
}

/// Result with the crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An input error at `place`.
    pub fn input(
        place: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Input {
            place: cut(place.into()),
            problem: cut(problem.into()),
            remedy: remedy.into(),
        }
    }

    /// An unknown name among known ones: the remedy offers the nearest.
    pub fn unknown_name<'a>(
        place: impl Into<String>,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        Self::input(
            place,
            format!("unknown {what} `{name}`"),
            suggestion(name, &known),
        )
    }

    /// The same error of input with the place that asked for it before its own.
    pub fn within(self, place: &str) -> Self {
        match self {
            Self::Input {
                place: inner,
                problem,
                remedy,
            } if !inner.starts_with(place) => {
                Self::input(format!("{place}, {inner}"), problem, remedy)
            }
            other => other,
        }
    }

    /// An output error at `path`.
    pub fn output(path: impl Into<PathBuf>, cause: impl std::fmt::Display) -> Self {
        Self::Output {
            path: path.into(),
            cause: cause.to_string(),
        }
    }

    /// Exit code of the command line: 2 for wrong input, 1 for a failed run or output.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Input { .. } | Self::Unknown { .. } => 2,
            Self::Run { .. } | Self::Check { .. } | Self::Output { .. } | Self::Print { .. } => 1,
        }
    }
}

/// Characters of a part of a message at most; what a user gave can be longer than any screen.
const LONGEST: usize = 600;

/// A text without its middle, where it is long.
fn cut(text: String) -> String {
    let count = text.chars().count();
    if count <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST / 2).collect();
    let end: String = text.chars().skip(count - LONGEST / 4).collect();
    format!("{start} … {end}")
}

/// Names that are listed at most.
const LISTED: usize = 30;

/// Names the nearest of `known`, and lists them while the list is short; paths of parameters are too many.
fn suggestion(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let nearest = nearest.map_or(String::new(), |(_, candidate)| {
        format!("did you mean `{candidate}`? ")
    });
    if known.is_empty() {
        return "none is allowed here".to_owned();
    }
    if known.len() <= LISTED {
        return format!("{nearest}allowed: {}", known.join(", "));
    }
    if !nearest.is_empty() {
        return nearest.trim_end().to_owned();
    }
    if known.iter().all(|name| name.contains('.')) {
        return "`hif-switch params show SETTING` prints the paths that exist there; name the setting with --setting"
            .to_owned();
    }
    format!(
        "allowed: {} and {} more",
        known[..LISTED].join(", "),
        known.len() - LISTED
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_offers_the_nearest() {
        let error = Error::unknown_name("--arm", "partner", "pt2358", ["pt2385", "ef24"]);
        assert!(error.to_string().contains("did you mean `pt2385`?"));
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_long_list_is_cut_and_paths_are_looked_up() {
        let names: Vec<String> = (0..40).map(|i| format!("target-{i}")).collect();
        let known = names.iter().map(String::as_str);
        let error = Error::unknown_name("command line", "target", "qq", known).to_string();
        assert!(error.contains("target-29 and 10 more"), "{error}");
        assert!(!error.contains("params show"), "{error}");
        let paths: Vec<String> = (0..40).map(|i| format!("hif.p{i}")).collect();
        let known = paths.iter().map(String::as_str);
        let error = Error::unknown_name("--set", "parameter", "qq", known).to_string();
        assert!(error.contains("params show SETTING"), "{error}");
    }
}
