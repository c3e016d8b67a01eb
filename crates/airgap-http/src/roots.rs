//! The certificate roots that certificates of servers are checked against.

use std::io::{self, Read};
use std::path::Path;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::certificate;
use airgap_core::error::{Error, Result};
use airgap_core::network::Network;
use airgap_core::regular_file;

/// The largest file with certificate roots in bytes. The bundle of a system has some 100 000.
const LARGEST: u64 = 16 << 20;

/// The certificate roots in use.
pub(super) struct Roots {
    /// All roots.
    pub(super) all: Vec<Certificate<'static>>,
    /// The roots from a variable, the config file or a folder for one registry, without those of
    /// the system.
    pub(super) named: Vec<Certificate<'static>>,
}

impl Roots {
    /// Returns the settings of `ureq` with these roots.
    pub(super) fn config(&self) -> TlsConfig {
        TlsConfig::builder().root_certs(RootCerts::new_with_certs(&self.all)).build()
    }
}

/// Loads the roots, and `more` of them from PEM texts. Takes some milliseconds, as the bundle of
/// the system is large: it is called at the first https address.
pub(super) fn load(network: &Network, more: &[String]) -> Result<Roots> {
    network.ca_file.as_deref().map(check).transpose()?;
    let found = match (&network.ca_file, &network.ca_dir) {
        (None, None) => rustls_native_certs::load_native_certs(),
        (file, folders) => {
            let mut all = rustls_native_certs::load_certs_from_paths(file.as_deref(), None);
            // As in OpenSSL, the variable may name several folders.
            for folder in folders.iter().flat_map(std::env::split_paths) {
                let more = rustls_native_certs::load_certs_from_paths(None, Some(&folder));
                all.certs.extend(more.certs);
                all.errors.extend(more.errors);
            }
            all
        }
    };
    let mut all: Vec<_> =
        found.certs.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    let by_variable = network.ca_file.is_some() || network.ca_dir.is_some();
    let mut named = if by_variable { all.clone() } else { Vec::new() };
    for text in more {
        named.extend(in_pem(text)?);
        all.extend(in_pem(text)?);
    }
    if all.is_empty() {
        return Err(none(network, found.errors.first()));
    }
    Ok(Roots { all, named })
}

/// Checks that a file with roots is a regular file within the limit of size, because it is read
/// whole. A missing file is reported later, with the errors of the others.
fn check(path: &Path) -> Result<()> {
    let wrong = |why: String| {
        Err(Error::usage("the file named by SSL_CERT_FILE cannot be read")
            .fact("file", path.display())
            .because(why)
            .hint("set it to a PEM file with the certificate of your organisation's authority"))
    };
    match regular_file::open(path).and_then(|file| file.metadata()) {
        Ok(found) if found.len() > LARGEST => {
            wrong(format!("it has {} bytes; the limit is {LARGEST}", found.len()))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => wrong(error.to_string()),
        _ => Ok(()),
    }
}

/// Adds the type of a file that has no roots to its error, if the file can be read.
fn explain(error: Error, file: &Path) -> Error {
    let mut bytes = Vec::new();
    let read = regular_file::open(file).and_then(|it| it.take(LARGEST).read_to_end(&mut bytes));
    match read {
        Ok(_) => certificate::explain(error, &bytes, file),
        Err(_) => error,
    }
}

/// Parses the certificates in a PEM text of a config file.
fn in_pem(text: &str) -> Result<Vec<Certificate<'static>>> {
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(text.as_bytes()) {
        let item = item.map_err(|error| {
            Error::usage(
                "a certificate root of this registry cannot be read: one in \
                 `extra_root_certificates` of the config file, or a `*.crt` in a folder `certs.d`",
            )
            .because(error)
            .hint("a certificate in PEM form starts with `-----BEGIN CERTIFICATE-----`")
        })?;
        if let ureq::tls::PemItem::Certificate(certificate) = item {
            certificates.push(certificate);
        }
    }
    Ok(certificates)
}

/// Returns the error for no roots at all. If there are some, a file that is not a certificate is
/// ignored: folders of certificates contain links and notes too.
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
        let error = Error::usage(format!("no certificate was found in {}", named.join(" and ")))
            .hint("a certificate in PEM form starts with `-----BEGIN CERTIFICATE-----`");
        match &network.ca_file {
            Some(file) => explain(error, file),
            None => error,
        }
    };
    match cause {
        Some(cause) => error.because(cause),
        None => error,
    }
}
