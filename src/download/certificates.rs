//! The certificates by which servers are trusted: those of the system, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR`
//! name. Networks that inspect traffic have one of their own there.

use std::env;

use ureq::tls::{Certificate, RootCerts};

/// The variables that replace the system's certificates.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Returns the certificates; without any on this system, Mozilla's, which are compiled in.
///
/// # Errors
/// The reason, if a variable names certificates that cannot be read.
pub(super) fn roots() -> Result<RootCerts, String> {
    let found = rustls_native_certs::load_native_certs();
    let certificates: Vec<Certificate> =
        found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    if !certificates.is_empty() {
        return Ok(RootCerts::new_with_certs(&certificates));
    }
    let set = VARIABLES.into_iter().find_map(|name| Some((name, env::var_os(name).filter(|value| !value.is_empty())?)));
    let Some((name, value)) = set else { return Ok(RootCerts::WebPki) };
    let reason = found.errors.first().map_or_else(|| "there is no certificate in it".into(), ToString::to_string);
    Err(format!("{name} is {}, which gives no certificates ({reason})", value.to_string_lossy()))
}
