//! The program: parse, dispatch, exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    match mien::cli::parse(std::env::args_os()) {
        Ok(arguments) => mien::cli::run(arguments),
        Err(code) => code,
    }
}
