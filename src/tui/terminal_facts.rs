//! The facts of a terminal that drawing and messages go by. `probe` finds them out.

/// How pictures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Graphics {
    /// In cells: half blocks, dots or letters.
    #[default]
    Blocks,
    /// The protocol of kitty and Ghostty.
    Kitty,
    /// The protocol of iTerm2 and `WezTerm`.
    Iterm,
    /// DEC's, as in foot, xterm, Konsole and tmux.
    Sixel,
}

/// The facts of a terminal, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TerminalFacts {
    /// How it draws pictures.
    pub graphics: Graphics,
    /// Width and height of a cell in pixels, if it tells.
    pub cell: Option<[u16; 2]>,
    /// Red, green and blue of its background, if it tells.
    pub background: Option<[u8; 3]>,
}
