//! `hif-switch`: the command line of the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    match hif_switch::cli::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
