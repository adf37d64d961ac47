//! Writes the default config file: every setting commented out, at its default, with an explanation. Built from the key
//! tables, so that it lists every binding.

use std::fmt::Write;

use super::MAX_FRAMES;
use crate::tui::key::{ACCEPTED, name};
use crate::tui::messages::all;
use crate::tui::theme::Role;

/// Returns a config file in which every setting is commented out at its default.
#[must_use]
pub fn defaults() -> String {
    let mut text = format!(
        "\
# Settings of mien. Each commented line is a default: remove the # and change the value.
# A wrong line is ignored and the others take effect. `mien config check` lists wrong lines.

# Characters for drawing: \"auto\" (from the locale), \"unicode\" or \"ascii\".
#glyphs = \"auto\"

# How images are drawn: \"auto\", \"kitty\", \"iterm2\", \"sixel\" or \"blocks\".
#graphics = \"auto\"

# Whether tabs and lines can be clicked and lists scroll with the wheel. Most terminals then select text only with Shift.
#mouse = false

# The most frames per second, from 1 to {MAX_FRAMES}. Choose fewer over a slow connection.
#frames_per_second = {MAX_FRAMES}

# A part of a cluster on which runs start with --on NAME; only engine is needed. `mien places check` tries it.
#     [places.gpu]
#     engine = \"slurm\"
#     partition = \"gpu\"
#     time = \"4:00:00\"
#     gpus = 1
# Further settings: account, qos, gres, cpus, memory, program, setup = [\"module load cuda\"], extra = [\"--exclusive\"].

# A home on another machine, shown and used with --home NAME over ssh; only ssh is needed. `mien homes check` tries it.
#     [homes.box2]
#     ssh = \"user@box2\"
#     home = \"~/lab\"
# Further settings: binary (the path of mien there), mirror (the most disk space of its mirror here, \"4 GiB\").

[notify]
# Notices about runs that finish, fail, are interrupted or lose their worker, in an open dashboard: whether the bell
# rings, and a desktop notification by the terminal: \"auto\", \"osc9\", \"osc777\" or \"off\".
#bell = true
#terminal = \"auto\"
# Shell commands that the worker of a run runs at its end, also without a dashboard; \"\" for none. on_failure is for runs
# that failed or were interrupted; without it on_end is for all. Each gets the run on stdin, as of `mien show --json`,
# and MIEN_RUN, MIEN_STATE, MIEN_TEXT, MIEN_HOME, MIEN_REMAINING (runs that are running or waiting).
#on_end = \"\"
#on_failure = \"\"
# The seconds that a command may take, from 1 to 3600.
#time_limit = 60

[theme]
# \"auto\" (from the terminal's background), \"dark\", \"light\" or \"mono\".
#name = \"auto\"
# Colours that replace the theme's: a name (\"light-blue\"), a number from 0 to 255, or \"#rrggbb\". The lines
# below show the form; the theme has colours of its own.
"
    );
    for (name, _) in Role::NAMED {
        let _ = writeln!(text, "#{name} = \"reset\"");
    }
    let _ = write!(text, "\n[keys]\n# A key is {ACCEPTED}.\n# [] removes a binding.\n");
    for binding in all() {
        let keys: Vec<String> = binding.keys.iter().map(|key| toml_string(&name(*key))).collect();
        let _ = writeln!(text, "#\"{}\" = [{}] # {}", binding.name, keys.join(", "), binding.description);
    }
    text
}

fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
