//! The terminal: taken over at the start, given back whatever happens.

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
use super::graphics::Shown;
use super::terminal_facts::TerminalFacts;
use super::widgets::faces::Pictures;

/// Large enough for a whole screen, so that a frame is one write.
const WRITE_BUFFER: usize = 1 << 16;

/// The terminal while the dashboard has it.
pub(super) struct Display {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    /// What is on it, to tell whether anything changed.
    shown: Option<(Buffer, Option<Position>)>,
    /// The pictures on it.
    pictures: Shown,
    /// Whether the mouse is reported to us.
    mouse: bool,
}

impl Display {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When it refuses; it is then given back.
    pub(super) fn enter() -> io::Result<Self> {
        let set_up = || {
            take_over()?;
            Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(WRITE_BUFFER, io::stdout())))
        };
        let terminal = set_up().inspect_err(|_| give_back())?;
        Ok(Self { terminal, shown: None, pictures: Shown::default(), mouse: false })
    }

    /// The area to draw on.
    pub(super) fn area(&mut self) -> io::Result<ratatui::layout::Rect> {
        Ok(ratatui::layout::Rect::from((Position::ORIGIN, self.terminal.size()?)))
    }

    /// Goes by what was learnt of the terminal.
    pub(super) fn learn(&mut self, facts: &TerminalFacts) -> io::Result<()> {
        let gone = self.pictures.learn(facts);
        self.terminal.backend_mut().write_all(gone.as_bytes())?;
        self.shown = None;
        Ok(())
    }

    /// Shows a frame and its pictures, and tells whether they differ from what was shown: what does not costs not a
    /// byte.
    pub(super) fn show(&mut self, frame: Buffer, cursor: Option<Position>, pictures: Pictures) -> io::Result<bool> {
        let same = |(old, at): &(Buffer, Option<Position>)| *old == frame && *at == cursor;
        if self.shown.as_ref().is_some_and(same) && self.pictures.are(&pictures.placed) {
            return Ok(false);
        }
        let mut text = frame.clone();
        let change = self.pictures.change(pictures.placed, &mut text);
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.backend_mut().write_all(change.before.as_bytes())?;
        let mut fits = false;
        self.terminal.draw(|target| {
            let buffer = target.buffer_mut();
            // The terminal may have changed its size since; another frame then follows the news of that.
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

    /// Lets the mouse be reported to us, or lets the terminal select text with it.
    pub(super) fn listen_to_mouse(&mut self, mouse: bool) -> io::Result<()> {
        if self.mouse == mouse {
            return Ok(());
        }
        self.mouse = mouse;
        let out = self.terminal.backend_mut();
        if mouse { execute!(out, EnableMouseCapture) } else { execute!(out, DisableMouseCapture) }
    }

    /// Sends a sequence that draws nothing.
    pub(super) fn send(&mut self, sequence: &str) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        out.write_all(sequence.as_bytes())?;
        io::Write::flush(out)
    }

    /// Gives the terminal back and stops this process until the shell goes on with it (`fg`); then takes it over again.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        io::Write::flush(self.terminal.backend_mut())?;
        give_back();
        // The whole foreground group, as the kernel does it on Ctrl-Z: a program that started us waits with us. Workers
        // have sessions of their own and go on. Where no shell could wake us up, this does nothing.
        rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
        take_over()?;
        self.retake()
    }

    /// Somebody else may have had the terminal while this process was stopped: sets it up as we need it, and forgets
    /// what it showed.
    pub(super) fn retake(&mut self) -> io::Result<()> {
        // Only this way round: while crossterm believes that the mode is raw it does not set it.
        disable_raw_mode()?;
        enable_raw_mode()?;
        execute!(self.terminal.backend_mut(), EnableBracketedPaste, cursor::Hide)?;
        let mouse = std::mem::take(&mut self.mouse);
        self.listen_to_mouse(mouse)?;
        self.forget()
    }

    /// Draws everything anew at the next frame: the terminal may have lost what it showed.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        self.shown = None;
        let gone = self.pictures.forget();
        self.terminal.backend_mut().write_all(gone.as_bytes())?;
        // Not `clear`: that asks the terminal where its cursor is, and over a slow line the answer may come too late.
        let area = self.area()?;
        self.terminal.resize(area)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let gone = self.pictures.forget();
        let _ = self.terminal.backend_mut().write_all(gone.as_bytes());
        let _ = Write::flush(self.terminal.backend_mut());
        give_back();
    }
}

fn take_over() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
}

/// Gives the terminal back, as far as it can be: a closed one takes nothing.
fn give_back() {
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

/// Runs the dashboard so that a bug in it ends as an error after the terminal was restored, never as a panic's text
/// across the screen.
///
/// # Errors
/// Those of `work`, and [`DashboardError::Bug`].
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, DashboardError>) -> Result<T, DashboardError> {
    let words = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&words);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // The unwinding drops `Display`, which restores the terminal; here only the words are kept.
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string();
    }));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(before);
    result.unwrap_or_else(|_| {
        let words = words.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(DashboardError::Bug(words))
    })
}
