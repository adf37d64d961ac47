//! The characters for drawing, for terminals with and without Unicode. At the end of each frame `view::ascii` converts
//! other Unicode text to ASCII.

/// The characters for drawing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glyphs {
    /// The characters of a cell that is filled by 0 to 8 eighths.
    pub eighths: [&'static str; 9],
    /// The done part of a progress line.
    pub done: &'static str,
    /// The end of the done part.
    pub done_end: &'static str,
    /// The open part of a progress line; also the rule between panes.
    pub line: &'static str,
    /// The rule between panes side by side.
    pub bar: &'static str,
    /// A vertical axis with a tick.
    pub tick_y: &'static str,
    /// A horizontal axis with a tick.
    pub tick_x: &'static str,
    /// The corner of two axes.
    pub corner: &'static str,
    /// The mark of the best epoch.
    pub best: &'static str,
    /// The mark of the best run.
    pub winner: &'static str,
    /// An epoch of patience that is used up.
    pub used: &'static str,
    /// An epoch of patience that is left.
    pub left: &'static str,
    /// The characters around a choice.
    pub choice: [&'static str; 2],
    /// The marks of the chosen and of the other options.
    pub radio: [&'static str; 2],
    /// The mark of the focused line.
    pub focus: &'static str,
    /// The mark of cut text.
    pub ellipsis: &'static str,
    /// The signs of a run's states: queued, starting, running, paused, finished, stopped, failed, lost.
    pub states: [&'static str; 8],
    /// Whether all glyphs are ASCII; then the whole screen is.
    pub ascii: bool,
}

/// Glyphs for terminals with Unicode.
pub static UNICODE: Glyphs = Glyphs {
    eighths: ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    done: "━",
    done_end: "╸",
    line: "─",
    bar: "│",
    tick_y: "┤",
    tick_x: "┬",
    corner: "└",
    best: "●",
    winner: "▲",
    used: "■",
    left: "□",
    choice: ["‹", "›"],
    radio: ["●", "○"],
    focus: "▸",
    ellipsis: "…",
    states: ["…", "▷", "▶", "‖", "✓", "■", "✗", "!"],
    ascii: false,
};

/// Glyphs for terminals with ASCII only.
pub static ASCII: Glyphs = Glyphs {
    eighths: ["", "-", "-", "-", "=", "=", "=", "#", "#"],
    done: "=",
    done_end: ">",
    line: "-",
    bar: "|",
    tick_y: "+",
    tick_x: "+",
    corner: "+",
    best: "*",
    winner: "^",
    used: "#",
    left: ".",
    choice: ["<", ">"],
    radio: ["*", "o"],
    focus: ">",
    ellipsis: "~",
    states: [".", "-", ">", "=", "+", "#", "x", "!"],
    ascii: true,
};
