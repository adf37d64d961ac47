//! The trust in servers: certificates of the system, or of `SSL_CERT_FILE`. Needs no trainer and no network.
//!
//! `tests/fixtures/tls` holds an authority's certificate, and key and certificate of 127.0.0.1 signed by it. The
//! authority's own key is gone, so nobody can sign more.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use crate::lab::Lab;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// Starts an encrypted server that answers everything with a text; returns the address of a file on it.
fn server() -> String {
    let certificate = CertificateDer::from_pem_file(fixture("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(fixture("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a server");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/x.h5", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(config.clone()).expect("a connection");
            let mut stream = StreamOwned::new(connection, stream);
            // A client that does not trust the server leaves here.
            if stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    url
}

/// Returns the message of a fetch with this value of `SSL_CERT_FILE`.
fn fetch(url: &str, certificates: Option<&Path>) -> String {
    let lab = Lab::new();
    let mut command = lab.mien(&["weights", "fetch", url, "--name", "x"]);
    command.env_remove("SSL_CERT_DIR");
    match certificates {
        Some(path) => command.env("SSL_CERT_FILE", path),
        None => command.env_remove("SSL_CERT_FILE"),
    };
    let output = command.assert().code(1).get_output().clone();
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn a_server_is_trusted_by_the_certificates_that_the_variable_names() {
    let url = server();
    let words = fetch(&url, Some(&fixture("ca.pem")));
    assert!(words.contains(&format!("{url}: it is text")), "the file has come: {words}");
    let words = fetch(&url, None);
    assert!(words.contains("certificate") && words.contains("name its file with SSL_CERT_FILE"), "{words}");
}

#[test]
fn a_variable_that_names_no_certificates_is_told() {
    for path in [fixture("missing.pem"), fixture("server.key")] {
        let words = fetch(&server(), Some(&path));
        let expected = format!("SSL_CERT_FILE is {}, which gives no certificates", path.display());
        assert!(words.contains(&expected), "{words}");
    }
}
