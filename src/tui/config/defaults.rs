//! The config file that changes nothing: every setting at its default, commented out, with what it is for. Made from
//! the key tables, so that it cannot fall behind them.

use std::fmt::Write;

use super::MOST_FRAMES;
use crate::tui::key::{ACCEPTED, name};
use crate::tui::messages::all;
use crate::tui::theme::Role;

/// The text of a config file that changes nothing.
#[must_use]
pub fn defaults() -> String {
    let mut text = format!(
        "\
# The settings of mien's dashboard. Every line stands for the default: take the # away to change it.
# What is wrong in this file is told with its line, and the rest works: `mien config check`.

# The characters that draw: \"auto\" (by the locale), \"unicode\" or \"ascii\".
#glyphs = \"auto\"

# How pictures are shown: \"auto\", \"kitty\", \"iterm2\", \"sixel\", \"blocks\" or \"none\".
#graphics = \"auto\"

# Whether the mouse works: clicks on tabs and lines, the wheel. While it does, most terminals select text only with Shift held.
#mouse = false

# Frames a second at most, from 1 to {MOST_FRAMES}; fewer are kinder to a slow line.
#frames_per_second = {MOST_FRAMES}

[theme]
# \"auto\" (by what the terminal says of its background), \"dark\", \"light\" or \"mono\".
#name = \"auto\"
# Colours in place of the theme's: a name (\"light-blue\"), a number from 0 to 255, or \"#rrggbb\". These lines show the
# form; the theme has colours of its own.
"
    );
    for (name, _) in Role::NAMED {
        let _ = writeln!(text, "#{name} = \"reset\"");
    }
    let _ = write!(text, "\n[keys]\n# A key is {ACCEPTED}.\n# [] unbinds.\n");
    for binding in all() {
        let keys: Vec<String> = binding.keys.iter().map(|key| quoted(&name(*key))).collect();
        let _ = writeln!(text, "#\"{}\" = [{}] # {}", binding.name, keys.join(", "), binding.description);
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
