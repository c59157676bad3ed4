//! TLS before a Home Assistant that has none, as a reverse proxy puts it there; and what comes of it.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use wattbridge::model::HealthCode;
use wattbridge::uploads::UploadVerdict;

use super::driver::{Driver, Past, now, toml};
use super::stand_in::StandIn;

/// Where it is, and what it is trusted by.
pub(crate) struct Front {
    pub(crate) url: String,
    folder: TempDir,
}

impl Front {
    /// Before the one at this address.
    pub(crate) async fn before(behind: &str) -> Self {
        let behind = behind.strip_prefix("ws://").unwrap();
        let (behind, _) = behind.split_once('/').unwrap();
        let behind = behind.to_owned();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut behind = TcpStream::connect(&behind).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut behind).await;
                });
            }
        });
        Self { url, folder }
    }

    /// The key of a section that trusts it.
    pub(crate) fn trust(&self) -> String {
        let file: PathBuf = self.folder.path().join("ca.pem");
        format!("ca_file = \"{}\"", file.display())
    }
}

#[tokio::test]
async fn hours_are_written_through_tls() {
    let server = StandIn::start().await;
    let front = Front::before(&server.url).await;
    let own = format!("own = true\nfill_gaps = false\n{}", front.trust());
    let past = Past::new().counting(1_000_000, 3, 50);
    let mut driver = Driver::new(toml(&front.url, &own));
    assert_eq!(driver.round(&past, now()).await, UploadVerdict::done());
    assert!(server.kept().writes > 0);

    let file = wattbridge::config::File::parse(&toml(&front.url, &own), "test.toml").unwrap();
    let (uploads, _) = wattbridge::uploads::Uploads::read(&file);
    let plan = uploads.find("statistics").unwrap().plan;
    let said = wattbridge::uploads::try_login(plan.as_ref()).await;
    assert!(said.is_ok(), "{said:?}");
}

#[tokio::test]
async fn who_is_not_trusted_gets_nothing_and_the_reason_is_said() {
    let server = StandIn::start().await;
    let front = Front::before(&server.url).await;
    let past = Past::new().counting(1_000_000, 3, 50);
    let mut driver = Driver::new(toml(&front.url, "own = true"));
    let UploadVerdict::Hold { health, .. } = driver.round(&past, now()).await else {
        panic!("it is not held");
    };
    assert_eq!(health.code, HealthCode::Unreachable);
    let said = health.sentence();
    assert!(
        said.contains("secure") && said.contains("ca_file"),
        "{said}"
    );
    assert_eq!(server.kept().writes, 0);
}
