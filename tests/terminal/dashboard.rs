//! A dashboard in a pseudo-terminal: its keys, its screen and its end.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mien::domain::Hyperparameter;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::{Display, PASTED, PATIENCE, SMALL, mien, open_pty, size};
use crate::lab::{Lab, wait_for};

/// The longest time that the output of an ended program takes. It has no end while a child of the program holds the
/// terminal.
const LAST_OUTPUT: Duration = Duration::from_secs(10);

/// The query for the terminal's attributes (DA1), and the answer of a terminal without graphics.
const ATTRIBUTE_QUERY: &[u8] = b"\x1b[c";
const ATTRIBUTES: &[u8] = b"\x1b[?62c";

/// A dashboard in a pseudo-terminal.
pub(crate) struct Dashboard<D: Display = vt100::Parser> {
    child: Box<dyn Child + Send + Sync>,
    keys: Arc<Mutex<Box<dyn Write + Send>>>,
    screen: Arc<Mutex<D>>,
    /// All bytes received.
    output: Arc<Mutex<Vec<u8>>>,
    /// The number of answers that the terminal has sent.
    answered: Arc<AtomicUsize>,
    /// The thread that reads the output to its end.
    reader: JoinHandle<()>,
    /// Dropping it, the reader and the writer hangs the terminal up.
    master: Option<Box<dyn MasterPty + Send>>,
    /// The screen before the first key since the last wait.
    before: Option<D::View>,
}

impl Dashboard {
    /// Opens the dashboard on this home in a terminal of 80×24.
    pub(crate) fn open(lab: &Lab) -> Self {
        Self::run(SMALL, mien(lab.home()))
    }

    /// Runs this command in a terminal of this size (rows, columns).
    pub(crate) fn run(size: (u16, u16), command: CommandBuilder) -> Self {
        Self::run_on(vt100::Parser::new(size.0, size.1, 0), size, command)
    }

    /// Replaces the text of a line, waits until it is shown, and enters it.
    pub(crate) fn enter_line(&mut self, text: &str) {
        self.send(b"\x15");
        // In small chunks, because a flood of keys counts as a paste.
        for end in (8..text.len()).step_by(8).chain([text.len()]) {
            self.send(&text.as_bytes()[(end - 1) / 8 * 8..end]);
            // At the cursor, because the same text elsewhere on the screen would let the next chunk come too early.
            let screen = Arc::clone(&self.screen);
            self.await_screen("what was typed", |_| text_before_cursor(&screen).ends_with(&text[..end]));
        }
        self.before = None;
        self.press("\r");
    }

    /// Moves down the form to a setting and types a value.
    pub(crate) fn fill(&mut self, setting: Hyperparameter, value: &str) {
        // The heading of the explanation names the selected field; other lines may contain the same text.
        let selected = |text: &str| {
            let heading = text.lines().find_map(|line| line.strip_prefix("── "))?;
            heading.split(' ').next().map(str::to_owned)
        };
        for _ in 0..40 {
            let before = selected(&self.text());
            if before.as_deref() == Some(setting.name()) {
                break;
            }
            self.press("\u{1b}[B");
            // Not merely another screen: an estimate that arrives changes it, too, and the next key would go too far.
            self.wait("another field", |text| selected(text).is_some_and(|name| Some(name) != before));
        }
        self.await_screen(setting.name(), |text| selected(text).as_deref() == Some(setting.name()));
        // Ctrl-U clears the field.
        self.press("\u{15}");
        self.press(value);
        self.wait(value, |text| {
            // Otherwise `batch-size` would match `size`.
            let field = |line: &str| line.trim_start_matches(['▸', ' ']).starts_with(&format!("{} ", setting.name()));
            text.lines().any(|line| field(line) && line.contains(&format!(" {value} ")))
        });
    }

    /// Goes to the launch line by this key, and launches: Esc from a typed field, G from a choice.
    pub(crate) fn launch(&mut self, key: &str) {
        self.press(key);
        self.wait("the launch line", |text| text.contains("▸ [ Launch ]"));
        self.press("\r");
    }

    pub(crate) fn quit(&mut self) -> String {
        let status = self.leave("q");
        assert!(status.success(), "{status:?}");
        self.text()
    }
}

impl<D: Display> Dashboard<D> {
    /// Runs this command in a terminal of this size with this display.
    pub(crate) fn run_on(display: D, at: (u16, u16), command: CommandBuilder) -> Self {
        let pty = open_pty(at);
        let child = pty.slave.spawn_command(command).expect("started");
        drop(pty.slave);
        let (screen, output) = (Arc::new(Mutex::new(display)), Arc::new(Mutex::new(Vec::new())));
        let keys = Arc::new(Mutex::new(pty.master.take_writer().expect("a writer")));
        let answered = Arc::new(AtomicUsize::new(0));
        let mut reader = pty.master.try_clone_reader().expect("a reader");
        let (shown, received) = (Arc::clone(&screen), Arc::clone(&output));
        // A strong reference in this thread would keep the terminal open.
        let (line, count) = (Arc::downgrade(&keys), Arc::clone(&answered));
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The part of a frame that came so far. A frame in parts would be seen by whoever waits for its first lines.
            let mut held: Vec<u8> = Vec::new();
            // Reading a terminal whose program has ended is an error or returns nothing.
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                received.lock().expect("no panic").extend_from_slice(&bytes[..length]);
                held.extend_from_slice(&bytes[..length]);
                let whole = held.drain(..whole_updates(&held)).collect::<Vec<u8>>();
                let mut display = shown.lock().expect("no panic");
                display.process_bytes(&whole);
                let queries = whole.windows(ATTRIBUTE_QUERY.len()).filter(|bytes| bytes == &ATTRIBUTE_QUERY).count();
                if let Some(line) = line.upgrade().filter(|_| queries > 0 && display.answers_attributes()) {
                    let _ = line.lock().expect("no panic").write_all(&ATTRIBUTES.repeat(queries));
                }
                for (answer, later) in display.answers() {
                    let (line, count) = (line.clone(), Arc::clone(&count));
                    std::thread::spawn(move || {
                        std::thread::sleep(later);
                        let Some(line) = line.upgrade() else { return };
                        let _ = line.lock().expect("no panic").write_all(answer.as_bytes());
                        count.fetch_add(1, Ordering::SeqCst);
                    });
                }
            }
            shown.lock().expect("no panic").process_bytes(&held);
        });
        Self { child, keys, screen, output, answered, reader, master: Some(pty.master), before: None }
    }

    /// Resizes the terminal.
    pub(crate) fn resize(&mut self, (rows, cols): (u16, u16)) {
        self.screen.lock().expect("no panic").cells().screen_mut().set_size(rows, cols);
        self.master.as_ref().expect("a terminal").resize(size((rows, cols))).expect("resized");
    }

    /// Whether the program is running.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().ok().flatten().is_none()
    }

    /// Returns the program's process id.
    pub(crate) fn pid(&self) -> Pid {
        let pid = self.child.process_id().and_then(|pid| i32::try_from(pid).ok()).expect("an id");
        Pid::from_raw(pid).expect("an id")
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("sent");
    }

    /// Sends bytes unchanged.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if self.before.is_none() {
            self.before = Some(self.view());
        }
        let mut keys = self.keys.lock().expect("no panic");
        keys.write_all(bytes).and_then(|()| keys.flush()).expect("sent");
    }

    /// Pastes a text with the brackets of a bracketed paste.
    pub(crate) fn paste(&mut self, text: &str) {
        let (begin, end) = PASTED;
        self.send(format!("{begin}{text}{end}").as_bytes());
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.send(keys.as_bytes());
    }

    /// Waits until the program has read all bytes sent, so that later ones arrive separately.
    pub(crate) fn wait_until_read(&self) {
        let name = self.master.as_ref().and_then(|master| master.tty_name()).expect("a terminal");
        let unread = || {
            // Opened each time, because an open descriptor would prevent a hang-up.
            let flags = OFlags::RDONLY | OFlags::NOCTTY;
            let terminal = rustix::fs::open(&name, flags, Mode::empty()).expect("the terminal");
            rustix::io::ioctl_fionread(&terminal).expect("a number")
        };
        let mut polls = 0;
        wait_for("the program to read what was sent", PATIENCE, || {
            // Several times, because the kernel needs an instant to pass bytes on.
            polls = if unread() == 0 { polls + 1 } else { 0 };
            (polls == 4).then_some(())
        });
    }

    /// Waits until the terminal has sent this many answers.
    pub(crate) fn wait_for_answers(&self, times: usize) {
        wait_for("the terminal's answers", PATIENCE, || (self.answered.load(Ordering::SeqCst) >= times).then_some(()));
        self.wait_until_read();
    }

    pub(crate) fn view(&self) -> D::View {
        self.screen.lock().expect("no panic").view()
    }

    pub(crate) fn text(&self) -> String {
        self.view().to_owned()
    }

    /// Returns all bytes that the program has sent.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.output.lock().expect("no panic").clone()
    }

    /// Displays bytes that the program did not send.
    pub(crate) fn display_bytes(&self, bytes: &[u8]) {
        self.screen.lock().expect("no panic").process_bytes(bytes);
    }

    /// Waits until the screen satisfies a condition that it did not satisfy before the keys since the last wait.
    pub(crate) fn wait(&mut self, what: &str, condition: impl Fn(&D::View) -> bool) {
        if let Some(before) = self.before.take() {
            assert!(!condition(&before), "{what} was there before the keys, so waiting shows nothing:\n{before:?}");
        }
        self.await_screen(what, condition);
    }

    /// Waits until the screen satisfies the condition and shows that it reads nothing more, whatever was sent; fails
    /// with the screen. Otherwise the next key would act on a part that is not there yet.
    fn await_screen(&mut self, what: &str, condition: impl Fn(&D::View) -> bool) {
        let begun = Instant::now();
        loop {
            let last = self.view();
            if condition(&last) && !is_reading(&last) {
                return;
            }
            let ended = self.child.try_wait().ok().flatten();
            // The program's last output arrives after its end on a busy machine.
            if ended.is_some() {
                self.await_last_output();
                if condition(&self.view()) {
                    return;
                }
            }
            assert!(ended.is_none(), "the dashboard ended before {what}: {ended:?}\n{}", &*last);
            assert!(begun.elapsed().as_secs() < PATIENCE, "no {what} on the screen:\n{}\n{last:?}", &*last);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until all output of the ended program was read.
    fn await_last_output(&self) {
        let ended = Instant::now();
        while !self.reader.is_finished() && ended.elapsed() < LAST_OUTPUT {
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the bytes since `from` satisfy the condition.
    pub(crate) fn wait_for_bytes(&mut self, what: &str, from: usize, condition: impl Fn(&[u8]) -> bool) {
        self.before = None;
        wait_for(what, PATIENCE, || condition(&self.bytes()[from..]).then_some(()));
    }

    /// Presses these keys in turn until the screen satisfies the condition.
    ///
    /// After a flood the screen is unknown, and keys may count as part of the flood.
    /// Esc belongs in it twice: the first may only clear the filter of the help, which would take every later key.
    pub(crate) fn press_until(&mut self, keys: &[&str], what: &str, condition: impl Fn(&D::View) -> bool) {
        let begun = Instant::now();
        for key in keys.iter().cycle() {
            if condition(&self.view()) {
                break;
            }
            assert!(begun.elapsed().as_secs() < PATIENCE, "no {what}:\n{}", self.text());
            self.press(key);
            // Longer than a flood lasts after its last byte, and than Esc waits for a letter.
            std::thread::sleep(Duration::from_millis(600));
        }
        self.before = None;
    }

    /// Ends the program with these keys and waits until the terminal is restored.
    pub(crate) fn leave(&mut self, keys: &str) -> ExitStatus {
        self.press(keys);
        self.wait_for_end()
    }

    /// Waits until the program has ended and the terminal is restored.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let status = self.exit();
        // The program's last output may not have arrived yet.
        wait_for("the restored terminal", PATIENCE, || {
            let mut display = self.screen.lock().expect("no panic");
            let screen = display.cells().screen();
            (!screen.alternate_screen() && !screen.hide_cursor()).then_some(())
        });
        status
    }

    fn exit(&mut self) -> ExitStatus {
        wait_for("the end of the dashboard", PATIENCE, || self.child.try_wait().expect("a child"))
    }

    /// Sends the signal of a closed terminal and waits for the dashboard's end.
    pub(crate) fn hang_up(mut self) {
        let leader = self.master.as_ref().and_then(|master| master.process_group_leader()).expect("a session");
        self.master = None;
        let group = Pid::from_raw(leader).expect("a process group");
        kill_process_group(group, Signal::HUP).expect("sent");
        self.exit();
    }

    pub(crate) fn uses_alternate_screen(&self) -> bool {
        self.screen.lock().expect("no panic").cells().screen().alternate_screen()
    }
}

impl<D: Display> Drop for Dashboard<D> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns whether the screen says that it still reads a part: `reading the predictions …`.
fn is_reading(screen: &str) -> bool {
    screen.lines().filter_map(|line| line.split_once("reading the ")).any(|(_, rest)| rest.contains(" …"))
}

/// Returns the text to the left of the cursor in its row.
fn text_before_cursor<D: Display>(screen: &Mutex<D>) -> String {
    let mut screen = screen.lock().expect("no panic");
    let cells = screen.cells().screen();
    let (row, column) = cells.cursor_position();
    cells.contents_between(row, 0, row, column)
}

/// The beginning and the end of a synchronized update, which a terminal shows at once.
const UPDATE: [&[u8]; 2] = [b"\x1b[?2026h", b"\x1b[?2026l"];

/// Returns the length of the bytes before a synchronized update whose end has not come.
fn whole_updates(bytes: &[u8]) -> usize {
    let [begin, end] = UPDATE;
    let last = |sequence: &[u8]| bytes.windows(sequence.len()).rposition(|window| window == sequence);
    match (last(begin), last(end)) {
        (Some(open), closed) if closed.is_none_or(|closed| closed < open) => open,
        // The beginning may come in two parts.
        _ => (0..begin.len()).rev().find(|part| bytes.ends_with(&begin[..*part])).map_or(0, |part| bytes.len() - part),
    }
}

#[test]
fn an_update_is_shown_when_its_end_has_come() {
    let table: [(&[u8], usize); 7] = [
        (b"", 0),
        (b"text", 4),
        (b"text\x1b[?2026hpart", 4),
        (b"text\x1b[?2026hwhole\x1b[?2026l", 25),
        (b"\x1b[?2026hwhole\x1b[?2026l\x1b[?2026hpart", 21),
        (b"text\x1b[?20", 4),
        (b"text\x1b[?2026l\x1b", 12),
    ];
    for (bytes, length) in table {
        assert_eq!(whole_updates(bytes), length, "{}", bytes.escape_ascii());
    }
}
