//! TLS with roots that the user named, and with client certificates.
//!
//! `ureq` has its own connector, which is used with the roots of the system. This one also accepts
//! a server certificate that is itself a root: `openssl req -x509` creates such certificates, with
//! `CA:TRUE`, and the documentation of many registries recommends it. RFC 5280 section 4.2.1.9 does
//! not forbid it, and webpki does.

use std::collections::HashSet;
use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    SignatureScheme, StreamOwned,
};
use ureq::tls::Certificate;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

use airgap_core::error::{Error, Result};

/// A client certificate and its key, as PEM texts. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The certificate, followed by those of its authorities.
    pub certificate: String,
    /// The private key.
    pub key: String,
    /// The path of both, for messages.
    pub origin: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl Identity {
    /// Returns the certificates and the key in the form of rustls.
    fn parts(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let wrong = |problem: &str| {
            Error::usage(format!("the client certificate `{}` cannot be used", self.origin))
                .because(problem)
                .hint("both files must be PEM texts, and the key must not have a password")
        };
        let certificates = CertificateDer::pem_slice_iter(self.certificate.as_bytes());
        let certificates: std::result::Result<Vec<_>, _> = certificates.collect();
        let certificates = certificates.map_err(|_| wrong("it is not a PEM text"))?;
        if certificates.is_empty() {
            return Err(wrong("it does not contain a certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes());
        let key =
            key.map_err(|_| wrong("the file of its private key does not contain a readable key"))?;
        Ok((certificates, key))
    }
}

/// Returns a certificate in the form of rustls.
fn der(certificate: &Certificate<'_>) -> CertificateDer<'static> {
    CertificateDer::from(certificate.der().to_vec())
}

/// A connector that wraps each connection to an https address in TLS.
pub(super) struct Tls(Arc<ClientConfig>);

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Creates a connector that trusts these roots. Those in `named` may also be server
    /// certificates.
    ///
    /// # Errors
    /// Usage, if no root is valid or the client certificate cannot be used.
    pub(super) fn new(
        roots: &[Certificate<'static>],
        named: &[Certificate<'static>],
        identity: Option<&Identity>,
    ) -> Result<Tls> {
        let unusable = |error: &dyn fmt::Display| {
            Error::usage("the certificate roots cannot be used").because(error)
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots.iter().map(der));
        let builder =
            WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone());
        let inner = builder.build().map_err(|error| unusable(&error))?;
        let verifier = Verifier { inner, named: named.iter().map(der).collect() };
        let config = builder_of(provider)
            .map_err(|error| unusable(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let (certificates, key) = identity.parts()?;
                config.with_client_auth_cert(certificates, key).map_err(|error| {
                    Error::usage(format!(
                        "the client certificate `{}` cannot be used",
                        identity.origin
                    ))
                    .because(error)
                })?
            }
        };
        Ok(Tls(Arc::new(config)))
    }
}

/// Returns a builder for TLS 1.2 and 1.3.
fn builder_of(
    provider: Arc<CryptoProvider>,
) -> std::result::Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error>
{
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, Encrypted>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> std::result::Result<Option<Self::Out>, ureq::Error> {
        let Some(inner) = chained else { return Ok(None) };
        if !details.needs_tls() || inner.is_tls() {
            return Ok(Some(Either::A(inner)));
        }
        let host = details.uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host)
            .map_err(|_| ureq::Error::Tls("the host is not a valid server name"))?;
        let mut connection = ClientConnection::new(self.0.clone(), name)?;
        let mut socket = TransportAdapter::new(inner.boxed(), details.current_time.clone());
        socket.set_timeout(details.timeout);
        connection.complete_io(&mut socket)?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Either::B(Encrypted { buffers, stream: StreamOwned::new(connection, socket) })))
    }
}

/// A TLS connection.
pub(super) struct Encrypted {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encrypted")
    }
}

impl Transport for Encrypted {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(
        &mut self,
        amount: usize,
        timeout: NextTimeout,
    ) -> std::result::Result<(), ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        Ok(self.stream.write_all(&self.buffers.output()[..amount])?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> std::result::Result<bool, ureq::Error> {
        self.stream.sock.set_timeout(timeout);
        let count = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// A verifier of server certificates.
#[derive(Debug)]
struct Verifier {
    inner: Arc<WebPkiServerVerifier>,
    named: HashSet<CertificateDer<'static>>,
}

/// Returns whether a certificate was refused only because it is that of an authority. Its dates are
/// valid then, because webpki checks them first.
fn is_authority(error: &CertificateError) -> bool {
    other(error).as_deref() == Some("CaUsedAsEndEntity")
}

/// Returns the name of an error of webpki that has no name in rustls.
pub(super) fn other(error: &CertificateError) -> Option<String> {
    let CertificateError::Other(other) = error else { return None };
    Some(format!("{:?}", other.0))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        match self.inner.verify_server_cert(certificate, others, name, ocsp, now) {
            // The certificate is byte for byte one that the user named. The signatures below prove
            // that the server has its key.
            Err(rustls::Error::InvalidCertificate(error))
                if is_authority(&error) && self.named.contains(certificate) =>
            {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
