//! The loop: what happens becomes events, what `update` wants becomes deeds, and the screen is drawn when it changed.
//!
//! The only part of the dashboard with a clock, threads and a terminal.

use std::io::{self, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
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
use super::probe::{self, Answer, Graphics, Late};
use super::state::State;
use super::terminal::Screen;
use super::theme::Theme;
use super::watch::Ask;
use super::widgets::faces::Pictures;
use super::{clipboard, config, first_run, screens, update, watch};
use crate::domain::{DatasetName, RunId};
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

/// What goes on without the dashboard: how many runs, and the import of which dataset.
pub(super) type GoesOn = (usize, Option<DatasetName>);

/// Runs the dashboard until it is quit, and tells what then still goes on.
///
/// # Errors
/// When the terminal fails.
pub(super) fn run(store: RunStore, backend: Arc<Disk>) -> Result<GoesOn, DashboardError> {
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
    ask: std::sync::mpsc::Sender<Ask>,
    /// The runs that the watcher was asked for whole.
    wanted: Vec<RunId>,
    /// Answers of the terminal that are still to come.
    late: Late,
    pace: Pace,
    /// Whether the state changed since the last frame.
    stale: bool,
    /// Whether it changed by a key, which waits to be answered.
    key_waits: bool,
    /// Whether the terminal may have lost what it showed.
    lost: bool,
    in_tmux: bool,
}

async fn dashboard(store: RunStore, backend: Arc<Disk>) -> Result<GoesOn, DashboardError> {
    let (events, mut incoming) = mpsc::channel(QUEUE);
    let ask = watch::start(store, Arc::clone(&backend), events.clone());
    let theme = Theme::detect(|name| std::env::var(name).ok());
    let settings = config::load();
    let mut state = State::new(theme, TimeZone::system(), now()).configured(&settings);
    state.tour = first_run::is_first();
    let mut dashboard = Dashboard {
        state,
        screen: Screen::enter()?,
        backend,
        events,
        ask,
        wanted: Vec::new(),
        late: Late::default(),
        pace: Pace::new(settings.frames, Instant::now() + FIRST_NEWS),
        stale: true,
        key_waits: false,
        lost: false,
        in_tmux: std::env::var_os("TMUX").is_some_and(|value| !value.is_empty()),
    };
    let area = dashboard.screen.area()?;
    dashboard.take(Event::Resized { columns: area.width, rows: area.height })?;
    for effect in update::start() {
        dashboard.perform(effect)?;
    }
    dashboard.work(&mut incoming, settings.graphics).await?;
    let import = dashboard.state.data.import.as_ref().filter(|import| !import.cancelled);
    Ok((dashboard.state.active(), import.map(|import| import.name.clone())))
}

impl Dashboard {
    async fn work(&mut self, incoming: &mut Receiver<Event>, wanted: Option<Graphics>) -> Result<(), DashboardError> {
        // Keys are read once the terminal has told what it is, or time is up: there can be but one reader.
        let mut asking = tokio::task::spawn_blocking(move || {
            probe::ask(&mut probe::Console, &|name| std::env::var(name).ok(), wanted)
        });
        let mut keys: Option<EventStream> = None;
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
                answer = &mut asking, if keys.is_none() => {
                    self.meet(answer.unwrap_or_default())?;
                    keys = Some(EventStream::new());
                }
                key = next(&mut keys), if keys.is_some() => match key {
                    Some(Ok(event)) => {
                        let reported = self.heard(together(event, &mut keys).await);
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

    /// Goes by what was learnt of the terminal, and takes in what was typed while it was asked.
    fn meet(&mut self, answer: Answer) -> Result<(), DashboardError> {
        let Answer { facts, typed, owed } = answer;
        self.late = Late::new(owed, std::time::Instant::now());
        self.screen.learn(&facts)?;
        self.take(Event::Terminal(facts))?;
        // Changes of the size are heard of only from now on.
        let area = self.screen.area()?;
        if (area.width, area.height) != (self.state.columns, self.state.rows) {
            self.take(Event::Resized { columns: area.width, rows: area.height })?;
        }
        typed.into_iter().try_for_each(|event| self.take(event))
    }

    /// What was reported without those keys that are a late answer of the terminal.
    fn heard(&mut self, reported: Vec<Reported>) -> Vec<Reported> {
        let now = std::time::Instant::now();
        let mut heard = Vec::with_capacity(reported.len());
        for event in reported {
            match Event::from_terminal(event.clone()) {
                Some(Event::Key(key)) => {
                    heard.extend(self.late.pass(key, now).into_iter().map(|key| Reported::Key(key.into())));
                }
                _ => heard.push(event),
            }
        }
        heard
    }

    fn take(&mut self, event: Event) -> Result<(), DashboardError> {
        if matches!(event, Event::Redraw | Event::Resized { .. }) {
            self.lost = true;
        }
        for effect in update::update(&mut self.state, now(), event) {
            self.perform(effect)?;
        }
        let wanted = self.state.runs.wanted();
        if wanted != self.wanted {
            self.wanted.clone_from(&wanted);
            // Nobody listens where watching has ended, which was told.
            let _ = self.ask.send(Ask::Whole(wanted));
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
        let mut pictures = Pictures::new(self.state.facts.graphics != probe::Graphics::Blocks);
        let cursor = screens::render(&self.state, &mut frame, area, &mut pictures);
        Ok(self.screen.show(frame, cursor, pictures)?)
    }

    /// Does it on a thread of its own, unless it is the terminal's affair; the answer comes as an event.
    fn perform(&mut self, effect: Effect) -> Result<(), DashboardError> {
        match &effect {
            Effect::Copy(text) => return Ok(self.screen.send(&clipboard::sequence(text, self.in_tmux))?),
            Effect::Suspend => return Ok(self.screen.suspend()?),
            _ => {}
        }
        let (backend, events, ask) = (Arc::clone(&self.backend), self.events.clone(), self.ask.clone());
        tokio::task::spawn_blocking(move || {
            let failed = failure(&effect);
            let answer = catch_unwind(AssertUnwindSafe(|| deed(backend.as_ref(), effect))).unwrap_or(failed);
            let _ = events.blocking_send(answer);
            let _ = ask.send(Ask::Look);
        });
        Ok(())
    }
}

/// What the terminal sends next; called only when its keys are read.
async fn next(keys: &mut Option<EventStream>) -> Option<io::Result<Reported>> {
    match keys {
        Some(keys) => keys.next().await,
        None => std::future::pending().await,
    }
}

/// This and all that the terminal has reported besides, without waiting for more.
async fn together(first: Reported, keys: &mut Option<EventStream>) -> Vec<Reported> {
    let mut all = vec![first];
    while all.len() < AT_ONCE {
        tokio::select! {
            biased;
            // An error or the end comes again at the next look.
            Some(Ok(event)) = next(keys) => all.push(event),
            () = std::future::ready(()) => break,
        }
    }
    all
}
