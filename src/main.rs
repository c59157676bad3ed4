//! The program: parse the command line, do it, say what went wrong.

use std::process::ExitCode;

use wattbridge::cli;

fn main() -> ExitCode {
    match cli::main(&cli::written()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.tell();
            error.exit_code()
        }
    }
}
