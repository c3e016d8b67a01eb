//! The certificate roots that servers are checked against.

use std::io;
use std::path::Path;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::error::{Error, Result};
use crate::network::Network;
use crate::read;

/// The largest file with certificate roots in bytes. A system's bundle has some hundred thousand.
const LARGEST: u64 = 16 << 20;

/// The TLS settings with the roots that apply, and with `more` of them as PEM texts. Takes some milliseconds: the system's bundle is
/// large, so nobody asks before the first https address.
pub(super) fn load(network: &Network, more: &[String]) -> Result<TlsConfig> {
    network.ca_file.as_deref().map(check).transpose()?;
    let found = match (&network.ca_file, &network.ca_dir) {
        (None, None) => rustls_native_certs::load_native_certs(),
        (file, folders) => {
            let mut all = rustls_native_certs::load_certs_from_paths(file.as_deref(), None);
            // Like OpenSSL's, the variable may name several folders.
            for folder in folders.iter().flat_map(std::env::split_paths) {
                let more = rustls_native_certs::load_certs_from_paths(None, Some(&folder));
                all.certs.extend(more.certs);
                all.errors.extend(more.errors);
            }
            all
        }
    };
    let mut roots: Vec<_> =
        found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    for text in more {
        roots.extend(in_pem(text)?);
    }
    if roots.is_empty() {
        return Err(none(network, found.errors.first()));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build())
}

/// Checks that a file with roots is a regular one, and of a size that it can have: it is read whole.
/// One that is not there is told with the others.
fn check(path: &Path) -> Result<()> {
    let wrong = |why: String| {
        Err(Error::usage("the file that SSL_CERT_FILE names cannot be read")
            .fact("file", path.display())
            .because(why)
            .hint("set it to a PEM file with the certificate of your organisation's authority"))
    };
    match read::open(path).and_then(|file| file.metadata()) {
        Ok(found) if found.len() > LARGEST => {
            wrong(format!("it has {} bytes, and the limit is {LARGEST}", found.len()))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => wrong(error.to_string()),
        _ => Ok(()),
    }
}

/// The certificates in a PEM text of a config file.
fn in_pem(text: &str) -> Result<Vec<Certificate<'static>>> {
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(text.as_bytes()) {
        let item = item.map_err(|error| {
            Error::usage("`extra_root_certificates` of the config file cannot be read")
                .because(error)
                .hint("a certificate in PEM form begins with `-----BEGIN CERTIFICATE-----`")
        })?;
        if let ureq::tls::PemItem::Certificate(certificate) = item {
            certificates.push(certificate);
        }
    }
    Ok(certificates)
}

/// The error for no roots at all. With some roots, a file that is no certificate does no harm:
/// folders of certificates hold links and notes too.
fn none(network: &Network, cause: Option<&rustls_native_certs::Error>) -> Error {
    let variables = [("SSL_CERT_FILE", &network.ca_file), ("SSL_CERT_DIR", &network.ca_dir)];
    let named: Vec<_> = variables
        .into_iter()
        .filter_map(|(name, path)| Some(format!("{name} (`{}`)", path.as_ref()?.display())))
        .collect();
    let error = if named.is_empty() {
        Error::usage("this system has no certificate roots, so no https server can be trusted")
            .hint("install the package `ca-certificates`")
            .hint("or set SSL_CERT_FILE to a PEM file with the certificate of your authority")
    } else {
        Error::usage(format!("no certificate was found by {}", named.join(" and ")))
            .hint("a certificate in PEM form begins with `-----BEGIN CERTIFICATE-----`")
    };
    match cause {
        Some(cause) => error.because(cause),
        None => error,
    }
}
