//! The loop: what happens becomes events, what `update` wants becomes deeds, and the screen is drawn when it changed.
//!
//! The only part of the dashboard with a clock, threads and a terminal.

use std::io::{self, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use crossterm::event::{Event as Reported, EventStream};
use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_stream::StreamExt;

use super::DashboardError;
use super::backend::Disk;
use super::deeds::{deed, failure};
use super::effect::Effect;
use super::event::Event;
use super::input::Typing;
use super::pace::Pace;
use super::state::State;
use super::terminal::Screen;
use super::theme::Theme;
use super::{clipboard, config, first_run, screens, update, watch};
use crate::runs::RunStore;
use crate::supervise::now;

/// Between looks at the clock.
const TICK: Duration = Duration::from_secs(1);

/// How long the first frame waits for the first news, so that it does not flash an empty screen.
const FIRST_NEWS: Duration = Duration::from_millis(120);

/// What the terminal reports is taken in by as many at once: a paste of a megabyte leaves room for frames.
const AT_ONCE: usize = 2_048;

/// Events under way; a sender waits when there are more.
const QUEUE: usize = 64;

/// How long quitting waits for a launch or a stop that is under way.
const LAST_DEEDS: Duration = Duration::from_secs(3);

/// Runs the dashboard until it is quit, and tells how many runs are then still going.
///
/// # Errors
/// When the terminal fails.
pub(super) fn run(store: RunStore, backend: Arc<Disk>) -> Result<usize, DashboardError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build()?;
    let result = runtime.block_on(dashboard(store, backend));
    runtime.shutdown_timeout(LAST_DEEDS);
    result
}

struct Dashboard {
    state: State,
    screen: Screen,
    backend: Arc<Disk>,
    events: Sender<Event>,
    poke: SyncSender<()>,
    pace: Pace,
    /// Whether the state changed since the last frame.
    stale: bool,
    /// Whether it changed by a key, which waits to be answered.
    key_waits: bool,
    /// Whether the terminal may have lost what it showed.
    lost: bool,
    in_tmux: bool,
}

async fn dashboard(store: RunStore, backend: Arc<Disk>) -> Result<usize, DashboardError> {
    let (events, mut incoming) = mpsc::channel(QUEUE);
    let poke = watch::start(store, Arc::clone(&backend), events.clone());
    let theme = Theme::detect(|name| std::env::var(name).ok());
    let settings = config::load();
    let mut state = State::new(theme, TimeZone::system(), now()).configured(&settings);
    state.tour = first_run::is_first();
    let pace = Pace::new(settings.frames, Instant::now() + FIRST_NEWS);
    let in_tmux = std::env::var_os("TMUX").is_some_and(|value| !value.is_empty());
    let screen = Screen::enter()?;
    let mut dashboard =
        Dashboard { state, screen, backend, events, poke, pace, stale: true, key_waits: false, lost: false, in_tmux };
    let rows = dashboard.screen.area()?.height;
    dashboard.take(Event::Resized { rows })?;
    for effect in update::start() {
        dashboard.perform(effect)?;
    }
    dashboard.work(&mut incoming).await?;
    Ok(dashboard.state.active())
}

impl Dashboard {
    async fn work(&mut self, incoming: &mut Receiver<Event>) -> Result<(), DashboardError> {
        let mut keys = EventStream::new();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // Not from the keyboard, which is in raw mode: somebody sent it.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut quit = signal(SignalKind::quit())?;
        let mut go_on = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        let mut typing = Typing::default();
        while !self.state.quit {
            let next_frame = self.pace.next(self.key_waits);
            tokio::select! {
                key = keys.next() => match key {
                    Some(Ok(event)) => {
                        let reported = together(event, &mut keys).await;
                        let size = self.screen.area()?.as_size();
                        for event in typing.events(reported, Instant::now(), (size.width, size.height)) {
                            self.key_waits = true;
                            self.take(event)?;
                        }
                    }
                    Some(Err(error)) => return Err(error.into()),
                    // The terminal is gone, and with it everybody who looks.
                    None => return Ok(()),
                },
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
                    self.screen.retake()?;
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

    fn take(&mut self, event: Event) -> Result<(), DashboardError> {
        if matches!(event, Event::Redraw | Event::Resized { .. }) {
            self.lost = true;
        }
        for effect in update::update(&mut self.state, now(), event) {
            self.perform(effect)?;
        }
        self.screen.listen_to_mouse(self.state.mouse)?;
        self.stale = true;
        Ok(())
    }

    /// Draws the state, and tells whether that changed anything on the terminal.
    fn draw(&mut self) -> Result<bool, DashboardError> {
        (self.stale, self.key_waits) = (false, false);
        // Once for a whole storm of resizes.
        if std::mem::take(&mut self.lost) {
            self.screen.forget()?;
        }
        let area = self.screen.area()?;
        let mut frame = Buffer::empty(area);
        let cursor = screens::render(&self.state, &mut frame, area);
        Ok(self.screen.show(frame, cursor)?)
    }

    /// Does it on a thread of its own, unless it is the terminal's affair; the answer comes as an event.
    fn perform(&mut self, effect: Effect) -> Result<(), DashboardError> {
        match &effect {
            Effect::Copy(text) => return Ok(self.screen.send(&clipboard::sequence(text, self.in_tmux))?),
            Effect::Suspend => return Ok(self.screen.suspend()?),
            _ => {}
        }
        let (backend, events, poke) = (Arc::clone(&self.backend), self.events.clone(), self.poke.clone());
        tokio::task::spawn_blocking(move || {
            let failed = failure(&effect);
            let answer = catch_unwind(AssertUnwindSafe(|| deed(backend.as_ref(), effect))).unwrap_or(failed);
            let _ = events.blocking_send(answer);
            // Full means that it is about to look anyway.
            let _ = poke.try_send(());
        });
        Ok(())
    }
}

/// This and all that the terminal has reported besides, without waiting for more.
async fn together(first: Reported, keys: &mut EventStream) -> Vec<Reported> {
    let mut all = vec![first];
    while all.len() < AT_ONCE {
        tokio::select! {
            biased;
            // An error or the end comes again at the next look.
            Some(Ok(event)) = keys.next() => all.push(event),
            () = std::future::ready(()) => break,
        }
    }
    all
}
