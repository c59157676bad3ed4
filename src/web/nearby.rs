//! What can be found around this computer, for who adds a device.
//!
//! Ports and networks are listed at once. Looking through a network asks all of its addresses, so one does at a time,
//! and not for long.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use utoipa::ToSchema;

use super::access::Visitor;
use super::reply::{RefusalWords, Sent, WebRefusal};
use super::site::Site;

/// A network of 254 addresses takes some seconds; one of 4096 is cut short.
const LONGEST: Duration = Duration::from_secs(40);

/// What the rest of the program knows of the surroundings.
pub trait Surroundings: Send + Sync + fmt::Debug {
    /// What is there without asking anybody. It reads files.
    fn around(&self) -> Around;

    /// Looks through a network for devices of a kind, and tells of each as soon as it is there. It ends when it is
    /// dropped.
    ///
    /// # Errors
    ///
    /// Why that cannot be looked for.
    fn search(
        &self,
        wanted: &WantedSearch,
        tell: UnboundedSender<FoundAddress>,
    ) -> Result<Search, SearchError>;
}

/// Somebody who looks through a network.
pub type Search = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The surroundings, and whose turn it is to look through them.
#[derive(Debug, Clone)]
pub struct Nearby {
    surroundings: Arc<dyn Surroundings>,
    turn: Arc<Semaphore>,
}

impl Nearby {
    /// Those that the rest of the program knows of.
    pub fn new(surroundings: Arc<dyn Surroundings>) -> Self {
        Self {
            surroundings,
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

/// What there is to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Around {
    /// Every kind of device.
    pub kinds: Vec<ToldKind>,
    /// Serial ports.
    pub ports: Vec<ToldPort>,
    /// Networks of homes that this computer is in.
    pub networks: Vec<String>,
    /// Its network interfaces.
    pub interfaces: Vec<String>,
}

/// A kind of device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToldKind {
    /// The name of its section.
    pub name: &'static str,
    /// What it connects.
    pub title: &'static str,
    /// Keys without which its section cannot be used.
    pub needed: Vec<String>,
    /// Keys that most people write.
    pub usual: Vec<String>,
    /// Keys that only the file itself may change.
    pub held: Vec<&'static str>,
    /// Whether it can be looked for in the network.
    pub search: bool,
}

/// A serial port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ToldPort {
    /// What to write into the file: a name that stays, where there is one.
    pub name: String,
    /// What is plugged in, as it says itself.
    pub about: Option<String>,
    /// The kind of device that it is for, where it says so.
    pub kind: Option<&'static str>,
}

/// What to look for, and where.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub struct WantedSearch {
    /// The name of the section of such devices.
    pub kind: String,
    /// A network such as `192.168.1.0/24`, or one address.
    pub network: String,
}

/// Something at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FoundAddress {
    /// Where it is.
    pub address: String,
    /// What it says of itself, or what is odd about it.
    pub about: String,
    /// The keys of its section; none if it is something else.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<&'static str, String>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finds {
    /// Devices of the kind.
    found: Vec<FoundAddress>,
    /// What listens there and is something else.
    others: Vec<FoundAddress>,
    /// Whether there was time for all addresses.
    complete: bool,
}

/// Why nothing is looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// There is no way to find such devices.
    #[error("such devices cannot be found in a network")]
    NotFindable,
    /// That is no network.
    #[error("{0}")]
    NoNetwork(String),
    /// It is somebody else's.
    #[error("{0} is not a private network")]
    NotPrivate(String),
}

impl SearchError {
    const fn hint(&self) -> &'static str {
        match self {
            Self::NotFindable => "write its address yourself",
            Self::NoNetwork(_) => "",
            Self::NotPrivate(_) => "give the network of your home, such as 192.168.1.0/24",
        }
    }
}

/// What a device could be connected to
#[utoipa::path(get, path = "/api/v1/nearby", responses(
    (status = 200, body = Around), (status = 401, body = RefusalWords), (status = 404, body = RefusalWords),
))]
pub async fn nearby(State(site): State<Arc<Site>>) -> Result<Json<Around>, WebRefusal> {
    let surroundings = Arc::clone(&of(&site)?.surroundings);
    let around = tokio::task::spawn_blocking(move || surroundings.around()).await;
    around.map(Json).map_err(|error| {
        tracing::error!("What is nearby cannot be listed: {error}.");
        let words = "this went wrong; please report it with the log";
        WebRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, words, "")
    })
}

/// Looks for devices in a network
///
/// Each of its addresses is asked. It takes some seconds, 40 at most, and one search runs at a time.
#[utoipa::path(post, path = "/api/v1/nearby/search", request_body = WantedSearch, responses(
    (status = 200, body = Finds),
    (status = 400, body = RefusalWords),
    (status = 401, body = RefusalWords),
    (status = 404, body = RefusalWords),
    (status = 409, body = RefusalWords, description = "somebody else is looking"),
))]
pub async fn search(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Sent(wanted): Sent<WantedSearch>,
) -> Result<Json<Finds>, WebRefusal> {
    let nearby = of(&site)?;
    let Ok(_turn) = nearby.turn.try_acquire() else {
        let error = "somebody else is looking through a network now";
        return Err(WebRefusal::new(StatusCode::CONFLICT, error, "try again in a minute").after(5));
    };
    let (tell, mut told) = unbounded_channel();
    let search = nearby.surroundings.search(&wanted, tell);
    let search = search.map_err(|error| {
        let hint = error.hint();
        WebRefusal::bad(error.to_string(), hint)
    })?;
    tracing::info!(
        "Looking for devices in {:?}, as {visitor} wants.",
        wanted.network
    );
    // Who goes away takes the search along.
    let complete = tokio::time::timeout(LONGEST, search).await.is_ok();
    let mut finds = Finds {
        found: Vec::new(),
        others: Vec::new(),
        complete,
    };
    while let Ok(it) = told.try_recv() {
        match it.keys.is_empty() {
            true => finds.others.push(it),
            false => finds.found.push(it),
        }
    }
    Ok(Json(finds))
}

fn of(site: &Site) -> Result<&Nearby, WebRefusal> {
    let none = || WebRefusal::not_found("nothing can be looked for here");
    site.backstage.nearby.as_ref().ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;

    use super::super::backstage::Backstage;
    use super::super::config::WebSettings;
    use super::super::discretion::Rank;
    use super::super::site::Entrance;
    use super::*;

    /// One device is found at once, and the rest of the network never ends.
    #[derive(Debug)]
    struct Endless;

    impl Surroundings for Endless {
        fn around(&self) -> Around {
            Around {
                kinds: Vec::new(),
                ports: Vec::new(),
                networks: Vec::new(),
                interfaces: Vec::new(),
            }
        }

        fn search(
            &self,
            wanted: &WantedSearch,
            tell: UnboundedSender<FoundAddress>,
        ) -> Result<Search, SearchError> {
            if wanted.kind != "oven" {
                return Err(SearchError::NotFindable);
            }
            let at = |address: &str, keys| FoundAddress {
                address: address.to_owned(),
                about: "hot".to_owned(),
                keys,
            };
            let is_one = BTreeMap::from([("host", "192.0.2.1".to_owned())]);
            let _ = tell.send(at("192.0.2.1", is_one));
            let _ = tell.send(at("192.0.2.2", BTreeMap::new()));
            Ok(Box::pin(async move {
                std::future::pending::<()>().await;
                drop(tell);
            }))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_search_ends_in_time_with_what_it_has_and_there_is_one_at_a_time() {
        let backstage = Backstage {
            nearby: Some(Nearby::new(Arc::new(Endless))),
            ..Backstage::default()
        };
        let inside = watch::Sender::new(None).subscribe();
        let stop = CancellationToken::new();
        let settings = WebSettings::default();
        let site = Arc::new(Site::new(
            Entrance::Direct,
            settings,
            inside,
            stop,
            backstage,
        ));
        let look = |kind: &str| {
            let visitor = Visitor {
                rank: Rank::Admin,
                address: [127, 0, 0, 1].into(),
                name: None,
            };
            let wanted = WantedSearch {
                kind: kind.to_owned(),
                network: "192.0.2.0/24".to_owned(),
            };
            search(State(Arc::clone(&site)), visitor, Sent(wanted))
        };
        let (first, second) = tokio::join!(look("oven"), look("oven"));
        let Json(finds) = first.unwrap();
        assert!(!finds.complete);
        assert_eq!((finds.found.len(), finds.others.len()), (1, 1));
        let told = format!("{:?}", second.unwrap_err());
        assert!(told.contains("somebody else"), "{told}");
        // Its turn is over, also for one that went away.
        let gone = tokio::time::timeout(Duration::from_secs(1), look("oven"));
        assert!(gone.await.is_err());
        let told = format!("{:?}", look("ship").await.unwrap_err());
        assert!(told.contains("cannot be found"), "{told}");
    }
}
