//! The program: parse the command line, do it, say what went wrong.

use std::io::Write;
use std::process::ExitCode;

use wattbridge::cli;

fn main() -> ExitCode {
    let matches = cli::command().get_matches();
    match cli::main(&matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever reads this may have gone, which is no second error.
            let _ = writeln!(std::io::stderr(), "{error}");
            error.exit_code()
        }
    }
}
