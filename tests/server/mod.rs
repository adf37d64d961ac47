//! A local web server with scripted answers.

#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The number of the request, from 0.
    pub(crate) number: usize,
    pub(crate) path: String,
    /// The header's lines, in lower case.
    pub(crate) headers: Vec<String>,
}

impl Asked {
    /// Returns the value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Returns the first requested byte.
    pub(crate) fn from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// An answer of the server.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Sends these bytes and closes the connection.
    Send(Vec<u8>),
    /// Sends these bytes and stays open.
    Hang(Vec<u8>),
}

/// Returns a response with this status line, these header lines and this body.
pub(crate) fn response(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    [text.as_bytes(), b"\r\n", body].concat()
}

/// Returns the response to a request for `body` or a part of it.
pub(crate) fn ranged(asked: &Asked, tag: &str, body: &[u8]) -> Vec<u8> {
    let tag_line = format!("ETag: {tag}");
    match asked.from().filter(|_| asked.header("if-range") == Some(&tag.to_lowercase())) {
        Some(from) => {
            let range = format!("Content-Range: bytes {from}-{}/{}", body.len() - 1, body.len());
            response("206 Partial Content", &[&tag_line, &range], &body[from..])
        }
        None => response("200 OK", &[&tag_line], body),
    }
}

/// A server that runs as long as the test's process.
#[derive(Debug)]
pub(crate) struct Server {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    hanging: Arc<Mutex<Vec<TcpStream>>>,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let hanging = Arc::new(Mutex::new(Vec::new()));
        let kept = hanging.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let number = seen.lock().expect("a lock").len();
                let Some(request) = read(&stream, number) else { continue };
                seen.lock().expect("a lock").push(request.clone());
                // The client may have left.
                match answer(&request) {
                    Answer::Send(bytes) => drop(stream.write_all(&bytes)),
                    Answer::Hang(bytes) => {
                        let _ = stream.write_all(&bytes);
                        kept.lock().expect("a lock").push(stream);
                    }
                }
            }
        });
        Self { address, asked, hanging }
    }

    /// Closes the open connections.
    pub(crate) fn hang_up(&self) {
        self.hanging.lock().expect("a lock").clear();
    }

    /// Returns the address of a file on the server.
    pub(crate) fn url(&self, file: &str) -> String {
        format!("{}/{file}", self.address)
    }

    /// Returns every request so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("a lock").clone()
    }
}

fn read(stream: &TcpStream, number: usize) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase()).collect();
    Some(Asked { number, path, headers })
}
