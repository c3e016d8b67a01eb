//! The reasons why the certificate of a server, or a file of roots, is refused, in words.

use std::path::Path;

use rustls::CertificateError as Bad;
use rustls::pki_types::ServerName;

use super::tls;
use airgap_core::error::Error;
use airgap_core::wrong_content::{self, BEGINNING, WrongContent};

/// The reason why a certificate was refused, and hints.
pub(super) struct Refusal {
    pub(super) reason: String,
    pub(super) hints: Vec<String>,
}

impl Refusal {
    fn new(reason: impl Into<String>) -> Refusal {
        Refusal { reason: reason.into(), hints: Vec::new() }
    }

    fn hint(mut self, hint: impl Into<String>) -> Refusal {
        self.hints.push(hint.into());
        self
    }
}

/// Returns the words for a certificate that was refused.
pub(super) fn refused(bad: &Bad) -> Refusal {
    let failure = |reason: &str| Refusal::new(reason);
    match bad {
        // A bad signature means that another authority has the name of one that is trusted.
        Bad::UnknownIssuer | Bad::BadSignature => {
            failure("its certificate is from an authority that this machine does not trust").hint(
                "set SSL_CERT_FILE to a PEM file with the certificate of your organisation's \
                 authority; if the file already contains it, configure the server to send the \
                 intermediate certificates too",
            )
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => wrong_host(bad),
        Bad::Expired | Bad::ExpiredContext { .. } => {
            Refusal::new(format!("its certificate has expired{}", detail(bad)))
                .hint("ask for a new certificate, and check this machine's clock")
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            Refusal::new(format!("its certificate is not valid yet{}", detail(bad)))
                .hint("check this machine's clock")
        }
        Bad::UnsupportedSignatureAlgorithmContext { .. } => failure(
            "its certificate has a signature algorithm that is not accepted, such as SHA-1",
        )
        .hint("ask for a new certificate: with `openssl x509` or `openssl req`, add `-sha256`"),
        _ => match tls::other(bad).as_deref() {
            Some("CaUsedAsEndEntity") => failure(
                "its certificate is that of an authority (`CA:TRUE`), not of a server",
            )
            .hint(
                "make this certificate a root: in SSL_CERT_FILE, in `extra_root_certificates` of \
                 the config file, or as `ca.crt` in a folder `certs.d`",
            )
            .hint(
                "or make another certificate for the server: with `openssl req -x509`, add \
                 `-addext basicConstraints=critical,CA:FALSE`",
            ),
            Some("UnsupportedCertVersion") => failure(
                "its certificate has X.509 version 1, which has no names; expected version 3",
            )
            .hint(
                "make a new certificate with extensions: `openssl x509 -req` with `-extfile FILE`, \
                 and `subjectAltName=DNS:HOST` in that file",
            ),
            Some("NameConstraintViolation") => {
                failure("its authority may not issue certificates for this name").hint(
                    "check the `nameConstraints` of the authority's certificate, and use a name \
                     that they permit",
                )
            }
            _ => Refusal::new(format!("its certificate is not valid: {bad}")).hint(
                "ask the administrator of that server for a valid certificate, which `curl` \
                 accepts too",
            ),
        },
    }
}

/// Returns the refusal of a certificate for other names, with a hint: how to make one for the
/// requested name.
fn wrong_host(bad: &Bad) -> Refusal {
    let failure = Refusal::new(format!("its certificate is for another name: {bad}"));
    let Bad::NotValidForNameContext { expected, presented } = bad else {
        return failure.hint("use the name that the certificate is for");
    };
    let wanted = match expected {
        ServerName::IpAddress(address) => format!("IP:{}", std::net::IpAddr::from(*address)),
        name => format!("DNS:{}", name.to_str()),
    };
    match presented.is_empty() {
        true => failure.hint(format!(
            "the name in its subject (CN) is ignored (RFC 9525 section 2): make a new certificate \
             with `-addext subjectAltName={wanted}`"
        )),
        false => failure.hint(format!(
            "use the name that the certificate is for, or make a new certificate with `-addext \
             subjectAltName={wanted}`"
        )),
    }
}

/// Returns the library's words on the dates of a certificate; empty for any other problem.
fn detail(bad: &Bad) -> String {
    match bad {
        Bad::ExpiredContext { .. } | Bad::NotValidYetContext { .. } => format!(": {bad}"),
        _ => String::new(),
    }
}

/// Adds the kind of a file without certificates to an error about it, and the command that makes a PEM
/// file of it.
pub fn explain(error: Error, bytes: &[u8], file: &Path) -> Error {
    let shown = file.display();
    let make =
        |command: String| format!("convert it to a PEM file with `{command}`, and use that file");
    let text = String::from_utf8_lossy(bytes);
    let beginning = &bytes[..bytes.len().min(BEGINNING)];
    if let Some(found) = WrongContent::from_beginning(beginning) {
        return found.explain(error);
    }
    match () {
        // A SEQUENCE with a length of two bytes (X.690 section 8.1.3).
        () if bytes.starts_with(b"\x30\x82") => error
            .fact("it is", "a certificate in the binary form (DER)")
            .hint(make(format!("openssl x509 -inform der -in '{shown}' -out '{shown}.pem'"))),
        () if text.contains("-----BEGIN TRUSTED CERTIFICATE-----") => error
            .fact("it is", "a certificate with the trust settings of OpenSSL")
            .hint(make(format!("openssl x509 -in '{shown}' -out '{shown}.pem'"))),
        () if text.contains("-----BEGIN PKCS7-----") => error
            .fact("it is", "a PKCS #7 container")
            .hint(make(format!("openssl pkcs7 -print_certs -in '{shown}' -out '{shown}.pem'"))),
        () if text.contains("PRIVATE KEY-----") => error.fact("it is", "a private key"),
        () if text.starts_with('\u{feff}') => error
            .fact("it is", "a text with a byte order mark")
            .hint(make(format!("tail -c +4 '{shown}' > '{shown}.pem'"))),
        () => wrong_content::explain_utf16(error, bytes, shown),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;

    use super::*;

    /// An error of the library that checks certificates, which has no type here.
    #[derive(Debug, Clone, Copy)]
    enum Webpki {
        UnsupportedCertVersion,
        NameConstraintViolation,
        SomethingNew,
    }

    impl std::fmt::Display for Webpki {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{self:?}")
        }
    }

    impl std::error::Error for Webpki {}

    #[test]
    fn each_refused_certificate_has_a_reason_and_a_remedy() {
        for (error, words, remedy) in [
            (Webpki::UnsupportedCertVersion, "X.509 version 1", "-extfile"),
            (Webpki::NameConstraintViolation, "may not issue", "nameConstraints"),
            (Webpki::SomethingNew, "is not valid", "ask the administrator"),
        ] {
            let failure = refused(&Bad::Other(OtherError(Arc::new(error))));
            assert!(failure.reason.contains(words), "{}", failure.reason);
            assert!(failure.hints.concat().contains(remedy), "{:?}", failure.hints);
        }
        assert_eq!(refused(&Bad::Expired).reason, "its certificate has expired");
    }

    #[test]
    fn a_file_that_is_not_pem_names_the_command_to_convert_it() {
        let utf16 = [b"\xff\xfe".as_slice(), b"-\0"].concat();
        for (bytes, words) in [
            (
                b"\x30\x82\x03\x00".as_slice(),
                "openssl x509 -inform der -in '/a/ca' -out '/a/ca.pem'",
            ),
            (b"-----BEGIN TRUSTED CERTIFICATE-----", "openssl x509 -in '/a/ca'"),
            (b"x\n-----BEGIN PKCS7-----", "openssl pkcs7 -print_certs -in '/a/ca'"),
            (b"-----BEGIN EC PRIVATE KEY-----", "a private key"),
            ("\u{feff}-----BEGIN CERTIFICATE-----".as_bytes(), "tail -c +4 '/a/ca'"),
            (&utf16, "iconv -f UTF-16"),
            (b"<html>", "an HTML page"),
            (b"", "an empty file"),
        ] {
            let error =
                explain(Error::usage("no certificate"), bytes, Path::new("/a/ca")).to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
