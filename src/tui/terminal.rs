//! Sets the terminal up at the start, and restores it at the end in every case, also after a panic.

use std::io::{self, BufWriter, Stdout, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use super::DashboardError;
use super::graphics::ShownPictures;
use super::terminal_facts::TerminalFacts;
use super::widgets::faces::Pictures;

/// Bytes of the output buffer: enough for a whole screen, so that a frame is one write.
const WRITE_BUFFER: usize = 1 << 16;

/// The terminal while the dashboard uses it.
pub(super) struct Display {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    /// The frame on the terminal, to find out whether anything changed.
    shown: Option<(Buffer, Option<Position>)>,
    /// The pictures on the terminal.
    pictures: ShownPictures,
    /// Whether the terminal reports mouse events.
    mouse: bool,
}

impl Display {
    /// Sets the terminal up: raw mode, alternate screen, bracketed paste, no cursor.
    ///
    /// # Errors
    /// When the terminal fails; it is then restored.
    pub(super) fn enter() -> io::Result<Self> {
        let set_up = || {
            set_up_terminal()?;
            Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(WRITE_BUFFER, io::stdout())))
        };
        let terminal = set_up().inspect_err(|_| restore_terminal())?;
        Ok(Self { terminal, shown: None, pictures: ShownPictures::default(), mouse: false })
    }

    /// Returns the area to draw on, in cells.
    pub(super) fn area(&mut self) -> io::Result<ratatui::layout::Rect> {
        Ok(ratatui::layout::Rect::from((Position::ORIGIN, self.terminal.size()?)))
    }

    /// Uses the detected properties of the terminal, and removes pictures drawn in another way.
    pub(super) fn set_terminal(&mut self, facts: &TerminalFacts) -> io::Result<()> {
        let removal = self.pictures.set_terminal(facts);
        self.terminal.backend_mut().write_all(removal.as_bytes())?;
        self.shown = None;
        Ok(())
    }

    /// Shows a frame and its pictures. Returns whether they differ from those on the terminal; otherwise nothing is
    /// written.
    pub(super) fn show(&mut self, frame: Buffer, cursor: Option<Position>, pictures: Pictures) -> io::Result<bool> {
        let same = |(old, at): &(Buffer, Option<Position>)| *old == frame && *at == cursor;
        if self.shown.as_ref().is_some_and(same) && self.pictures.is_showing(&pictures.placed) {
            return Ok(false);
        }
        let mut text = frame.clone();
        let change = self.pictures.replace(pictures.placed, &mut text);
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.backend_mut().write_all(change.before.as_bytes())?;
        let mut fits = false;
        self.terminal.draw(|target| {
            let buffer = target.buffer_mut();
            // The terminal may have been resized since the frame was drawn. The resize event then causes another frame.
            fits = buffer.area == text.area;
            if fits {
                buffer.clone_from(&text);
            }
            if let Some(position) = cursor {
                target.set_cursor_position(position);
            }
        })?;
        self.terminal.backend_mut().write_all(change.after.as_bytes())?;
        if let Some(Position { x, y }) = cursor.filter(|_| !change.after.is_empty()) {
            queue!(self.terminal.backend_mut(), cursor::MoveTo(x, y))?;
        }
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        io::Write::flush(self.terminal.backend_mut())?;
        self.shown = fits.then_some((frame, cursor));
        Ok(true)
    }

    /// Turns the report of mouse events on, or off so that the mouse selects text.
    pub(super) fn set_mouse(&mut self, mouse: bool) -> io::Result<()> {
        if self.mouse == mouse {
            return Ok(());
        }
        self.mouse = mouse;
        let out = self.terminal.backend_mut();
        if mouse { execute!(out, EnableMouseCapture) } else { execute!(out, DisableMouseCapture) }
    }

    /// Writes an escape sequence that draws nothing.
    pub(super) fn send(&mut self, sequence: &str) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        out.write_all(sequence.as_bytes())?;
        io::Write::flush(out)
    }

    /// Restores the terminal, stops this process until the shell continues it (`fg`), then sets the terminal up again.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        io::Write::flush(self.terminal.backend_mut())?;
        restore_terminal();
        // Stops the whole foreground group, as the kernel does on Ctrl-Z, so that a parent program waits too. Workers
        // have sessions of their own and continue. Without a shell that could continue us, this does nothing.
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        set_up_terminal()?;
        self.set_up_again()
    }

    /// Sets the terminal up again and marks the screen as lost, because another program may have used it while this
    /// process was stopped.
    pub(super) fn set_up_again(&mut self) -> io::Result<()> {
        // The order matters: crossterm does not set raw mode while it assumes that raw mode is on.
        disable_raw_mode()?;
        enable_raw_mode()?;
        execute!(self.terminal.backend_mut(), EnableBracketedPaste, cursor::Hide)?;
        let mouse = std::mem::take(&mut self.mouse);
        self.set_mouse(mouse)?;
        self.invalidate()
    }

    /// Makes the next frame redraw everything, because the terminal may have lost its content.
    pub(super) fn invalidate(&mut self) -> io::Result<()> {
        self.shown = None;
        let removal = self.pictures.remove_all();
        self.terminal.backend_mut().write_all(removal.as_bytes())?;
        // `clear` is not used: it queries the cursor's position, and over a slow line the answer may come too late.
        let area = self.area()?;
        self.terminal.resize(area)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let removal = self.pictures.remove_all();
        let _ = self.terminal.backend_mut().write_all(removal.as_bytes());
        let _ = Write::flush(self.terminal.backend_mut());
        restore_terminal();
    }
}

fn set_up_terminal() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
}

/// Restores the terminal. Errors are ignored, because a closed terminal accepts no bytes.
fn restore_terminal() {
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
}

/// Runs `work` so that a panic becomes an error after the terminal was restored. Otherwise the panic's text would be
/// printed across the screen.
///
/// # Errors
/// The errors of `work`, and [`DashboardError::Bug`].
pub(super) fn catch_panic<T>(work: impl FnOnce() -> Result<T, DashboardError>) -> Result<T, DashboardError> {
    let text = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&text);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // Unwinding drops `Display`, which restores the terminal; the hook only stores the message.
        *shared.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(before);
    result.unwrap_or_else(|_| {
        let text = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(DashboardError::Bug(text))
    })
}
