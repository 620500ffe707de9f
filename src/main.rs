//! `hif-switch`: the command line of the library of the same name.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match hif_switch::cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The exit code tells where standard error does not.
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
