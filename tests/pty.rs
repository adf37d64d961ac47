//! The real binary in a real terminal: open, launch a demo run by keys, quit, reopen, see it finish.

#![cfg(all(feature = "trainer", feature = "dashboard"))]

mod lab;

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use lab::{Lab, wait_for};
use mien::domain::{Hyperparameter, RunState};
use mien::runs::FollowedRun;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Long enough for a slow machine with other things to do.
const PATIENCE: u64 = 120;

const ROWS: u16 = 24;
const COLUMNS: u16 = 80;

/// The dashboard in a terminal of 80×24.
struct Dashboard {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Closing it, with the reader and the writer, hangs the terminal up.
    master: Option<Box<dyn MasterPty + Send>>,
}

impl Dashboard {
    fn open(lab: &Lab) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_mien"));
        command.arg("--home");
        command.arg(lab.home());
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env_remove("MIEN_HOME");
        command.env_remove("LC_ALL");
        let child = pty.slave.spawn_command(command).expect("started");
        drop(pty.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 0)));
        let mut output = pty.master.try_clone_reader().expect("a reader");
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose program has ended reads as an error or as nothing.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().expect("no panic").process(&bytes[..count]);
            }
        });
        let keys = pty.master.take_writer().expect("a writer");
        Self { child, keys, screen, master: Some(pty.master) }
    }

    fn text(&self) -> String {
        self.screen.lock().expect("no panic").screen().contents()
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("a key");
    }

    /// Waits until the screen satisfies the condition; tells what it shows if it never does.
    fn wait(&mut self, what: &str, condition: impl Fn(&str) -> bool) {
        let mut last = String::new();
        let met = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for(what, PATIENCE, || {
                last = self.text();
                let ended = self.child.try_wait().ok().flatten();
                assert!(ended.is_none() || condition(&last), "the dashboard ended: {ended:?}");
                condition(&last).then_some(())
            });
        }));
        assert!(met.is_ok(), "no {what} on the screen:\n{last}");
    }

    /// Goes down the form to a setting and types a value into it.
    fn fill(&mut self, setting: Hyperparameter, value: &str) {
        let explained: String = setting.explanation().split(' ').take(3).collect::<Vec<_>>().join(" ");
        for _ in 0..20 {
            if self.text().contains(&explained) {
                break;
            }
            let before = self.text();
            self.press("\u{1b}[B");
            self.wait("another field", |text| text != before);
        }
        self.wait(&explained, |text| text.contains(&explained));
        // Ctrl-U clears the field.
        self.press("\u{15}");
        self.press(value);
        self.wait(value, |text| {
            text.lines().any(|line| line.contains(setting.name()) && line.contains(&format!(" {value} ")))
        });
    }

    fn quit(&mut self) -> String {
        self.press("q");
        let status = wait_for("the end of the dashboard", PATIENCE, || self.child.try_wait().expect("a child"));
        assert!(status.success(), "{status:?}");
        // What the program wrote last may still be on its way.
        wait_for("the restored terminal", PATIENCE, || {
            let parser = self.screen.lock().expect("no panic");
            (!parser.screen().alternate_screen() && !parser.screen().hide_cursor()).then_some(())
        });
        self.text()
    }

    /// Sends what the kernel sends when the terminal's last end closes, and waits for the dashboard's end.
    fn hang_up(mut self) {
        let leader = self.master.as_ref().and_then(|master| master.process_group_leader()).expect("a session");
        self.master = None;
        let group = rustix::process::Pid::from_raw(leader).expect("a process group");
        rustix::process::kill_process_group(group, rustix::process::Signal::HUP).expect("sent");
        wait_for("the end of the dashboard", PATIENCE, || self.child.try_wait().expect("a child"));
    }

    fn uses_alternate_screen(&self) -> bool {
        self.screen.lock().expect("no panic").screen().alternate_screen()
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run_of(lab: &Lab) -> Option<FollowedRun> {
    let id = lab.store().ids().expect("ids").into_iter().next()?;
    lab.store().summary(&id).ok()
}

#[test]
fn a_demo_run_is_launched_left_and_found_again() {
    let lab = Lab::new();
    let mut dashboard = Dashboard::open(&lab);
    // The demo draws itself where there is no other dataset.
    dashboard.wait("the demo dataset", |text| text.contains("happy") && text.contains("disgust"));
    assert!(dashboard.uses_alternate_screen());

    dashboard.press("?");
    dashboard.wait("the help", |text| text.contains("launch"));
    dashboard.press("\u{1b}");
    dashboard.wait("the data again", |text| text.contains("disgust"));

    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    dashboard.fill(Hyperparameter::Epochs, "12");
    dashboard.fill(Hyperparameter::BatchSize, "64");
    dashboard.press("\r");

    let id = wait_for("a run", PATIENCE, || run_of(&lab)).summary.id;
    let later = |text: &str| text.lines().any(|line| (2..=12).any(|epoch| line.contains(&format!("{epoch}/12"))));
    dashboard.wait("the second epoch", |text| text.contains(id.as_str()) && later(text));

    let farewell = dashboard.quit();
    assert!(farewell.contains("goes on"), "{farewell}");
    drop(dashboard);
    let run = run_of(&lab).expect("the run");
    assert!(run.alive, "the worker outlives the dashboard");
    assert_eq!((run.summary.recipe.epochs, run.summary.recipe.batch_size), (12, 64));

    let mut dashboard = Dashboard::open(&lab);
    dashboard.press("3");
    dashboard.wait("the run", |text| text.contains(id.as_str()));
    wait_for("the end of the run", PATIENCE, || {
        let run = run_of(&lab).expect("the run");
        (run.state(mien::supervise::now()) == RunState::Finished).then_some(())
    });
    dashboard.wait("the finished run", |text| text.contains("finished"));
    dashboard.quit();
}

#[test]
fn a_terminal_that_goes_away_ends_the_dashboard_and_no_worker() {
    let lab = Lab::new();
    let mut dashboard = Dashboard::open(&lab);
    dashboard.wait("the demo dataset", |text| text.contains("happy") && text.contains("disgust"));
    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    dashboard.fill(Hyperparameter::Epochs, "40");
    dashboard.press("\r");
    let epochs = || run_of(&lab).map_or(0, |run| run.summary.epoch());
    wait_for("the first epoch", PATIENCE, || (epochs() >= 1).then_some(()));

    // The terminal hangs up, as when a connection is cut.
    dashboard.hang_up();
    let before = epochs();
    wait_for("a later epoch", PATIENCE, || (epochs() > before).then_some(()));
    let run = run_of(&lab).expect("the run");
    assert!(run.alive, "the worker outlives the terminal");
    run.folder().request_stop().expect("asked");
    wait_for("the end of the worker", PATIENCE, || (!run.folder().worker_alive()).then_some(()));
}

#[test]
fn all_three_strategies_are_launched_by_keys_and_wait_for_one_another() {
    let lab = Lab::new();
    lab.faces(140);
    let mut dashboard = Dashboard::open(&lab);
    dashboard.wait("the dataset", |text| text.contains("faces"));
    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    // To features: without weights there is nothing to build on, and the form says what to do.
    dashboard.press("\u{1b}[C");
    dashboard.wait("what is missing", |text| text.contains("mien weights"));
    dashboard.press("\r");
    dashboard.wait("a refusal", |text| text.contains("no pretrained weights"));
    assert!(run_of(&lab).is_none(), "nothing was launched");
    dashboard.quit();
    drop(dashboard);

    lab.weights("imagenet");
    let mut dashboard = Dashboard::open(&lab);
    dashboard.wait("the dataset", |text| text.contains("faces"));
    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    dashboard.press("\u{1b}[C\u{1b}[C\u{1b}[C");
    dashboard.wait("all three", |text| text.contains("STRATEGY") && text.contains("imagenet"));
    for (setting, value) in
        [(Hyperparameter::Size, "32"), (Hyperparameter::Epochs, "2"), (Hyperparameter::Variants, "1")]
    {
        dashboard.fill(setting, value);
    }
    dashboard.press("\r");
    dashboard.wait("three runs", |text| {
        ["-cnn", "-features", "-finetune"].iter().all(|ending| text.lines().any(|line| line.contains(ending)))
    });
    wait_for("the end of all three", PATIENCE, || {
        let ids = lab.store().ids().expect("ids");
        let finished = ids
            .iter()
            .filter_map(|id| lab.store().summary(id).ok())
            .filter(|run| run.state(mien::supervise::now()) == RunState::Finished && run.summary.test.is_some());
        (finished.count() == 3).then_some(())
    });
    dashboard.wait("their ends", |text| text.matches("all epochs").count() + text.matches("early stop").count() >= 3);
    dashboard.quit();
}
