//! One conversation with Home Assistant's Core: who asks shows a token, then each command has its result.

use std::fmt;
use std::future::Future;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tokio_websockets::{ClientBuilder, Error as SocketError, Limits, Message, WebSocketStream};

use super::address::CoreAddress;
use super::error::CoreError;
use crate::names::dial;
use crate::tls;

/// For the name, the connection and the token; and for the result of one command.
const PATIENCE: Duration = Duration::from_secs(15);
/// The list of all entities has some hundred bytes for each.
const LARGEST: usize = 16 * 1024 * 1024;
/// Of what it says, as much is repeated.
const WORDS: usize = 200;

/// Without TLS, or with.
type CoreStream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// One that is open. It ends when it is dropped.
pub struct CoreConnection {
    socket: WebSocketStream<CoreStream>,
    last_id: u64,
    version: String,
}

impl CoreConnection {
    /// Opens one and shows the token.
    ///
    /// # Errors
    ///
    /// If nobody is there, or the token is not the right one.
    pub async fn open(address: &CoreAddress) -> Result<Self, CoreError> {
        in_time(Self::connect(address)).await
    }

    async fn connect(address: &CoreAddress) -> Result<Self, CoreError> {
        let unreachable = |reason: String| CoreError::Unreachable(said(&reason));
        let stream = reach(address).await?;
        let builder = ClientBuilder::new().uri(&address.url());
        let builder = builder.map_err(|error| unreachable(error.to_string()))?;
        let bounds = Limits::default().max_payload_len(Some(LARGEST));
        let (socket, _) = builder
            .limits(bounds)
            .connect_on(stream)
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        let mut connection = Self {
            socket,
            last_id: 0,
            version: String::new(),
        };
        loop {
            let message = connection.read().await?;
            match message.get("type").and_then(Json::as_str) {
                Some("auth_required") => {
                    let token = address.token.as_str();
                    let auth = serde_json::json!({ "type": "auth", "access_token": token });
                    connection.send(&auth).await?;
                }
                Some("auth_ok") => {
                    let version = message.get("ha_version").and_then(Json::as_str);
                    connection.version = said(version.unwrap_or_default());
                    return Ok(connection);
                }
                Some("auth_invalid") => return Err(CoreError::NotAllowed),
                _ => return Err(CoreError::NotUnderstood("the token".to_owned())),
            }
        }
    }

    /// The version of Home Assistant, as it says.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Has a command done, and waits for its result.
    ///
    /// # Errors
    ///
    /// If there is none, or it is not the kind of one that is expected.
    pub async fn ask<T: DeserializeOwned>(
        &mut self,
        command: &str,
        details: Map<String, Json>,
    ) -> Result<T, CoreError> {
        let result = in_time(self.exchange(command, details)).await?;
        // The words of the error would repeat what was read.
        serde_json::from_value(result).map_err(|_| CoreError::NotUnderstood(command.to_owned()))
    }

    async fn exchange(
        &mut self,
        command: &str,
        mut details: Map<String, Json>,
    ) -> Result<Json, CoreError> {
        self.last_id += 1;
        details.insert("id".to_owned(), self.last_id.into());
        details.insert("type".to_owned(), command.into());
        self.send(&Json::Object(details)).await?;
        loop {
            let mut message = self.read().await?;
            // Results of earlier commands, which took too long, and events are somebody else's.
            let is_ours = message.get("id").and_then(Json::as_u64) == Some(self.last_id);
            if !is_ours || message.get("type").and_then(Json::as_str) != Some("result") {
                continue;
            }
            if message.get("success").and_then(Json::as_bool) == Some(true) {
                return Ok(message
                    .get_mut("result")
                    .map(Json::take)
                    .unwrap_or_default());
            }
            let text = |name: &str| {
                let text = message.pointer(&format!("/error/{name}"));
                said(text.and_then(Json::as_str).unwrap_or_default())
            };
            return Err(CoreError::Refused {
                command: command.to_owned(),
                code: text("code"),
                words: text("message"),
            });
        }
    }

    async fn send(&mut self, message: &Json) -> Result<(), CoreError> {
        let text = Message::text(message.to_string());
        self.socket.send(text).await.map_err(|error| broken(&error))
    }

    async fn read(&mut self) -> Result<Json, CoreError> {
        loop {
            let message = self.socket.next().await;
            let message = message.ok_or_else(|| CoreError::Broken("it ended".to_owned()))?;
            let message = message.map_err(|error| broken(&error))?;
            if let Some(text) = message.as_text() {
                let read = serde_json::from_str(text);
                return read.map_err(|_| CoreError::Broken("that was no JSON".to_owned()));
            }
            if message.is_close() {
                return Err(CoreError::Broken("it ended".to_owned()));
            }
            // Pings are answered by the socket itself.
        }
    }
}

impl fmt::Debug for CoreConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoreConnection")
            .field("last_id", &self.last_id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, CoreError>>) -> Result<T, CoreError> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or(Err(CoreError::Late))
}

fn broken(error: &SocketError) -> CoreError {
    CoreError::Broken(said(&error.to_string()))
}

async fn reach(address: &CoreAddress) -> Result<CoreStream, CoreError> {
    // The files first: their errors need no network.
    let secure = match &address.tls {
        Some(settings) => Some((
            TlsConnector::from(Arc::new(tls::client_config(settings)?)),
            tls::server_name(&address.host)?,
        )),
        None => None,
    };
    let stream = dial(&address.host, address.port).await;
    let stream = stream.map_err(|error| CoreError::Unreachable(said(&error.to_string())))?;
    let Some((connector, name)) = secure else {
        return Ok(Either::Left(stream));
    };
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|error| {
        let reason = said(&error.to_string());
        // Anything else than what was shown may pass, as when a proxy restarts.
        if error.kind() == ErrorKind::InvalidData {
            CoreError::Tls(reason)
        } else {
            CoreError::Unreachable(reason)
        }
    })?;
    Ok(Either::Right(Box::new(stream)))
}

/// What others say, as it may stand in a line of ours.
fn said(words: &str) -> String {
    words
        .chars()
        .take(WORDS)
        .collect::<String>()
        .escape_debug()
        .collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::ServerConfig;
    use rustls_pki_types::PrivateKeyDer;
    use serde_json::json;
    use tokio::io::{AsyncRead, AsyncWrite};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;
    use tokio_websockets::ServerBuilder;
    use zeroize::Zeroizing;

    use super::*;

    /// One who lets `swordfish` in and answers the commands with these messages; `ID` stands for that of the command.
    async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, answers: Vec<Vec<Json>>) {
        let (_, mut socket) = ServerBuilder::new().accept(stream).await.unwrap();
        let say = |message: &Json| Message::text(message.to_string());
        socket
            .send(say(&json!({ "type": "auth_required" })))
            .await
            .unwrap();
        let auth = socket.next().await.unwrap().unwrap();
        let auth: Json = serde_json::from_str(auth.as_text().unwrap()).unwrap();
        if auth["access_token"] != "swordfish" {
            let _ = socket.send(say(&json!({ "type": "auth_invalid" }))).await;
            return;
        }
        let ok = json!({ "type": "auth_ok", "ha_version": "2026.1" });
        socket.send(say(&ok)).await.unwrap();
        for messages in answers {
            let Some(Ok(asked)) = socket.next().await else {
                return;
            };
            let asked: Json = serde_json::from_str(asked.as_text().unwrap()).unwrap();
            for mut message in messages {
                if message["id"] == "ID" {
                    message["id"] = asked["id"].clone();
                }
                let _ = socket.send(say(&message)).await;
            }
        }
        // Stays open, and says nothing more.
        let _ = socket.next().await;
    }

    fn address(url: &str) -> CoreAddress {
        CoreAddress::new(url, Zeroizing::new("swordfish".to_owned())).unwrap()
    }

    async fn served(answers: Vec<Vec<Json>>) -> CoreAddress {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/core/websocket", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            serve(stream, answers).await;
        });
        address(&url)
    }

    /// Authorities, each with a certificate for this name, as PEM.
    fn authority(name: &str) -> (String, ServerConfig) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        (issuer.pem(), config)
    }

    /// The same as [`served`] behind TLS, for anyone who comes.
    async fn secured(config: ServerConfig) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, vec![vec![result(&json!("secured"))]]).await;
                }
            }
        });
        url
    }

    fn result(result: &Json) -> Json {
        json!({ "id": "ID", "type": "result", "success": true, "result": result })
    }

    #[tokio::test]
    async fn each_command_has_the_result_of_its_own() {
        let late = json!({ "id": 99, "type": "result", "success": true, "result": "of another" });
        let event = json!({ "id": "ID", "type": "event", "event": {} });
        let no = json!({ "id": "ID", "type": "result", "success": false,
            "error": { "code": "not_found", "message": "No\nprefs" } });
        let answers = vec![
            vec![late, event, result(&json!([1, 2]))],
            vec![no],
            vec![result(&json!("x"))],
        ];
        let mut core = CoreConnection::open(&served(answers).await).await.unwrap();
        assert_eq!(core.version(), "2026.1");
        assert_eq!(core.ask::<Vec<u8>>("a", Map::new()).await, Ok(vec![1, 2]));
        let error = core
            .ask::<Json>("energy/get_prefs", Map::new())
            .await
            .unwrap_err();
        assert!(matches!(&error, CoreError::Refused { code, .. } if code == "not_found"));
        assert!(error.to_string().contains("No\\nprefs"), "{error}");
        let error = core.ask::<Vec<u8>>("c", Map::new()).await.unwrap_err();
        assert_eq!(error, CoreError::NotUnderstood("c".to_owned()));
    }

    #[tokio::test]
    async fn who_is_not_let_in_or_not_there_is_told_apart() {
        let address = served(Vec::new()).await;
        let url = address.url();
        let other = CoreAddress::new(&url, Zeroizing::new("x".to_owned())).unwrap();
        let error = CoreConnection::open(&other).await.unwrap_err();
        assert_eq!(error, CoreError::NotAllowed);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        drop(listener);
        let nobody = CoreAddress::new(&url, Zeroizing::new("x".to_owned())).unwrap();
        let error = CoreConnection::open(&nobody).await.unwrap_err();
        assert!(matches!(error, CoreError::Unreachable(_)), "{error}");
    }

    #[tokio::test]
    async fn with_tls_only_who_is_trusted_gets_the_token() {
        let folder = tempfile::tempdir().unwrap();
        let (ca, config) = authority("127.0.0.1");
        let (other_ca, _) = authority("127.0.0.1");
        let (file, other_file) = (
            folder.path().join("ca.pem"),
            folder.path().join("other.pem"),
        );
        std::fs::write(&file, ca).unwrap();
        std::fs::write(&other_file, other_ca).unwrap();
        let url = secured(config).await;
        let open = async |address: CoreAddress| CoreConnection::open(&address).await;

        let mut core = open(address(&url).trusting(Some(&file))).await.unwrap();
        assert_eq!(
            core.ask::<String>("a", Map::new()).await.as_deref(),
            Ok("secured")
        );
        drop(core);
        for untrusted in [address(&url), address(&url).trusting(Some(&other_file))] {
            let error = open(untrusted).await.unwrap_err();
            assert!(matches!(error, CoreError::Tls(_)), "{error}");
            assert!(error.to_string().contains("ca_file"), "{error}");
        }
        let missing = folder.path().join("missing.pem");
        let error = open(address(&url).trusting(Some(&missing))).await;
        assert!(matches!(error, Err(CoreError::Files(_))), "{error:?}");

        // A certificate for another name, and one who speaks no TLS.
        let (ca, config) = authority("homeassistant.local");
        std::fs::write(&file, ca).unwrap();
        let other_name = address(&secured(config).await).trusting(Some(&file));
        let error = open(other_name).await.unwrap_err();
        assert!(matches!(error, CoreError::Tls(_)), "{error}");
        let plain = served(Vec::new()).await.url().replace("ws://", "wss://");
        let error = open(address(&plain).trusting(Some(&file)))
            .await
            .unwrap_err();
        assert!(matches!(error, CoreError::Tls(_)), "{error}");
    }

    #[tokio::test]
    async fn what_is_too_large_is_not_read() {
        let large = result(&json!("x".repeat(LARGEST)));
        let address = served(vec![vec![large]]).await;
        let mut core = CoreConnection::open(&address).await.unwrap();
        let error = core.ask::<Json>("a", Map::new()).await.unwrap_err();
        assert!(matches!(error, CoreError::Broken(_)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let mut core = CoreConnection::open(&served(vec![Vec::new()]).await)
            .await
            .unwrap();
        let error = core.ask::<Json>("a", Map::new()).await.unwrap_err();
        assert_eq!(error, CoreError::Late);
    }
}
