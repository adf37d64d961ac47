//! The program's entry: parses the arguments and runs the command.

use std::process::ExitCode;

fn main() -> ExitCode {
    match mien::cli::parse(std::env::args_os()) {
        Ok(arguments) => mien::cli::run(arguments),
        Err(code) => code,
    }
}
