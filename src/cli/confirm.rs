//! Questions before something is lost for good.

use std::io::{self, IsTerminal, Write};

use super::exit::CommandError;

/// Asks on the terminal. Without one it is an error that says how `--yes` does `deed` without asking.
pub(super) fn confirm(question: &str, deed: &str) -> Result<bool, CommandError> {
    if !can_ask() {
        return Err(CommandError::Usage(format!("there is no terminal to ask on: --yes {deed} without asking")));
    }
    ask(question)
}

/// Asks whether to delete these, with their `parts`.
pub(super) fn confirm_deletion(names: &str, parts: &str) -> Result<bool, CommandError> {
    confirm(&format!("Delete {names} for good, with {parts}?"), &format!("deletes {names}"))
}

/// Whether somebody at a terminal sees a question and can answer it.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question to which only `y` and `yes` agree.
pub(super) fn ask(question: &str) -> Result<bool, CommandError> {
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(CommandError::Output)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
