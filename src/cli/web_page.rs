//! The page of a bridge that runs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::web::{Entrance, Inside, Web, WebError, WebSettings, WebStart};

/// Serves the page as its section says, from now on. What is against it is said, and stops nothing else.
pub async fn serve(
    settings: Option<WebSettings>,
    entrance: Entrance,
    inside: watch::Receiver<Option<Inside>>,
    stop: &CancellationToken,
) -> Option<Web> {
    // Why it is none was said with all that is wrong in the file.
    let settings = settings.filter(|settings| settings.enabled)?;
    let start = WebStart {
        entrance,
        settings,
        inside,
        stop: stop.clone(),
    };
    match Web::start(start).await {
        Ok(web) => {
            match entrance {
                Entrance::Ingress => {
                    tracing::info!("The page is in the sidebar of Home Assistant.");
                }
                Entrance::Direct => {
                    tracing::info!("The page is at {}.", address_of(web.address()));
                }
            }
            Some(web)
        }
        Err(error) => {
            tracing::warn!("{error}");
            None
        }
    }
}

/// The same for a demonstration, which takes any port before it has no page.
pub async fn serve_anywhere(
    inside: watch::Receiver<Option<Inside>>,
    stop: &CancellationToken,
) -> Result<Web, WebError> {
    let mut settings = WebSettings {
        metrics: true,
        ..WebSettings::default()
    };
    let start = |settings: &WebSettings| WebStart {
        entrance: Entrance::Direct,
        settings: settings.clone(),
        inside: inside.clone(),
        stop: stop.clone(),
    };
    match Web::start(start(&settings)).await {
        Err(WebError::Taken { address }) => {
            settings.listen = SocketAddr::new(address.ip(), 0).to_string();
            Web::start(start(&settings)).await
        }
        started => started,
    }
}

/// What is written into a browser.
pub fn address_of(listens: SocketAddr) -> String {
    // All addresses are no address.
    let ip = match listens.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    format!("http://{}/", SocketAddr::new(ip, listens.port()))
}
