//! Downloads from servers that fail in every way.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use crate::server::{self, Answer, Server, ranged, response};
use mien::download::{Digest, DownloadError, Limits, Progress, Request, discard, download};
use tempfile::TempDir;

/// Long waits, so that a busy machine fails no test.
const LIMITS: Limits =
    Limits { connect: Duration::from_secs(20), silence: Duration::from_secs(20), redirects: 3, bytes: 1 << 20 };

/// Short waits, for servers that hang.
const HASTY: Limits = Limits { silence: Duration::from_millis(300), ..LIMITS };

/// Returns 100,000 bytes of a pattern.
fn content() -> Vec<u8> {
    (0..100_000_u32).map(|index| index.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn destination(&self) -> PathBuf {
        self.folder.path().join("downloads/file.bin")
    }

    fn get(&self, url: &str) -> Result<(), DownloadError> {
        self.expecting(url, None)
    }

    fn expecting(&self, url: &str, expected: Option<&Digest>) -> Result<(), DownloadError> {
        self.within(LIMITS, url, expected)
    }

    fn within(&self, limits: Limits, url: &str, expected: Option<&Digest>) -> Result<(), DownloadError> {
        let destination = self.destination();
        let request = Request { url, destination: &destination, expected, limits };
        download(&request, &mut |_| ControlFlow::Continue(()))
    }

    /// Returns the names of the files next to the destination.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("downloads")).expect("a folder");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn complaint(result: Result<(), DownloadError>) -> String {
    result.expect_err("no file").to_string()
}

#[test]
fn a_file_comes_whole_and_progress_is_told() {
    let server = Server::start(|asked| Answer::Send(ranged(asked, "\"a\"", &content())));
    let desk = Desk::new();
    let destination = desk.destination();
    let url = server.url("file.bin");
    let request = Request { url: &url, destination: &destination, expected: None, limits: LIMITS };
    let mut told = Vec::new();
    let result = download(&request, &mut |progress| {
        told.push(progress);
        ControlFlow::Continue(())
    });
    result.expect("downloaded");
    assert_eq!(fs::read(&destination).expect("a file"), content());
    assert_eq!(told.last(), Some(&Progress { done: 100_000, total: Some(100_000) }));
    assert!(told.is_sorted_by_key(|progress| progress.done));
    assert_eq!(desk.left(), ["file.bin", "file.bin.part.json"]);
    discard(&desk.destination());
    assert!(desk.left().is_empty());
    assert!(server.asked()[0].header("user-agent").is_some_and(|agent| agent.starts_with("mien/")));
}

#[test]
fn a_file_of_untold_length_comes_too() {
    let server = Server::start(|_| Answer::Send([b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &content()].concat()));
    let desk = Desk::new();
    desk.get(&server.url("x")).expect("downloaded");
    assert_eq!(fs::read(desk.destination()).expect("a file"), content());
}

#[test]
fn a_cut_file_is_told_and_goes_on_where_it_stopped() {
    let server = Server::start(|asked| {
        let mut answer = ranged(asked, "\"a\"", &content());
        if asked.number == 0 {
            answer.truncate(answer.len() - 60_000);
        }
        Answer::Send(answer)
    });
    let desk = Desk::new();
    let words = complaint(desk.get(&server.url("x")));
    assert!(
        words.contains("interrupted after 40000 of 100000 bytes") && words.contains("run the command again to resume"),
        "{words}"
    );
    assert_eq!(desk.left(), ["file.bin.part", "file.bin.part.json"]);
    desk.get(&server.url("x")).expect("downloaded");
    assert_eq!(fs::read(desk.destination()).expect("a file"), content());
    assert_eq!(server.asked()[1].from(), Some(40_000));
    assert_eq!(desk.left(), ["file.bin", "file.bin.part.json"]);
    discard(&desk.destination());
    assert!(desk.left().is_empty());
}

/// Downloads from a server whose first answer is cut; `answer` gives the second.
fn second_answer(
    answer: impl Fn(&server::Asked) -> Vec<u8> + Send + 'static,
    first: impl Fn(&server::Asked) -> Vec<u8> + Send + 'static,
) -> (Desk, Server) {
    let server = Server::start(move |asked| {
        Answer::Send(if asked.number == 0 {
            let mut cut = first(asked);
            cut.truncate(cut.len() - 60_000);
            cut
        } else {
            answer(asked)
        })
    });
    let desk = Desk::new();
    desk.get(&server.url("x")).expect_err("cut");
    desk.get(&server.url("x")).expect("downloaded");
    assert_eq!(fs::read(desk.destination()).expect("a file"), content());
    (desk, server)
}

#[test]
fn a_server_that_knows_no_parts_sends_all_again() {
    second_answer(|_| response("200 OK", &[], &content()), |asked| ranged(asked, "\"a\"", &content()));
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_anew() {
    let old = vec![7; 100_000];
    let (_, server) =
        second_answer(|asked| ranged(asked, "\"new\"", &content()), move |asked| ranged(asked, "\"old\"", &old));
    assert_eq!(server.asked()[1].header("if-range"), Some("\"old\""));
}

#[test]
fn the_time_of_the_last_change_serves_where_there_is_no_tag() {
    let changed = "Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT";
    let (_, server) = second_answer(
        move |asked| {
            let from = asked.from().expect("a range");
            let range = format!("Content-Range: bytes {from}-99999/100000");
            response("206 Partial Content", &[&range], &content()[from..])
        },
        move |_| response("200 OK", &[changed], &content()),
    );
    assert_eq!(server.asked()[1].header("if-range"), Some("wed, 21 oct 2015 07:28:00 gmt"));
}

#[test]
fn without_a_word_for_the_content_nothing_is_resumed() {
    let (_, server) = second_answer(
        |_| response("200 OK", &[], &content()),
        |_| response("200 OK", &["ETag: W/\"weak\""], &content()),
    );
    assert_eq!(server.asked()[1].from(), None);
}

#[test]
fn a_wrong_part_or_none_begins_anew() {
    for wrong in [
        response("416 Range Not Satisfiable", &[], b""),
        response("206 Partial Content", &["Content-Range: bytes 5-99999/100000"], &content()[5..]),
        response("206 Partial Content", &[], &content()),
    ] {
        let (_, server) = second_answer(
            move |asked| if asked.number == 1 { wrong.clone() } else { ranged(asked, "\"a\"", &content()) },
            |asked| ranged(asked, "\"a\"", &content()),
        );
        assert_eq!((server.asked().len(), server.asked()[2].from()), (3, None));
    }
}

#[test]
fn a_part_of_another_address_is_not_continued() {
    let server = Server::start(|asked| {
        let mut answer = ranged(asked, "\"a\"", &content());
        if asked.path == "/one" {
            answer.truncate(answer.len() - 10);
        }
        Answer::Send(answer)
    });
    let desk = Desk::new();
    desk.get(&server.url("one")).expect_err("cut");
    desk.get(&server.url("other")).expect("downloaded");
    assert_eq!(server.asked()[1].from(), None);
}

#[test]
fn a_wrong_hash_deletes_the_file() {
    let server = Server::start(|asked| Answer::Send(ranged(asked, "\"a\"", b"hello")));
    let desk = Desk::new();
    let words = complaint(desk.expecting(&server.url("x"), Some(&Digest::Sha256("397923af"))));
    let expected =
        "it should have SHA-256 397923af and has 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert!(words.contains(expected) && words.ends_with("it was deleted"), "{words}");
    assert!(desk.left().is_empty(), "{:?}", desk.left());
    desk.expecting(&server.url("x"), Some(&Digest::Md5("5d41402abc4b2a76b9719d911017c592"))).expect("the right one");
}

#[test]
fn a_server_that_hangs_is_left_after_a_while() {
    let whole = response("200 OK", &["ETag: \"a\""], &content());
    for sent in [0, whole.len() - 50_000] {
        let sent = whole[..sent].to_vec();
        let server = Server::start(move |_| Answer::Hang(sent.clone()));
        let error = Desk::new().within(HASTY, &server.url("x"), None).expect_err("hung");
        assert!(error.is_offline() && error.to_string().contains("nothing arrived for"), "{error}");
    }
}

#[test]
fn redirects_are_followed_so_many_times_and_nowhere_else() {
    let server = Server::start(|asked| {
        let location = match asked.path.as_str() {
            "/good" => "Location: /file",
            "/loop" => "Location: /loop",
            "/away" => "Location: ftp://example.org/file",
            _ => return Answer::Send(ranged(asked, "\"a\"", &content())),
        };
        Answer::Send(response("302 Found", &[location], b""))
    });
    let desk = Desk::new();
    desk.get(&server.url("good")).expect("downloaded");
    assert_eq!(fs::read(desk.destination()).expect("a file"), content());
    let words = complaint(desk.get(&server.url("loop")));
    assert!(words.contains("redirects more than 3 times"), "{words}");
    let words = complaint(desk.get(&server.url("away")));
    assert!(words.contains("/away: "), "{words}");
}

#[test]
fn other_answers_are_told_in_words() {
    let table = [
        ("404 Not Found", "the server answers 404, which means that there is no such file"),
        ("403 Forbidden", "403, which means that it requires a login"),
        ("503 Service Unavailable", "503, which is an error of the server"),
    ];
    for (status, expected) in table {
        let server = Server::start(move |_| Answer::Send(response(status, &[], b"<html>")));
        let desk = Desk::new();
        let words = complaint(desk.get(&server.url("x")));
        assert!(words.contains(expected), "{words}");
        assert!(!desk.destination().exists());
    }
}

#[test]
fn a_file_that_is_too_large_is_not_fetched() {
    for length in ["Content-Length: 99999999999\r\n", ""] {
        let server = Server::start(move |_| {
            let head = format!("HTTP/1.1 200 OK\r\n{length}\r\n");
            Answer::Send([head.as_bytes(), &vec![0; 2 << 20]].concat())
        });
        let desk = Desk::new();
        let words = complaint(desk.get(&server.url("x")));
        assert!(words.contains("the limit of downloads"), "{words}");
        assert!(desk.left().is_empty(), "{:?}", desk.left());
    }
}

#[test]
fn leaving_keeps_what_has_come() {
    let whole = response("200 OK", &["ETag: \"a\""], &content());
    let server = Server::start(move |asked| match asked.number {
        0 => Answer::Hang(whole[..whole.len() - 50_000].to_vec()),
        _ => Answer::Send(ranged(asked, "\"a\"", &content())),
    });
    let desk = Desk::new();
    let (destination, url) = (desk.destination(), server.url("x"));
    let request = Request { url: &url, destination: &destination, expected: None, limits: LIMITS };
    let result = download(&request, &mut |progress| {
        if progress.done == 50_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(result, Err(DownloadError::Cancelled)), "{result:?}");
    desk.get(&url).expect("downloaded");
    assert_eq!(server.asked()[1].from(), Some(50_000));
}

#[test]
fn what_cannot_be_reached_is_told_apart() {
    let desk = Desk::new();
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/x", listener.local_addr().expect("an address"));
    drop(listener);
    let error = desk.get(&url).expect_err("nobody there");
    assert!(error.is_offline() && error.to_string().starts_with("cannot reach http://127.0.0.1"), "{error}");
    for (address, expected) in [
        ("ftp://example.org/x", "it has to begin with https:// or http://"),
        ("file:///etc/passwd", "it has to begin with https:// or http://"),
        ("vgg16.h5", "it has to begin with https:// or http://"),
        ("http:///x", "not the address of a file"),
        ("http://exa mple/\u{1b}", "it is malformed"),
    ] {
        let words = complaint(desk.get(address));
        assert!(words.contains(expected) && !words.contains('\u{1b}'), "{words}");
    }
}

#[test]
fn two_downloads_of_one_file_do_not_mix() {
    let server = Server::start(|_| Answer::Hang(Vec::new()));
    let desk = Desk::new();
    let (url, destination) = (server.url("x"), desk.destination());
    std::thread::scope(|scope| {
        // Without a check, a first download that ends early would make the second one start.
        let first = scope.spawn(|| desk.get(&url));
        while server.asked().is_empty() {
            assert!(!first.is_finished(), "it ended before it asked");
            std::thread::sleep(Duration::from_millis(5));
        }
        let request = Request { url: &url, destination: &destination, expected: None, limits: LIMITS };
        let second = download(&request, &mut |_| ControlFlow::Continue(()));
        assert!(matches!(second, Err(DownloadError::Busy { .. })), "{second:?}");
        server.hang_up();
        first.join().expect("no panic").expect_err("cut");
    });
}

#[test]
fn a_file_that_was_not_discarded_is_fetched_again_only_if_it_has_changed() {
    let versions = [b"one".to_vec(), b"two".to_vec()];
    let server = Server::start(move |asked| {
        let version = usize::from(asked.number > 1);
        let tag = format!("\"{version}\"");
        match asked.header("if-none-match") {
            Some(known) if known == tag => Answer::Send(response("304 Not Modified", &[], b"")),
            _ => Answer::Send(ranged(asked, &tag, &versions[version])),
        }
    });
    let desk = Desk::new();
    for expected in [b"one", b"one", b"two", b"two"] {
        desk.get(&server.url("x")).expect("downloaded");
        assert_eq!(fs::read(desk.destination()).expect("a file"), expected);
    }
    let known: Vec<Option<String>> =
        server.asked().iter().map(|asked| asked.header("if-none-match").map(str::to_owned)).collect();
    assert_eq!(known, [None, Some("\"0\"".into()), Some("\"0\"".into()), Some("\"1\"".into())]);
    // Another address never takes it.
    desk.get(&server.url("y")).expect("downloaded");
    assert_eq!(server.asked()[4].header("if-none-match"), None);
}

#[test]
fn a_kept_file_outlives_a_failure_and_a_time_serves_as_its_tag() {
    let server = Server::start(|asked| {
        let time = "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT";
        match asked.number {
            0 => Answer::Send(response("200 OK", &[time], b"one")),
            1 => Answer::Send(response("503 Busy", &[], b"")),
            _ => Answer::Send(response("304 Not Modified", &[], b"")),
        }
    });
    let desk = Desk::new();
    desk.get(&server.url("x")).expect("downloaded");
    assert!(complaint(desk.get(&server.url("x"))).contains("answers 503"));
    desk.get(&server.url("x")).expect("unchanged");
    assert_eq!(fs::read(desk.destination()).expect("a file"), b"one");
    assert_eq!(server.asked()[2].header("if-modified-since"), Some("mon, 01 jan 2024 00:00:00 gmt"));
}

#[test]
fn a_page_or_a_pointer_in_place_of_the_file_is_told_and_deleted() {
    let table: [(&str, &[u8], &str); 2] = [
        ("page", b"<!DOCTYPE html><title>Sign\x1b in</title>", "it is a web page ('Sign\u{b7} in')"),
        (
            "pointer",
            b"version https://git-lfs.github.com/spec/v1\nsize 63\n",
            "it is a Git LFS pointer and not the file of 63 bytes",
        ),
    ];
    for (name, body, expected) in table {
        let server = Server::start(|_| Answer::Send(response("200 OK", &[], body)));
        let desk = Desk::new();
        let words = complaint(desk.get(&server.url(name)));
        assert!(words.starts_with(&server.url(name)) && words.contains(expected), "{words}");
        assert!(desk.left().is_empty(), "{:?}", desk.left());
    }
}
