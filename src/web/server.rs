//! The listener: who is let in, how many at once, and for how long.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::access::Peer;
use super::backstage::Backstage;
use super::config::{PORT, WebSettings};
use super::follow::follow;
use super::pace::{ConnectionPace, WatchedConnection};
use super::places::Places;
use super::roof::weak;
use super::routes::router;
use super::site::{Entrance, Inside, Site};

/// Connections at once, and from one address: some browsers, or a proxy of the house. Behind Home Assistant all are from
/// one.
const CONNECTIONS: usize = 64;
const CONNECTIONS_OF_ONE: usize = 40;
/// Those for whom there is no room, while they are told so; there is always some for who asks whether all is well.
const TURNED_AWAY: usize = 32;
const TURNED_AWAY_OF_ONE: usize = 8;
/// What is read of their requests, in bytes.
const REQUEST_LINE: usize = 1024;
/// The longest head of a request, in bytes.
const HEAD: usize = 16 * 1024;
/// What is read ahead of one connection.
const BUFFER: usize = 32 * 1024;
/// How long answers may take at the end.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long to wait where the system lets nobody in.
const PAUSE: Duration = Duration::from_secs(1);

/// Home Assistant's Supervisor, which brings its users along.
const SUPERVISOR: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 30, 32, 2));

/// What is said to those for whom there is no room.
const ALL_IS_WELL: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\nCache-Control: no-store\r\nConnection: close\r\n\r\nok\n";
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 30\r\nConnection: close\r\n\r\n";

/// The page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Somebody else is there.
    #[error(
        "the page cannot be served at {address}: another program is there. End that one, or write another port into the \
         configuration: [web] listen = \"{ip}:8100\"", ip = address.ip()
    )]
    Taken {
        /// Where.
        address: SocketAddr,
    },
    /// The system refuses.
    #[error(
        "the page cannot be served at {address}: {error}. Write an address of this computer into the configuration: \
         [web] listen = \"127.0.0.1:8099\""
    )]
    Refused {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
}

/// What a page is served from.
#[derive(Debug)]
pub struct WebStart {
    /// How it is reached.
    pub entrance: Entrance,
    /// The section of the configuration.
    pub settings: WebSettings,
    /// What runs behind it; it may be replaced while the page goes on.
    pub inside: watch::Receiver<Option<Inside>>,
    /// The program itself.
    pub backstage: Backstage,
    /// Cancelled when it should end.
    pub stop: CancellationToken,
}

/// The page being served, until it is told to stop.
#[derive(Debug)]
pub struct Web {
    site: Arc<Site>,
    address: SocketAddr,
    serving: JoinSet<()>,
}

impl Web {
    /// Serves the page from now on.
    pub async fn start(start: WebStart) -> Result<Self, WebError> {
        let WebStart {
            entrance,
            settings,
            inside,
            backstage,
            stop,
        } = start;
        let address = match entrance {
            Entrance::Ingress => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT),
            Entrance::Direct => settings.address(),
        };
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => WebError::Taken { address },
            _ => WebError::Refused { address, error },
        })?;
        let address = listener.local_addr().unwrap_or(address);
        let site = Arc::new(Site::new(entrance, settings, inside, stop, backstage));
        let mut serving = JoinSet::new();
        serving.spawn(follow(Arc::clone(&site)));
        serving.spawn(weak::watch(Arc::clone(&site)));
        serving.spawn(serve(listener, Arc::clone(&site)));
        Ok(Self {
            site,
            address,
            serving,
        })
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The configuration says something else of it now. It stays where it is.
    pub fn set_settings(&self, settings: WebSettings) {
        self.site.set_settings(settings);
    }

    /// Waits until all have their answers, after it was told to stop.
    pub async fn ended(mut self) {
        while self.serving.join_next().await.is_some() {}
    }
}

async fn serve(listener: TcpListener, site: Arc<Site>) {
    let router = router(&site);
    let of_one = |count: usize, all: usize| match site.entrance {
        Entrance::Ingress => all,
        Entrance::Direct => count,
    };
    let places = Places::new(CONNECTIONS, of_one(CONNECTIONS_OF_ONE, CONNECTIONS));
    let porch = Places::new(TURNED_AWAY, of_one(TURNED_AWAY_OF_ONE, TURNED_AWAY));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = site.stop.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!("the page lets nobody in: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let peer = peer.ip().to_canonical();
        if site.entrance == Entrance::Ingress && peer != SUPERVISOR {
            // Nobody else has anything to look for here.
            continue;
        }
        if let Some(place) = places.take(peer) {
            let pace = ConnectionPace::new(places.crowd());
            let connection = connect(stream, Peer(peer), pace, router.clone(), site.stop.clone());
            connections.spawn(async move {
                connection.await;
                drop(place);
            });
        } else if let Some(place) = porch.take(peer) {
            connections.spawn(async move {
                // Whoever does not listen is not told.
                let _ = tokio::time::timeout(PAUSE, turn_away(stream)).await;
                drop(place);
            });
        }
    }
    let goodbye = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}

/// Says that there is no room; and that all is well, to those who ask nothing else.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    let mut line = Vec::with_capacity(REQUEST_LINE);
    // What is not asked within half of the time gets its answer without having asked.
    let _ = tokio::time::timeout(PAUSE / 2, async {
        while !line.contains(&b'\n') && line.len() < REQUEST_LINE {
            if stream.read_buf(&mut line).await? == 0 {
                break;
            }
        }
        Ok::<(), io::Error>(())
    })
    .await;
    let is_checked = line.starts_with(b"GET /healthz ");
    let answer = if is_checked { ALL_IS_WELL } else { FULL };
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    // What is left unread would take the answer away from them.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(())
}

/// Answers one connection to its end.
async fn connect(
    stream: TcpStream,
    peer: Peer,
    pace: Arc<ConnectionPace>,
    router: Router,
    stop: CancellationToken,
) {
    let service = TowerToHyperService::new(router);
    let answer = service_fn(|request: Request<Incoming>| {
        pace.begin();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        let answer = service.call(request);
        let pace = Arc::clone(&pace);
        async move { answer.await.map(|answer| pace.until_sent(answer)) }
    });
    // Events are small, and wanted at once.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(WatchedConnection::new(stream, Arc::clone(&pace)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_header_size(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(io, answer);
    let mut connection = std::pin::pin!(connection);
    let ended: Result<(), hyper::Error> = tokio::select! {
        ended = connection.as_mut() => ended,
        () = pace.too_late() => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection to the page has ended: {error}");
    }
}
