//! TLS to a server: which authorities we trust and which certificate we show.
//!
//! Trust is the compiled-in Mozilla list, or the authorities of `ca_file` and only those: who runs
//! a private authority does not want every public one to be able to stand in for the server.
//!
//! `ca_file` may also hold the server's own certificate. Who has made one for the server alone, with no
//! authority behind it, has no other file to give; and whoever shows exactly this certificate, and
//! proves to have its key, is the server that the user means, whatever name and dates are in it.
//! The crypto provider is named here and never taken from the process-wide default, so that no
//! other library in the process can change it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::config::{FileKind, read_small_file};

/// How TLS is done. The default trusts the public authorities and shows no certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// PEM file with the authorities to trust, instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// PEM file with our certificate, and those between it and the authority.
    pub client_certificate: Option<PathBuf>,
    /// PEM file with the key to `client_certificate`, not encrypted.
    pub client_key: Option<PathBuf>,
    /// The name in the server's certificate, if it is not its host's.
    pub server_name: Option<String>,
}

/// Why there is no TLS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A certificate or key file cannot be used.
    #[error("`{setting}`: {} {problem}", .path.display())]
    File {
        /// The setting which names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The settings contradict each other.
    #[error("the TLS settings cannot be used: {problem}")]
    Setup {
        /// What is wrong with them.
        problem: String,
    },
}

/// Builds the rustls configuration; reads the files anew, so that a renewed certificate is used
/// from the next connection on.
pub fn client_config(tls: &Tls) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Setup {
            problem: error.to_string(),
        })?;
    let builder = match &tls.ca_file {
        Some(path) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusted::read(path, provider)?)),
        None => builder.with_root_certificates(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        }),
    };

    match (&tls.client_certificate, &tls.client_key) {
        (Some(certificate), Some(key)) => builder
            .with_client_auth_cert(
                certificates("client_certificate", certificate)?,
                private_key(key)?,
            )
            .map_err(|error| TlsError::Setup {
                problem: format!(
                    "`client_certificate` {} and `client_key` {} cannot be used together ({error})",
                    certificate.display(),
                    key.display()
                ),
            }),
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(_), None) => Err(TlsError::Setup {
            problem: "`client_certificate` is given without its `client_key`".to_owned(),
        }),
        (None, Some(_)) => Err(TlsError::Setup {
            problem: "`client_key` is given without its `client_certificate`".to_owned(),
        }),
    }
}

/// The name to check the server's certificate against.
pub fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Setup {
        problem: format!(
            "`{name}` is neither a host name nor an IP address, so no certificate can be checked \
             against it; give the name in its certificate as `server_name`"
        ),
    })
}

/// What `ca_file` holds: authorities, or the server's own certificate.
#[derive(Debug)]
struct Trusted {
    certificates: Vec<CertificateDer<'static>>,
    as_authorities: Arc<WebPkiServerVerifier>,
}

impl Trusted {
    fn read(path: &Path, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let broken = |error: &dyn std::fmt::Display| {
            file_error(
                "ca_file",
                path,
                format!("holds a broken certificate: {error}"),
            )
        };
        let certificates = certificates("ca_file", path)?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots
                .add(certificate.clone())
                .map_err(|error| broken(&error))?;
        }
        let as_authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| broken(&error))?;
        Ok(Self {
            certificates,
            as_authorities,
        })
    }
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.certificates.iter().any(|own| own == shown) {
            return Ok(ServerCertVerified::assertion());
        }
        self.as_authorities
            .verify_server_cert(shown, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.as_authorities
            .verify_tls12_signature(message, shown, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.as_authorities
            .verify_tls13_signature(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.as_authorities.supported_verify_schemes()
    }
}

fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(setting, path)?;
    // The PEM error itself may quote the file: it is left out on purpose.
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .unwrap_or_default();
    if found.is_empty() {
        return Err(file_error(
            setting,
            path,
            "is not a PEM file with a certificate: a text file with a line \
             `-----BEGIN CERTIFICATE-----` is needed (a .der or .p12 file must be converted first)"
                .to_owned(),
        ));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = read("client_key", path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        let encrypted = pem.windows(9).any(|window| window == b"ENCRYPTED");
        let problem = if encrypted {
            "is encrypted with a passphrase; store it decrypted, readable for wattbridge only"
        } else {
            "is not a PEM file with a private key: a text file with a line \
             `-----BEGIN PRIVATE KEY-----` is needed"
        };
        file_error("client_key", path, problem.to_owned())
    })
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    /// All public authorities together are a quarter of it.
    const LARGEST: u64 = 1024 * 1024;
    read_small_file(path, LARGEST, FileKind::File)
        .map_err(|error| file_error(setting, path, format!("cannot be read: {error}")))
}

fn file_error(setting: &'static str, path: &Path, problem: String) -> TlsError {
    TlsError::File {
        setting,
        path: path.to_owned(),
        problem,
    }
}
