//! The loop: what happens becomes events, what `update` wants becomes effects, and the screen is drawn when it changed.
//!
//! The only part of the dashboard with a clock, threads and a terminal.

use std::io::{self, IsTerminal, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::DashboardError;
use super::input::{self, Chunk, Keyboard};
use super::pace::{Pace, time_shows};
use super::performer::Performer;
use super::probe::{self, Answer};
use super::screens::run_effect;
use super::terminal::Display;
use super::theme::Theme;
use super::watch::Ask;
use super::widgets::faces::Pictures;
use super::{clipboard, config, first_run, update, view, watch};
use crate::domain::{DatasetName, RunId};
use crate::runs::{RunStore, host_name};
use crate::supervise::now;
use crate::tui::backend::Backend;
use crate::tui::layout::Layout;
use crate::tui::messages::{Effect, Event};
use crate::tui::state::State;
use crate::tui::terminal_facts::Graphics;

/// Between looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// How long the first frame waits at most for the first news, so that it does not flash an empty screen.
const FIRST_NEWS: Duration = Duration::from_millis(60);

/// Events under way; a sender waits when there are more.
const QUEUE: usize = 64;

/// How long quitting waits for a launch or a stop that is under way before it says so.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// How many runs continue without the dashboard, and the dataset whose import does.
pub(super) type StillRunning = (usize, Option<DatasetName>);

/// Runs the dashboard until it is quit, and returns what then still runs.
///
/// # Errors
/// When the terminal fails.
pub(super) fn run(store: RunStore, backend: Arc<Backend>) -> Result<StillRunning, DashboardError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build()?;
    let (events, incoming) = mpsc::channel(QUEUE);
    let ask = watch::start(store, Arc::clone(&backend), events.clone());
    let performer = performer(backend, events, ask.clone());
    let result = runtime.block_on(dashboard(incoming, ask, performer.clone()));
    // The terminal is the shell's again. Whoever does not want to wait interrupts.
    let left = runtime.block_on(leave(&performer));
    // What only reads is not waited for.
    runtime.shutdown_background();
    result.and_then(|goes_on| left.map(|()| goes_on).map_err(DashboardError::from))
}

/// Performs effects with the backend; the answers come as events.
fn performer(backend: Arc<Backend>, events: Sender<Event>, ask: std::sync::mpsc::Sender<Ask>) -> Performer {
    Performer::new(move |effect| {
        let failure = effect.failure();
        let answer = catch_unwind(AssertUnwindSafe(|| run_effect(backend.as_ref(), effect))).unwrap_or(failure);
        let _ = events.blocking_send(answer);
        let _ = ask.send(Ask::Check);
    })
}

/// Waits for what is still being changed, unless a signal says otherwise.
async fn leave(performer: &Performer) -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let notify = |names: &str| {
        let _ = writeln!(io::stderr(), "mien: finishing what was asked for: {names}; Ctrl-C leaves it unfinished");
    };
    tokio::select! {
        () = performer.finish(SHUTDOWN_TIMEOUT, notify) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

struct Dashboard {
    state: State,
    display: Display,
    performer: Performer,
    ask: std::sync::mpsc::Sender<Ask>,
    /// The runs that the watcher was asked for whole.
    wanted: Vec<RunId>,
    keyboard: Keyboard,
    pace: Pace,
    /// Whether the state changed since the last frame.
    stale: bool,
    /// Whether it changed by a key, which waits to be answered.
    key_waits: bool,
    /// Whether the terminal may have lost what it showed.
    lost: bool,
}

async fn dashboard(
    mut incoming: Receiver<Event>,
    ask: std::sync::mpsc::Sender<Ask>,
    performer: Performer,
) -> Result<StillRunning, DashboardError> {
    let theme = Theme::detect(|name| std::env::var(name).ok());
    let settings = config::load();
    let mut state = State::new(theme, TimeZone::system(), now()).configured(&settings);
    state.library.host = host_name();
    state.tour = first_run::is_first();
    let mut dashboard = Dashboard {
        state,
        display: Display::enter()?,
        performer,
        ask,
        wanted: Vec::new(),
        keyboard: Keyboard::default(),
        pace: Pace::new(settings.frames, Instant::now() + FIRST_NEWS),
        stale: true,
        key_waits: false,
        lost: false,
    };
    dashboard.measure()?;
    for effect in update::start() {
        dashboard.perform(effect)?;
    }
    dashboard.work(&mut incoming, settings.graphics).await?;
    let import = dashboard.state.data.import.as_ref().filter(|import| !import.cancelled);
    Ok((dashboard.state.library.runs.active(dashboard.state.now), import.map(|import| import.name.clone())))
}

impl Dashboard {
    async fn work(&mut self, incoming: &mut Receiver<Event>, wanted: Option<Graphics>) -> Result<(), DashboardError> {
        // Keys are read once the terminal has told what it is, or time is up: there can be but one reader.
        // The thread that reads them is not waited for: it ends with this process.
        let mut asking = tokio::task::spawn_blocking(move || {
            probe::ask(&mut probe::Console, &|name| std::env::var(name).ok(), wanted)
        });
        let mut keys: Option<Receiver<Chunk>> = None;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // Not from the keyboard, which is in raw mode: somebody sent it.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut quit = signal(SignalKind::quit())?;
        let mut go_on = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        let mut resized = signal(SignalKind::window_change())?;
        while !self.state.quit {
            let next_frame = self.pace.next(self.key_waits);
            tokio::select! {
                answer = &mut asking, if keys.is_none() => {
                    self.meet(answer.unwrap_or_default())?;
                    keys = Some(input::listen());
                }
                chunk = next(&mut keys) => match (chunk, &mut keys) {
                    (Some(chunk), Some(keys)) => {
                        let events = self.keyboard.take(chunk, keys).await;
                        self.typed(events)?;
                    }
                    // The terminal is gone, and with it everybody who looks.
                    _ => return Ok(()),
                },
                () = due(self.keyboard.until()) => {
                    // Not while the rest is there and this was late to take it in.
                    let events = match keys.as_mut().and_then(|keys| keys.try_recv().ok().zip(Some(keys))) {
                        Some((chunk, keys)) => self.keyboard.take(chunk, keys).await,
                        None => self.keyboard.give_up(Instant::now()),
                    };
                    self.typed(events)?;
                }
                _ = resized.recv() => self.measure()?,
                Some(event) = incoming.recv() => self.take(event)?,
                _ = ticks.tick() => {
                    // A terminal may go without a hang-up reaching us, and its end reads as input without end.
                    if !io::stdin().is_terminal() {
                        return Ok(());
                    }
                    self.take(Event::Tick)?;
                }
                _ = hangup.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = quit.recv() => return Ok(()),
                _ = go_on.recv() => {
                    self.display.retake()?;
                    self.stale = true;
                }
                () = sleep_until(next_frame), if self.stale => {
                    if self.draw()? {
                        self.pace.drew(Instant::now());
                    }
                }
            }
        }
        Ok(())
    }

    /// Goes by what was learnt of the terminal, and takes in what was typed while it was asked.
    fn meet(&mut self, answer: Answer) -> Result<(), DashboardError> {
        let Answer { facts, typed, reader } = answer;
        self.display.learn(&facts)?;
        self.take(Event::Terminal(facts))?;
        self.keyboard = Keyboard::new(reader, Instant::now());
        let typed = self.keyboard.typed(typed, Instant::now());
        self.typed(typed)
    }

    /// The terminal may have another size.
    fn measure(&mut self) -> Result<(), DashboardError> {
        let area = self.display.area()?;
        self.take(Event::Resized { columns: area.width, rows: area.height })
    }

    /// Takes in what came from the keyboard.
    fn typed(&mut self, events: Vec<Event>) -> Result<(), DashboardError> {
        for event in events {
            let event = match event {
                // Whoever did not ask for the mouse gets only noise that looks like it.
                Event::Click(_) | Event::Scroll(_) if !self.state.mouse => continue,
                other => other,
            };
            // Keys that come faster than frames find the layout of what they act on, as if each had been drawn.
            if self.stale && matches!(event, Event::Key(_)) {
                let (layout, _) = self.render()?.1;
                self.hand_back(layout)?;
            }
            self.key_waits = true;
            self.take(event)?;
            if self.state.quit {
                break;
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), DashboardError> {
        match event {
            Event::Redraw | Event::Resized { .. } => self.lost = true,
            // With these the first news is whole.
            Event::RunsRead(_) | Event::RunsUnreadable(_) => self.pace.hurry(Instant::now()),
            _ => {}
        }
        let (ticks, then) = (matches!(event, Event::Tick), self.state.now);
        for effect in update::update(&mut self.state, now(), event) {
            self.perform(effect)?;
        }
        let wanted = self.state.runs.runs_to_read(&self.state.library);
        if wanted != self.wanted {
            self.wanted.clone_from(&wanted);
            // Nobody listens where watching has ended, which was told.
            let _ = self.ask.send(Ask::Whole(wanted));
        }
        self.display.listen_to_mouse(self.state.mouse)?;
        self.stale |= !ticks || time_shows(&self.state, then);
        Ok(())
    }

    /// Draws the state, and tells whether that changed anything on the terminal.
    fn draw(&mut self) -> Result<bool, DashboardError> {
        (self.stale, self.key_waits) = (false, false);
        // Once for a whole storm of resizes.
        if std::mem::take(&mut self.lost) {
            self.display.forget()?;
        }
        let ((frame, pictures), (layout, cursor)) = self.render()?;
        let changed = self.display.show(frame, cursor, pictures)?;
        self.hand_back(layout)?;
        Ok(changed)
    }

    /// Draws the state into a buffer. Returns that with its pictures, and its layout with the place of the cursor.
    #[allow(clippy::type_complexity)] // two pairs
    fn render(&mut self) -> io::Result<((Buffer, Pictures), (Layout, Option<Position>))> {
        let area = self.display.area()?;
        let mut frame = Buffer::empty(area);
        let mut pictures = Pictures::new(self.state.facts.graphics != Graphics::Blocks);
        let drawn = view::render(&self.state, &mut frame, area, &mut pictures);
        Ok(((frame, pictures), drawn))
    }

    /// Gives the layout of what was drawn to `update`, and performs what that wants.
    fn hand_back(&mut self, layout: Layout) -> Result<(), DashboardError> {
        let now = self.state.now;
        for effect in update::update(&mut self.state, now, Event::Drawn(layout)) {
            self.perform(effect)?;
        }
        Ok(())
    }

    /// Does it on a thread of its own, unless it is the terminal's affair; the answer comes as an event.
    fn perform(&mut self, effect: Effect) -> Result<(), DashboardError> {
        match &effect {
            Effect::Copy(text) => {
                let in_tmux = std::env::var_os("TMUX").is_some_and(|value| !value.is_empty());
                return Ok(self.display.send(&clipboard::sequence(text, in_tmux))?);
            }
            Effect::Suspend => return Ok(self.display.suspend()?),
            _ => {}
        }
        self.performer.perform(effect);
        Ok(())
    }
}

/// What is read next from the keyboard; nothing before it is listened to.
async fn next(keys: &mut Option<Receiver<Chunk>>) -> Option<Chunk> {
    match keys {
        Some(keys) => keys.recv().await,
        None => std::future::pending().await,
    }
}

/// Waits until then, or for ever.
async fn due(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}
