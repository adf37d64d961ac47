//! The event loop: it passes events to `update`, performs the effects that `update` returns, and draws the screen after
//! changes.
//!
//! This is the only part of the dashboard with a clock, threads and a terminal.

use std::io::{self, IsTerminal, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Position;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::DashboardError;
use super::input::{self, Chunk, Keyboard};
use super::multiplexer::Multiplexer;
use super::pace::{FramePacer, time_changes_screen};
use super::performer::Performer;
use super::probe::{self, ProbeResult};
use super::screen::Screen;
use super::terminal::Display;
use super::theme::Theme;
use super::watch::WatchRequest;
use super::widgets::faces::Pictures;
use super::{clipboard, config, first_run, notice, remote, update, view, watch};
use crate::config::{Notify, Places};
use crate::domain::text::printable;
use crate::domain::{DatasetName, RunId};
use crate::runs::{Machine, RunStore};
use crate::supervise::now;
use crate::tui::backend::Backend;
use crate::tui::layout::Layout;
use crate::tui::messages::{Effect, Event};
use crate::tui::state::State;
use crate::tui::terminal_facts::Graphics;

/// The time between two ticks of the clock.
const TICK: Duration = Duration::from_secs(1);

/// The longest wait of the first frame for data; otherwise an empty screen would flash up.
const FIRST_FRAME_TIMEOUT: Duration = Duration::from_millis(60);

/// The capacity of the event channel; a sender waits while it is full.
const CHANNEL_CAPACITY: usize = 64;

/// The time that quitting waits for pending launches and stops before it reports them.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

/// The number of active runs, and the dataset whose import is running.
pub(super) type StillRunning = (usize, Option<DatasetName>);

/// Runs the dashboard until it is quit. Returns the runs and the import that are still running.
///
/// # Errors
/// When the terminal or the async runtime fails.
pub(super) fn run(store: RunStore, backend: Arc<Backend>) -> Result<StillRunning, DashboardError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(8).build()?;
    let (events, incoming) = mpsc::channel(CHANNEL_CAPACITY);
    let watcher = watch::start(store, Arc::clone(&backend), events.clone());
    let is_remote = backend.link.is_some();
    let default_place = backend.store.home().default_place().unwrap_or_default();
    let performer = performer(backend, events, watcher.clone());
    let result = runtime.block_on(dashboard(incoming, watcher, performer.clone(), is_remote, default_place));
    // The terminal is restored by now, so Ctrl-C interrupts this wait.
    let left = runtime.block_on(finish_effects(&performer));
    // Effects that only read are not waited for.
    runtime.shutdown_background();
    result.and_then(|active| left.map(|()| active).map_err(DashboardError::from))
}

/// Returns a performer of effects that sends their results as events.
fn performer(
    backend: Arc<Backend>,
    events: Sender<Event>,
    watcher: std::sync::mpsc::Sender<WatchRequest>,
) -> Performer {
    Performer::new(move |effect| {
        let failure = effect.failure();
        let result = catch_unwind(AssertUnwindSafe(|| remote::run_effect(backend.as_ref(), effect))).unwrap_or(failure);
        let _ = events.blocking_send(result);
        let _ = watcher.send(WatchRequest::Refresh);
    })
}

/// Waits for effects that change runs or datasets, until they end or a signal arrives.
async fn finish_effects(performer: &Performer) -> io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let notify = |names: &str| {
        let _ = writeln!(io::stderr(), "mien: waiting for pending changes of {names}; press Ctrl-C to exit at once");
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
    /// The settings of notices.
    notify: Notify,
    watcher: std::sync::mpsc::Sender<WatchRequest>,
    /// The runs whose details were last requested from the watcher.
    wanted: Vec<RunId>,
    keyboard: Keyboard,
    pacer: FramePacer,
    /// Whether the state changed since the last frame.
    stale: bool,
    /// Whether a key changed it, which the next frame answers.
    key_pending: bool,
    /// Whether the terminal may have lost its content.
    content_lost: bool,
}

/// Runs the dashboard of a home, whose runs start on the default place; a remote one has no places.
async fn dashboard(
    mut incoming: Receiver<Event>,
    watcher: std::sync::mpsc::Sender<WatchRequest>,
    performer: Performer,
    is_remote: bool,
    default_place: Option<String>,
) -> Result<StillRunning, DashboardError> {
    let theme = Theme::detect(variable);
    let settings = config::load();
    let mut state = State::new(theme, TimeZone::system(), now()).configured(&settings);
    state.library.machine = Machine::this();
    state.tour = first_run::claim();
    if is_remote {
        // The first data would choose the Data screen, because datasets stay on their machine.
        (state.screen, state.key_pressed) = (Screen::Runs, true);
    } else {
        let places = Places::load().entries;
        if let Some(name) = default_place.as_ref().filter(|name| places.iter().all(|place| place.name != **name)) {
            state.fail(&format!("the default place {} of this home is not in the config file", printable(name)));
        }
        state.train.set_places(places, default_place);
    }
    let mut dashboard = Dashboard {
        state,
        display: Display::enter()?,
        performer,
        notify: settings.notify.clone(),
        watcher,
        wanted: Vec::new(),
        keyboard: Keyboard::default(),
        pacer: FramePacer::new(settings.frames, Instant::now() + FIRST_FRAME_TIMEOUT),
        stale: true,
        key_pending: false,
        content_lost: false,
    };
    dashboard.update_size()?;
    for effect in update::start() {
        dashboard.perform(effect)?;
    }
    dashboard.run_loop(&mut incoming, settings.graphics).await?;
    let import = dashboard.state.data.import.as_ref().filter(|import| !import.cancelled);
    Ok((dashboard.state.library.runs.active(dashboard.state.now), import.map(|import| import.name.clone())))
}

impl Dashboard {
    async fn run_loop(
        &mut self,
        incoming: &mut Receiver<Event>,
        wanted: Option<Graphics>,
    ) -> Result<(), DashboardError> {
        // Keys are read after the probe ends, because only one thread may read the terminal. Neither thread is joined:
        // they end with this process, which must not wait for a terminal that never answers.
        let (probed, mut probe) = oneshot::channel();
        std::thread::spawn(move || probed.send(probe::probe(&mut probe::Console, &variable, wanted)));
        let mut keys: Option<Receiver<Chunk>> = None;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut hangup = signal(SignalKind::hangup())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // In raw mode the keyboard sends no SIGINT, so another process sent this one.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut quit = signal(SignalKind::quit())?;
        let mut resumed = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
        let mut resized = signal(SignalKind::window_change())?;
        while !self.state.quit {
            let next_frame = self.pacer.next_frame(self.key_pending);
            tokio::select! {
                result = &mut probe, if keys.is_none() => {
                    self.use_probe(result.unwrap_or_default())?;
                    keys = Some(input::start_reading());
                }
                chunk = next_chunk(&mut keys) => match (chunk, &mut keys) {
                    (Some(chunk), Some(keys)) => {
                        let events = self.keyboard.read_chunk(chunk, keys).await;
                        self.handle_input(events)?;
                    }
                    // The terminal was closed.
                    _ => return Ok(()),
                },
                () = wait_until(self.keyboard.deadline()) => {
                    // Bytes that already arrived are read before the deadline ends a sequence.
                    let events = match keys.as_mut().and_then(|keys| keys.try_recv().ok().zip(Some(keys))) {
                        Some((chunk, keys)) => self.keyboard.read_chunk(chunk, keys).await,
                        None => self.keyboard.time_out(Instant::now()),
                    };
                    self.handle_input(events)?;
                }
                _ = resized.recv() => self.update_size()?,
                Some(event) = incoming.recv() => self.handle(event)?,
                _ = ticks.tick() => {
                    // A closed terminal may send no hang-up; reads then return endless input.
                    if !io::stdin().is_terminal() {
                        return Ok(());
                    }
                    self.handle(Event::Tick)?;
                }
                _ = hangup.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = quit.recv() => return Ok(()),
                _ = resumed.recv() => {
                    self.display.set_up_again()?;
                    self.stale = true;
                }
                () = sleep_until(next_frame), if self.stale => {
                    if self.draw()? {
                        self.pacer.record_frame(Instant::now());
                    }
                }
            }
        }
        Ok(())
    }

    /// Uses the result of the probe, and handles the keys typed during it.
    fn use_probe(&mut self, result: ProbeResult) -> Result<(), DashboardError> {
        let ProbeResult { facts, typed, parser } = result;
        self.display.set_terminal(&facts)?;
        self.handle(Event::Terminal(facts))?;
        self.keyboard = Keyboard::new(parser, Instant::now());
        let typed = self.keyboard.filter_bursts(typed, Instant::now());
        self.handle_input(typed)
    }

    /// Reads the size of the terminal, which may have changed.
    fn update_size(&mut self) -> Result<(), DashboardError> {
        let area = self.display.area()?;
        self.handle(Event::Resized { columns: area.width, rows: area.height })
    }

    /// Handles events from the keyboard and the mouse.
    fn handle_input(&mut self, events: Vec<Event>) -> Result<(), DashboardError> {
        for event in events {
            let event = match event {
                // With the mouse off, mouse events can only be noise on the line.
                Event::Click(_) | Event::Scroll(_) if !self.state.mouse => continue,
                other => other,
            };
            // Keys may come faster than frames. Each needs the layout that the keys before it caused.
            if self.stale && matches!(event, Event::Key(_)) {
                let (layout, _) = self.render()?.1;
                self.return_layout(layout)?;
            }
            self.key_pending = true;
            self.handle(event)?;
            if self.state.quit {
                break;
            }
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<(), DashboardError> {
        match event {
            Event::Redraw | Event::Resized { .. } => self.content_lost = true,
            // The first data is complete, so the first frame can be drawn.
            Event::RunsRead(_) | Event::RunsUnreadable(_) => self.pacer.release_first_frame(Instant::now()),
            _ => {}
        }
        let (ticks, then) = (matches!(event, Event::Tick), self.state.now);
        for effect in update::update(&mut self.state, now(), event) {
            self.perform(effect)?;
        }
        let wanted = self.state.runs.runs_to_read(&self.state.library);
        if wanted != self.wanted {
            self.wanted.clone_from(&wanted);
            // The watcher may have ended, which it reported.
            let _ = self.watcher.send(WatchRequest::Details(wanted));
        }
        self.display.set_mouse(self.state.mouse)?;
        self.stale |= !ticks || time_changes_screen(&self.state, then);
        Ok(())
    }

    /// Draws the state. Returns whether the frame changed anything on the terminal.
    fn draw(&mut self) -> Result<bool, DashboardError> {
        (self.stale, self.key_pending) = (false, false);
        // One invalidation suffices for a burst of resizes.
        if std::mem::take(&mut self.content_lost) {
            self.display.invalidate()?;
        }
        let ((frame, pictures), (layout, cursor)) = self.render()?;
        let changed = self.display.show(frame, cursor, pictures)?;
        self.return_layout(layout)?;
        Ok(changed)
    }

    /// Draws the state into a buffer. Returns it with its pictures, and its layout with the position of the cursor.
    #[allow(clippy::type_complexity)] // two pairs
    fn render(&mut self) -> io::Result<((Buffer, Pictures), (Layout, Option<Position>))> {
        let area = self.display.area()?;
        let mut frame = Buffer::empty(area);
        let mut pictures = Pictures::new(self.state.facts.graphics != Graphics::Blocks);
        let drawn = view::render(&self.state, &mut frame, area, &mut pictures);
        Ok(((frame, pictures), drawn))
    }

    /// Passes the layout of a frame to `update`, and performs the effects that it returns.
    fn return_layout(&mut self, layout: Layout) -> Result<(), DashboardError> {
        let now = self.state.now;
        for effect in update::update(&mut self.state, now, Event::Drawn(layout)) {
            self.perform(effect)?;
        }
        Ok(())
    }

    /// Performs an effect: on the terminal at once, any other on another thread, whose result arrives as an event.
    fn perform(&mut self, effect: Effect) -> Result<(), DashboardError> {
        match &effect {
            Effect::Copy(text) => {
                return Ok(self.display.send(&clipboard::sequence(text, Multiplexer::detect(variable)))?);
            }
            Effect::Notify(text) => return Ok(self.display.send(&notice::sequence(&self.notify, text, variable))?),
            Effect::Suspend => return Ok(self.display.suspend()?),
            _ => {}
        }
        self.performer.perform(effect);
        Ok(())
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Receives the next bytes from the keyboard; waits for ever before the keyboard is read.
async fn next_chunk(keys: &mut Option<Receiver<Chunk>>) -> Option<Chunk> {
    match keys {
        Some(keys) => keys.recv().await,
        None => std::future::pending().await,
    }
}

/// Waits until a time; for ever if there is none.
async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
