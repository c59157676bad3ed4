//! TLS, with an authority made for the test.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use wattbridge::outputs::mqtt::session::{SessionError, Settings, Tls, probe};

use super::support::mosquitto::{Mosquitto, Setup, TlsFiles};
use super::{Peer, message, received, settings};

/// An authority and what it has signed, as PEM files.
struct Authority {
    dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { dir, issuer }
    }

    fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Certificate and key for a name.
    fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        // A subject like the issuer's would look self-signed to OpenSSL.
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |end: &str| self.dir.path().join(format!("{name}.{end}"));
        fs::write(file("pem"), certificate.pem()).unwrap();
        fs::write(file("key"), key.serialize_pem()).unwrap();
        (file("pem"), file("key"))
    }

    fn broker(&self, name: &str, require_client_certificate: bool) -> Option<Mosquitto> {
        let (certificate, key) = self.sign(name);
        Mosquitto::launch(&Setup {
            tls: Some(TlsFiles {
                ca: self.ca(),
                certificate,
                key,
                require_client_certificate,
            }),
            ..Setup::default()
        })
    }
}

fn with(port: u16, tls: Tls) -> Settings {
    Settings {
        tls: Some(tls),
        ..settings(port, "secure")
    }
}

fn trusting(ca: &Path) -> Tls {
    Tls {
        ca_file: Some(ca.to_owned()),
        ..Tls::default()
    }
}

#[tokio::test]
async fn an_own_authority_is_trusted() {
    let authority = Authority::new();
    let Some(broker) = authority.broker("127.0.0.1", false) else {
        return;
    };
    let mut peer = Peer::start(with(broker.port(), trusting(&authority.ca())));
    peer.connected().await;
    peer.session.subscribe(&["a"]).await.unwrap();
    peer.session
        .publish(message("a", &"x".repeat(100_000)))
        .await
        .unwrap();
    assert_eq!(
        peer.received().await,
        received("a", &"x".repeat(100_000), false)
    );
}

#[tokio::test]
async fn another_authority_is_not_trusted() {
    let (authority, other) = (Authority::new(), Authority::new());
    let Some(broker) = authority.broker("127.0.0.1", false) else {
        return;
    };
    for tls in [trusting(&other.ca()), Tls::default()] {
        let error = probe(&with(broker.port(), tls)).await.unwrap_err();
        assert!(
            matches!(error, SessionError::CertificateNotTrusted { .. }),
            "{error}"
        );
        assert!(error.to_string().contains("`ca_file`"), "{error}");
    }
}

/// Made for a broker alone, with nothing behind it, in the ways of the usual recipes.
#[tokio::test]
async fn the_brokers_own_certificate_is_trusted_and_no_other_like_it() {
    let dir = tempfile::tempdir().unwrap();
    let make = |file: &str, name: &str, is_ca: bool| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = params.self_signed(&key).unwrap();
        let path = |end: &str| dir.path().join(format!("{file}.{end}"));
        fs::write(path("pem"), certificate.pem()).unwrap();
        fs::write(path("key"), key.serialize_pem()).unwrap();
        (path("pem"), path("key"))
    };
    for (name, is_ca) in [
        ("127.0.0.1", false),
        ("127.0.0.1", true),
        ("old-name", true),
    ] {
        let (certificate, key) = make("own", name, is_ca);
        let (other, _) = make("other", name, is_ca);
        let setup = Setup {
            tls: Some(TlsFiles {
                ca: certificate.clone(),
                certificate: certificate.clone(),
                key,
                require_client_certificate: false,
            }),
            ..Setup::default()
        };
        let Some(broker) = Mosquitto::launch(&setup) else {
            return;
        };
        probe(&with(broker.port(), trusting(&certificate)))
            .await
            .unwrap();
        let error = probe(&with(broker.port(), trusting(&other)))
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                SessionError::CertificateNotTrusted { .. } | SessionError::CertificateName { .. }
            ),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn another_name_is_not_accepted_unless_told() {
    let authority = Authority::new();
    let Some(broker) = authority.broker("broker.example", false) else {
        return;
    };
    let tls = trusting(&authority.ca());
    let error = probe(&with(broker.port(), tls.clone())).await.unwrap_err();
    assert!(
        matches!(error, SessionError::CertificateName { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("broker.example"), "{error}");

    let told = Tls {
        server_name: Some("broker.example".into()),
        ..tls
    };
    probe(&with(broker.port(), told)).await.unwrap();
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_its_lack_explained() {
    let (authority, other) = (Authority::new(), Authority::new());
    let Some(broker) = authority.broker("127.0.0.1", true) else {
        return;
    };
    let showing = |(certificate, key)| Tls {
        client_certificate: Some(certificate),
        client_key: Some(key),
        ..trusting(&authority.ca())
    };
    let ours = showing(authority.sign("wattbridge"));
    probe(&with(broker.port(), ours)).await.unwrap();

    let none = trusting(&authority.ca());
    let error = probe(&with(broker.port(), none)).await.unwrap_err();
    assert!(
        matches!(error, SessionError::ClientCertificate { shown: false, .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("give `client_certificate`"),
        "{error}"
    );

    let foreign = showing(other.sign("wattbridge"));
    let error = probe(&with(broker.port(), foreign)).await.unwrap_err();
    assert!(
        matches!(error, SessionError::ClientCertificate { shown: true, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn tls_and_plain_do_not_mix() {
    let authority = Authority::new();
    let Some(secure) = authority.broker("127.0.0.1", false) else {
        return;
    };
    let Some(plain) = Mosquitto::launch(&Setup::default()) else {
        return;
    };
    let error = probe(&settings(secure.port(), "naked")).await.unwrap_err();
    assert!(error.to_string().contains("8883"), "{error}");
    let error = probe(&with(plain.port(), trusting(&authority.ca())))
        .await
        .unwrap_err();
    assert!(matches!(error, SessionError::Tls { .. }), "{error}");
    assert!(error.to_string().contains("8883"), "{error}");
}

/// The files are looked at before the network.
#[tokio::test]
async fn unusable_files_are_named() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign("wattbridge");
    let (_, other_key) = authority.sign("other");
    let dir = authority.dir.path();
    let garbage = dir.join("garbage.pem");
    fs::write(&garbage, "what is this?").unwrap();
    let encrypted = dir.join("encrypted.key");
    let text =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n";
    fs::write(&encrypted, text).unwrap();

    let client = |certificate: Option<&PathBuf>, key: Option<&PathBuf>| Tls {
        client_certificate: certificate.cloned(),
        client_key: key.cloned(),
        ..trusting(&authority.ca())
    };
    let cases = [
        (
            trusting(&dir.join("absent.pem")),
            "absent.pem cannot be read",
        ),
        (trusting(&garbage), "`ca_file`: "),
        (trusting(&key), "is not a PEM file with a certificate"),
        (client(Some(&garbage), Some(&key)), "`client_certificate`: "),
        (
            client(Some(&certificate), Some(&garbage)),
            "is not a PEM file with a private key",
        ),
        (
            client(Some(&certificate), Some(&encrypted)),
            "is encrypted with a passphrase",
        ),
        (
            client(Some(&certificate), Some(&other_key)),
            "cannot be used together",
        ),
        (client(Some(&certificate), None), "without its `client_key`"),
        (client(None, Some(&key)), "without its `client_certificate`"),
    ];
    for (tls, words) in cases {
        let error = probe(&with(1, tls)).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains("c2VjcmV0"), "{error}");
    }
}
