//! The program: parse the command line, do it, say what went wrong.

use std::process::ExitCode;

use wattbridge::cli;

fn main() -> ExitCode {
    let matches = cli::command().get_matches();
    match cli::main(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.tell();
            error.exit_code()
        }
    }
}
