//! TLS for the connection to the broker: which authorities we trust and which certificate we show.
//!
//! Trust is the compiled-in Mozilla list, or the authorities of `ca_file` and only those: who runs
//! a private authority does not want every public one to be able to stand in for the broker.
//! The crypto provider is named here and never taken from the process-wide default, so that no
//! other library in the process can change it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::{SessionError, Tls};

/// Builds the rustls configuration; reads the files anew, so that a renewed certificate is used
/// from the next connection on.
pub(super) fn client_config(tls: &Tls) -> Result<ClientConfig, SessionError> {
    let trusted = match &tls.ca_file {
        Some(path) => authorities(path)?,
        None => RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        },
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SessionError::TlsSetup {
            problem: error.to_string(),
        })?
        .with_root_certificates(trusted);

    match (&tls.client_certificate, &tls.client_key) {
        (Some(certificate), Some(key)) => builder
            .with_client_auth_cert(
                certificates("client_certificate", certificate)?,
                private_key(key)?,
            )
            .map_err(|error| SessionError::TlsSetup {
                problem: format!(
                    "`client_certificate` {} and `client_key` {} cannot be used together ({error})",
                    certificate.display(),
                    key.display()
                ),
            }),
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(_), None) => Err(SessionError::TlsSetup {
            problem: "`client_certificate` is given without its `client_key`".to_owned(),
        }),
        (None, Some(_)) => Err(SessionError::TlsSetup {
            problem: "`client_key` is given without its `client_certificate`".to_owned(),
        }),
    }
}

/// The name to check the broker's certificate against.
pub(super) fn server_name(name: &str) -> Result<ServerName<'static>, SessionError> {
    ServerName::try_from(name.to_owned()).map_err(|_| SessionError::TlsSetup {
        problem: format!(
            "`{name}` is neither a host name nor an IP address, so no certificate can be checked \
             against it; give the name in the broker's certificate as `server_name`"
        ),
    })
}

fn authorities(path: &Path) -> Result<RootCertStore, SessionError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates("ca_file", path)? {
        store.add(certificate).map_err(|error| {
            file_error(
                "ca_file",
                path,
                format!("holds a broken certificate: {error}"),
            )
        })?;
    }
    Ok(store)
}

fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, SessionError> {
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

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, SessionError> {
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

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, SessionError> {
    fs::read(path).map_err(|error| file_error(setting, path, format!("cannot be read: {error}")))
}

fn file_error(setting: &'static str, path: &Path, problem: String) -> SessionError {
    SessionError::TlsFile {
        setting,
        path: path.to_owned(),
        problem,
    }
}
