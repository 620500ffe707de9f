//! Standard output and standard error.

use crate::error::{Error, Result};
use std::io::{self, BufWriter, Write};
use std::sync::{Mutex, PoisonError};

/// Standard output, which remembers that it failed.
///
/// A study whose table could not be printed still writes its files; the program then fails at its end.
#[derive(Debug, Default)]
pub struct Screen {
    failed: Mutex<Option<io::Error>>,
}

impl Screen {
    /// Prints a text and ends its line.
    pub fn print(&self, text: &str) {
        let mut out = self.writer();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// Prints what `write` gives, which may be long, and ends its line.
    ///
    /// # Errors
    /// Those of `write` that are not of standard output.
    pub fn print_long(&self, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        let mut out = BufWriter::new(self.writer());
        let written = write(&mut out);
        let _ = writeln!(out).and_then(|()| out.flush());
        // What was not printed is told at the end.
        if self.has_failed() { Ok(()) } else { written }
    }

    /// Says whether all was printed; a reader that went away is no error.
    ///
    /// # Errors
    /// The first failure.
    pub fn finish(self) -> Result<()> {
        let failed = self.failed.into_inner();
        match failed.unwrap_or_else(PoisonError::into_inner) {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Print {
                cause: error.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn has_failed(&self) -> bool {
        let failed = self.failed.lock();
        failed.unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn writer(&self) -> Writer<'_> {
        Writer { screen: self }
    }
}

/// Writes to standard output until it fails.
struct Writer<'a> {
    screen: &'a Screen,
}

impl Writer<'_> {
    fn attempt<T>(
        &self,
        write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut failed = self
            .screen
            .failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if failed.is_some() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        write(&mut io::stdout().lock()).map_err(|error| {
            if error.kind() == io::ErrorKind::Interrupted {
                return error;
            }
            *failed = Some(error);
            io::ErrorKind::BrokenPipe.into()
        })
    }
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(|out| out.flush())
    }
}

/// Prints a line to standard error.
pub fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
