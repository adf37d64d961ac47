//! The characters that draw, for terminals with and without Unicode. What is written elsewhere in Unicode is turned
//! into ASCII by `screens::ascii` at the end of each frame.

/// The characters that draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glyphs {
    /// Bars from empty to full in eighths of a cell.
    pub eighths: [&'static str; 9],
    /// A done piece of a progress line.
    pub done: &'static str,
    /// The end of the done piece.
    pub done_end: &'static str,
    /// A piece to do, also the rule between panes.
    pub line: &'static str,
    /// Between panes side by side.
    pub bar: &'static str,
    /// An axis with a tick to its left.
    pub tick_y: &'static str,
    /// An axis with a tick below.
    pub tick_x: &'static str,
    /// Where the axes meet.
    pub corner: &'static str,
    /// The best epoch.
    pub best: &'static str,
    /// The best of several.
    pub winner: &'static str,
    /// Patience used.
    pub used: &'static str,
    /// Patience left.
    pub left: &'static str,
    /// Around a choice.
    pub choice: [&'static str; 2],
    /// What is chosen among a few, and what is not.
    pub radio: [&'static str; 2],
    /// Before what has the focus.
    pub focus: &'static str,
    /// What was cut off.
    pub ellipsis: &'static str,
    /// The states of a run: queued, starting, running, paused, finished, stopped, failed, lost.
    pub states: [&'static str; 8],
    /// Whether all of them are ASCII: then everything that is drawn is.
    pub ascii: bool,
}

/// Glyphs for a terminal that shows Unicode.
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

/// Glyphs for a terminal that shows nothing but ASCII.
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
