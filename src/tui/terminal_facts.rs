//! Properties of a terminal on which drawing and messages depend. `probe` detects them.

/// The way in which pictures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Graphics {
    /// Character cells: half blocks, braille dots or letters.
    #[default]
    Blocks,
    /// The graphics protocol of kitty and Ghostty.
    Kitty,
    /// The inline image protocol of iTerm2 and `WezTerm`.
    Iterm,
    /// DEC's sixels, as in foot, xterm, Konsole and tmux.
    Sixel,
}

/// The known properties of a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerminalFacts {
    /// The way in which pictures are drawn.
    pub graphics: Graphics,
    /// Width and height of a cell in pixels, if known.
    pub cell: Option<[u16; 2]>,
    /// Red, green and blue of the background, if known.
    pub background: Option<[u8; 3]>,
}
