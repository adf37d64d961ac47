//! The dashboard over a real `sshd` on loopback, plain and inside tmux: start by keys, cut the connection, log in
//! again, find the run further on.
//!
//! `cargo test --release --test all ssh:: -- --ignored` with `sshd`, `ssh`, `ssh-keygen` and `tmux` installed. As root,
//! `/run/sshd` is created.

#![cfg(all(feature = "trainer", feature = "dashboard"))]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::lab::{Lab, wait_for};
use crate::terminal::{self, Dashboard, PATIENCE, SMALL};
use mien::domain::Hyperparameter;
use portable_pty::CommandBuilder;

/// A private server with temporary keys.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    process: Child,
}

fn key(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen").success());
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        key(&at("host"));
        key(&at("client"));
        // The port is freed for the server; another process is unlikely to take it in between.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n",
            at("host").display(),
            at("client.pub").display()
        );
        std::fs::write(at("config"), config).expect("written");
        let _ = std::fs::create_dir_all("/run/sshd");
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f"]).arg(at("config")).stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.stderr(Stdio::null()).spawn().expect("sshd");
        let server = Self { folder, port, process };
        wait_for("the server", PATIENCE, || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        server
    }

    fn client(&self) -> PathBuf {
        self.folder.path().join("client")
    }

    /// Opens a terminal of 80×24 that runs a command on the server.
    fn login(&self, command: &str) -> Dashboard {
        let mut ssh = CommandBuilder::new("ssh");
        ssh.args(["-tt", "-q", "-p", &self.port.to_string(), "-o", "StrictHostKeyChecking=no"]);
        ssh.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", "-i"]);
        ssh.arg(self.client());
        ssh.arg("127.0.0.1");
        ssh.arg(command);
        ssh.env("TERM", "xterm-256color");
        Dashboard::run(SMALL, ssh)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the dashboard's command on the server, for a user who has seen the first steps.
fn mien(lab: &Lab) -> String {
    terminal::write_user(lab.home(), "");
    let state = lab.home().join("state");
    let (state, home) = (state.display(), lab.home().display());
    format!("env LANG=C.UTF-8 XDG_STATE_HOME='{state}' '{}' --home '{home}'", env!("CARGO_BIN_EXE_mien"))
}

fn epochs(lab: &Lab) -> u32 {
    lab.first_run().map_or(0, |run| run.summary.epoch())
}

/// Launches a run of this many epochs by keys and waits for its first epoch.
fn launch(dashboard: &mut Dashboard, lab: &Lab, number: &str) {
    dashboard.wait("the demo dataset", |text| text.contains("happy") && text.contains("disgust"));
    dashboard.press("2");
    dashboard.wait("the form", |text| text.contains("[ Launch ]"));
    dashboard.fill(Hyperparameter::Epochs, number);
    dashboard.fill(Hyperparameter::Patience, number);
    dashboard.launch("\u{1b}");
    wait_for("the first epoch", PATIENCE, || (epochs(lab) >= 1).then_some(()));
}

#[test]
#[ignore = "needs sshd"]
fn a_cut_connection_ends_the_dashboard_and_no_run() {
    let (lab, server) = (Lab::new(), Server::start());
    let mut dashboard = server.login(&mien(&lab));
    launch(&mut dashboard, &lab, "60");
    let before = epochs(&lab);
    // The client vanishes, as when the network fails.
    drop(dashboard);
    wait_for("two more epochs", PATIENCE, || (epochs(&lab) >= before + 2).then_some(()));
    let run = lab.first_run().expect("the run");
    assert!(run.alive);

    let mut again = server.login(&mien(&lab));
    let id = run.summary.id.clone();
    let further = |text: &str| {
        text.lines()
            .any(|line| line.contains(id.as_str()) && (before + 2..=60).any(|n| line.contains(&format!("{n}/60"))))
    };
    again.wait("the same run, further on", |text| further(text));
    again.press("S");
    again.wait("the question", |text| text.contains(&format!("Stop {id}?")));
    again.press("y");
    again.wait("its end", |text| text.contains("■ stopped"));
    again.quit();
    assert!(!lab.first_run().expect("the run").alive);
}

#[test]
#[ignore = "needs sshd and tmux"]
fn in_tmux_over_ssh_the_dashboard_itself_is_found_again() {
    let (lab, server) = (Lab::new(), Server::start());
    let socket = format!("mien-test-{}", std::process::id());
    let attach = format!("tmux -u -L {socket} new-session -A -s lab \"{}\"", mien(&lab));
    let mut dashboard = server.login(&attach);
    launch(&mut dashboard, &lab, "40");
    let before = epochs(&lab);
    drop(dashboard);
    wait_for("another epoch", PATIENCE, || (epochs(&lab) > before).then_some(()));
    let mut again = server.login(&attach);
    let id = lab.first_run().expect("the run").summary.id.clone();
    again.wait("the run", |text| text.contains(id.as_str()));
    again.press("?");
    again.wait("the keys", |text| text.contains("type to filter"));
    again.press("\u{1b}");
    again.wait("the list alone", |text| text.contains(id.as_str()) && !text.contains("type to filter"));
    again.press("q");
    wait_for("the end of tmux", PATIENCE, || (!again.is_running()).then_some(()));
    let _ = Command::new("tmux").args(["-L", &socket, "kill-server"]).status();
}
