//! The import rule, checked in the sources: the modules and frameworks that each module may name.
//!
//! ARCHITECTURE.md explains the table. A module is a folder under `src/`. Re-exports do not hide an import, because
//! only the names in a source count.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::source;

/// A module, and the modules and frameworks that it may name.
struct Rule {
    room: &'static str,
    rooms: &'static [&'static str],
    frameworks: &'static [&'static str],
}

const SCREEN: &[&str] = &["ratatui", "crossterm", "tokio"];

const RULES: [Rule; 21] = [
    // Built for fuzzing and tests only.
    Rule { room: "fuzzing", rooms: &["data", "homes", "runs", "tui", "weights"], frameworks: &[] },
    Rule { room: "durable", rooms: &[], frameworks: &[] },
    Rule { room: "domain", rooms: &[], frameworks: &[] },
    Rule { room: "config", rooms: &["domain"], frameworks: &[] },
    Rule { room: "events", rooms: &["domain"], frameworks: &[] },
    Rule { room: "runs", rooms: &["domain", "durable", "events", "checkpoint"], frameworks: &[] },
    Rule { room: "data", rooms: &["domain", "durable"], frameworks: &[] },
    Rule { room: "weights", rooms: &["domain", "durable"], frameworks: &[] },
    Rule { room: "detect", rooms: &[], frameworks: &[] },
    Rule { room: "download", rooms: &["domain", "durable"], frameworks: &[] },
    Rule { room: "checkpoint", rooms: &["domain", "durable"], frameworks: &[] },
    Rule {
        room: "export",
        rooms: &["domain", "durable", "events", "runs", "data", "weights", "checkpoint"],
        frameworks: &[],
    },
    Rule { room: "report", rooms: &["domain", "durable", "events", "runs", "data"], frameworks: &[] },
    Rule { room: "model", rooms: &["domain"], frameworks: &["burn"] },
    Rule {
        room: "train",
        rooms: &["domain", "durable", "checkpoint", "data", "model", "events"],
        frameworks: &["burn"],
    },
    Rule {
        room: "worker",
        rooms: &["domain", "checkpoint", "data", "weights", "model", "train", "events", "runs"],
        frameworks: &["burn"],
    },
    Rule { room: "bench", rooms: &["domain", "data", "weights", "model", "train", "worker"], frameworks: &["burn"] },
    Rule { room: "homes", rooms: &["domain", "durable", "runs", "data", "weights"], frameworks: &[] },
    Rule { room: "supervise", rooms: &["domain", "durable", "config", "events", "runs"], frameworks: &[] },
    Rule {
        room: "tui",
        rooms: &["domain", "config", "events", "runs", "supervise", "homes", "data", "weights"],
        frameworks: SCREEN,
    },
    Rule {
        room: "cli",
        rooms: &[
            "domain",
            "durable",
            "config",
            "events",
            "runs",
            "data",
            "weights",
            "download",
            "detect",
            "checkpoint",
            "export",
            "model",
            "train",
            "worker",
            "bench",
            "report",
            "supervise",
            "homes",
            "tui",
        ],
        frameworks: &["burn", "ratatui", "crossterm", "tokio"],
    },
];

/// A restriction within a module: the parts of `module` that the sources under `inside` may name.
struct Door {
    inside: &'static [&'static str],
    room: &'static str,
    parts: &'static [&'static str],
}

const DOORS: [Door; 6] = [
    // The conversion of a device to a backend.
    Door { inside: &["bench"], room: "worker", parts: &["backend"] },
    // A worker uses its run folder; of other runs it sees only whether they precede it.
    Door {
        inside: &["worker"],
        room: "runs",
        parts: &[
            "layout",
            "job",
            "generation",
            "predictions",
            "queue",
            "RunFolder",
            "Home",
            "Holder",
            "Job",
            "Predictions",
            "FileError",
        ],
    },
    // Drawing and effects meet in the table of screens alone; `tests`: what the tests of a screen share with others.
    Door {
        inside: &["tui", "screens"],
        room: "tui",
        parts: &[
            "screens",
            "state",
            "messages",
            "library",
            "layout",
            "screen",
            "key",
            "backend",
            "theme",
            "widgets",
            "terminal_facts",
            "tests",
        ],
    },
    // Neither draws nor reads a file: what lies where it takes from the layout of the last frame.
    Door {
        inside: &["tui", "update"],
        room: "tui",
        parts: &["update", "screens", "state", "messages", "library", "layout", "key", "screen", "palette", "widgets"],
    },
    Door {
        inside: &["tui", "view"],
        room: "tui",
        parts: &[
            "view", "screens", "state", "messages", "library", "layout", "screen", "palette", "theme", "widgets",
            "remote",
        ],
    },
    Door { inside: &["tui", "widgets"], room: "tui", parts: &["widgets", "theme", "tests"] },
];

/// Widgets draw values and do not know runs, datasets or processes.
const WIDGET_ROOMS: &[&str] = &["domain", "tui"];

const FRAMEWORKS: [&str; 4] = ["burn", "ratatui", "crossterm", "tokio"];

/// The program never listens for connections: requests are files, and downloads are outgoing.
const LISTENERS: [&str; 5] = ["TcpListener", "UdpSocket", "UnixListener", "UnixDatagram", "socketpair"];

const PRINTS: [&str; 5] = ["println", "print", "eprintln", "eprint", "dbg"];

/// Returns the framework of an external crate: `burn_flex` is burn, `tokio_stream` is tokio.
fn framework(name: &str) -> Option<&'static str> {
    FRAMEWORKS
        .into_iter()
        .find(|framework| name.strip_prefix(framework).is_some_and(|rest| rest.is_empty() || rest.starts_with('_')))
}

/// Returns the module path of the source at this path under `src/`.
fn module_of(path: &str) -> Vec<&str> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.strip_suffix("/mod").unwrap_or(path).split('/').filter(|name| *name != "lib").collect()
}

/// Returns the violations in the source at `path` (under `src/`), one line each.
fn faults(path: &str, text: &str) -> Vec<String> {
    let module = module_of(path);
    let room = module.first().copied().unwrap_or("");
    let mut faults = Vec::new();
    if !text.starts_with("//!") {
        faults.push(format!("src/{path}:1: does not open with `//!`: say what lives here and what it may know"));
    }
    let rule = RULES.iter().find(|rule| rule.room == room);
    if rule.is_none() && !matches!(path, "main.rs" | "lib.rs") {
        faults.push(format!("src/{path}:1: `{room}` is no room of the table in tests/architecture.rs"));
    }
    for found in source::paths(text, &module, |name| framework(name).is_some()) {
        let named = found.segments.join("::");
        if let Some(reason) = refusal(&module, rule, &found.segments) {
            faults.push(format!("src/{path}:{}: names `{named}`: {reason}", found.line));
        }
    }
    let listeners = source::tokens(text).into_iter().filter(|token| LISTENERS.contains(&token.text.as_str()));
    faults.extend(listeners.map(|token| format!("src/{path}:{}: `{}`: nothing here listens", token.line, token.text)));
    // Tests may print, because the test runner captures it.
    let is_test = module.iter().any(|name| *name == "tests" || name.ends_with("_tests"));
    if room != "cli" && path != "main.rs" && !is_test {
        let tokens = source::without_tests(&source::tokens(text));
        let prints = tokens.windows(2).filter(|pair| pair[1].text == "!" && PRINTS.contains(&pair[0].text.as_str()));
        faults.extend(
            prints
                .map(|pair| format!("src/{path}:{}: `{}!`: only the command line prints", pair[0].line, pair[0].text)),
        );
    }
    faults
}

/// Returns the reason why a source in `module` may not name this path; `None` if it may.
fn refusal(module: &[&str], rule: Option<&Rule>, segments: &[String]) -> Option<String> {
    let room = module.first().copied().unwrap_or("");
    let target = segments.first()?.as_str();
    if let Some(framework) = framework(target) {
        let allowed = rule.is_some_and(|rule| rule.frameworks.contains(&framework));
        return (!allowed).then(|| format!("{room} never sees {framework}"));
    }
    if room == "main" {
        return (!matches!(target, "cli")).then(|| "main only parses and dispatches".into());
    }
    let is_shared = module.starts_with(&["cli"]) && module.len() > 1 && module[1] != "commands";
    if is_shared && target == "cli" && segments.get(1).is_some_and(|part| part == "commands") {
        return Some("the parts that commands share use no command".into());
    }
    let rule = rule?;
    let widget = module.starts_with(&["tui", "widgets"]);
    let allowed = if widget { WIDGET_ROOMS.contains(&target) } else { target == room || rule.rooms.contains(&target) };
    if !allowed {
        return Some(format!("{} may not use {target}", if widget { "tui::widgets" } else { room }));
    }
    let door = DOORS.iter().find(|door| door.room == target && module.starts_with(door.inside))?;
    let part = segments.get(1).map_or("*", String::as_str);
    // A glob import of the parent module would hide the names in use.
    (!door.parts.contains(&part))
        .then(|| format!("{} may use of {target}: {}", door.inside.join("::"), door.parts.join(", ")))
}

/// The modules of these sources (path under `src/` and text) that use one another in a circle; empty if none do. A file
/// uses those that it declares by `mod` or names in a path.
fn circle(sources: &[(String, String)]) -> BTreeSet<String> {
    let module = |path: &str| module_of(path).join("::");
    let mut left: BTreeSet<String> = sources.iter().map(|(path, _)| module(path)).collect();
    let mut uses: Vec<(String, String)> = Vec::new();
    for (path, text) in sources {
        let place = module_of(path);
        let tokens = source::tokens(text);
        let declared = tokens.windows(3).filter(|three| three[0].text == "mod" && three[2].text == ";");
        let declared = declared.map(|three| [module(path), three[1].text.clone()].join("::"));
        let named = source::paths(text, &place, |_| false).into_iter().filter_map(|found| {
            let lengths = (1..=found.segments.len()).rev();
            lengths.map(|length| found.segments[..length].join("::")).find(|name| left.contains(name))
        });
        uses.extend(declared.chain(named).filter(|used| *used != module(path)).map(|used| (module(path), used)));
    }
    loop {
        let before = left.len();
        uses.retain(|(user, used)| left.contains(user) && left.contains(used));
        left.retain(|name| uses.iter().any(|(user, _)| user == name) && uses.iter().any(|(_, used)| used == name));
        if left.len() == before {
            return left;
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Every source as its path under `src/` and its text.
fn all_sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    assert!(paths.len() > 20, "the sources were not found");
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).expect("under src").to_str().expect("a plain name");
        (name.to_owned(), fs::read_to_string(&path).expect("a source"))
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn no_files_of_the_command_line_use_one_another_in_a_circle() {
    let cli: Vec<_> = all_sources().into_iter().filter(|(path, _)| path.starts_with("cli/")).collect();
    assert!(cli.len() > 20, "the sources were not found");
    assert_eq!(circle(&cli), BTreeSet::new());
}

#[test]
fn a_circle_is_found() {
    let source = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let straight = [
        source("cli/mod.rs", "mod exit; mod show;"),
        source("cli/show.rs", "use super::exit::Exit; mod tests { use super::*; }"),
        source("cli/exit.rs", "use crate::domain::RunId;"),
    ];
    assert_eq!(circle(&straight), BTreeSet::new());
    let table = [
        ("siblings", source("cli/exit.rs", "use crate::cli::{show::run};"), ["cli::exit", "cli::show"]),
        ("a child and its parent", source("cli/exit.rs", "use super::Arguments;"), ["cli", "cli::exit"]),
    ];
    for (case, changed, expected) in table {
        let [top, show, _] = straight.clone();
        let found = circle(&[top, show, changed]);
        assert!(expected.iter().all(|name| found.contains(*name)), "{case}: {found:?}");
    }
}

#[test]
fn every_source_keeps_the_import_rule() {
    let all: Vec<String> = all_sources().iter().flat_map(|(name, text)| faults(name, text)).collect();
    assert!(all.is_empty(), "{} faults against ARCHITECTURE.md:\n{}", all.len(), all.join("\n"));
}

/// Returns the violations in a generated source, without their positions.
fn found(path: &str, body: &str) -> Vec<String> {
    let faults = faults(path, &format!("//! Made up.\n{body}"));
    faults.iter().map(|fault| fault.split_once(": ").expect("place and words").1.to_owned()).collect()
}

#[test]
fn a_bad_source_is_caught() {
    let table: [(&str, &str, &str, &[&str]); 18] = [
        ("a listener", "download/x.rs", "use std::net::TcpListener;", &["nothing here listens"]),
        ("upwards", "domain/x.rs", "use crate::events::Event;", &["domain may not use events"]),
        (
            "in a group",
            "runs/x.rs",
            "use crate::{domain::RunId, data::{Manifest, list}};",
            &["runs may not use data"; 2],
        ),
        ("in an expression", "data/x.rs", "fn f() { crate::runs::store::g() }", &["data may not use runs"]),
        ("through super", "runs/x.rs", "use super::super::tui::run;", &["runs may not use tui"]),
        ("renamed", "events/x.rs", "use crate::{domain::RunId as Id, cli as c};", &["events may not use cli"]),
        ("burn in the dashboard", "tui/x.rs", "use burn::tensor::Tensor;", &["tui never sees burn"]),
        ("a crate of burn's", "data/x.rs", "fn f() -> burn_flex::Flex {}", &["data never sees burn"]),
        ("a terminal in training", "train/x.rs", "use ::ratatui::Frame;", &["train never sees ratatui"]),
        ("tokio below", "supervise/x.rs", "use tokio;", &["supervise never sees tokio"]),
        ("a worker looks at other runs", "worker/x.rs", "use crate::runs::RunStore;", &["worker may use of runs"]),
        (
            "a screen runs effects",
            "tui/screens/x.rs",
            "use crate::tui::runtime::spawn;",
            &["tui::screens may use of tui"],
        ),
        ("an update draws", "tui/update/x.rs", "use crate::tui::view::render;", &["tui::update may use of tui"]),
        ("a widget reads runs", "tui/widgets/x.rs", "use crate::runs::Summary;", &["tui::widgets may not use runs"]),
        ("a print", "tui/x.rs", "fn f() { println!(\"x\") }", &["only the command line prints"]),
        (
            "a print behind tests",
            "data/x.rs",
            "mod tests { fn f() {} }\nfn f() { dbg!(1) }",
            &["only the command line"],
        ),
        (
            "a shared part of the command line uses a command",
            "cli/x.rs",
            "use super::commands::show::Show;",
            &["the parts that commands share use no command"],
        ),
        ("main does too much", "main.rs", "use crate::runs::Home;", &["main only parses"]),
    ];
    for (case, path, body, expected) in table {
        let found = found(path, body);
        assert_eq!(found.len(), expected.len(), "{case}: {found:?}");
        for (fault, expected) in found.iter().zip(expected) {
            assert!(fault.contains(expected), "{case}: {fault}");
        }
    }
    assert!(faults("attic/x.rs", "//! x").iter().any(|fault| fault.contains("no room")));
    assert!(faults("domain/x.rs", "fn f() {}").iter().any(|fault| fault.contains("does not open with")));
    let placed = faults("domain/x.rs", "//! x\n\n/* two\nlines */ use crate::cli;");
    assert_eq!(placed, ["src/domain/x.rs:4: names `cli`: domain may not use cli"]);
}

#[test]
fn an_honest_source_is_left_alone() {
    let table = [
        ("a comment", "domain/x.rs", "// use crate::events;\n/* crate::cli /* nested */ burn::x */\n/// crate::tui"),
        ("a string", "domain/x.rs", "const A: &str = \"crate::cli \\\" println!\"; const B: &str = r#\"burn::\" x\"#;"),
        ("a quote is no string", "domain/x.rs", "const A: char = '\"'; const B: char = '\\''; fn f<'a>(x: &'a str) {}"),
        ("downwards", "runs/x.rs", "use crate::{domain::{self, RunId}, events};\nuse crate::runs::layout;"),
        ("one's own tests", "data/x.rs", "mod tests {\n    use super::*;\n    use super::super::store::list;\n}"),
        ("behind a test module", "data/x.rs", "mod tests { fn f() { { } } }\nuse super::store;"),
        ("a field or a path part of the name", "data/x.rs", "fn f() { x.burn(); y::tokio::z(); let burned = 1; }"),
        ("a worker's own folder", "worker/x.rs", "use crate::runs::{RunFolder, layout::write_atomically};"),
        ("screens and widgets", "tui/screens/runs/x.rs", "use crate::tui::{state::State, widgets::curve};"),
        ("a widget's neighbour", "tui/widgets/x.rs", "use super::bars; use crate::domain::Split; use ratatui::Frame;"),
        ("a visibility", "tui/screens/x.rs", "pub(in crate::tui) fn f() {}"),
        ("a command uses another", "cli/commands/x.rs", "use super::show::Show; use crate::cli::output;"),
        ("the command line prints", "cli/x.rs", "fn f() { println!() }"),
        ("a test prints", "data/x.rs", "mod tests { fn f() { { println!() } } }\nfn g() {}"),
        ("writing is not printing", "tui/x.rs", "fn f() { writeln!(out) }"),
    ];
    for (case, path, body) in table {
        assert_eq!(found(path, body), Vec::<String>::new(), "{case}");
    }
}

/// Otherwise a file that nobody lists would never run.
#[test]
fn every_file_of_tests_is_a_module_of_the_one_binary() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let listed = fs::read_to_string(folder.join("all.rs")).expect("the list");
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
        assert!(name == "all" || listed.contains(&format!("\nmod {name};\n")), "{name}.rs is not in tests/all.rs");
    }
}
