//! Questions before something is deleted or killed.

use std::io::{self, IsTerminal, Write};

use super::exit::CommandError;

/// Asks on the terminal and returns whether the user agrees.
///
/// # Errors
/// Without a terminal; the message states that `--yes` has the same `effect`.
pub(super) fn confirm(question: &str, effect: &str) -> Result<bool, CommandError> {
    if !can_ask() {
        return Err(CommandError::Usage(format!("there is no terminal to confirm on: --yes {effect} without asking")));
    }
    ask(question)
}

/// Asks whether to delete `names` with their `parts`.
pub(super) fn confirm_deletion(names: &str, parts: &str) -> Result<bool, CommandError> {
    confirm(&format!("Delete {names} permanently, with {parts}?"), &format!("deletes {names}"))
}

/// Returns whether stdin and stderr are a terminal, so that a question can be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question and returns whether the answer is `y` or `yes`.
pub(super) fn ask(question: &str) -> Result<bool, CommandError> {
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(CommandError::Output)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
