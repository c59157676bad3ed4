//! What can be asked of the surroundings.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use tokio::sync::mpsc::unbounded_channel;
use utoipa::ToSchema;

use super::surroundings::{Around, FoundAddress, Nearby, WantedSearch};
use crate::web::access::Visitor;
use crate::web::reply::{RefusalWords, Sent, WebRefusal};
use crate::web::site::Site;

/// A network of 254 addresses takes some seconds; one of 4096 is cut short.
const LONGEST: Duration = Duration::from_secs(40);

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
    use std::collections::BTreeMap;

    use tokio::sync::mpsc::UnboundedSender;
    use tokio::sync::watch;
    use tokio_util::sync::CancellationToken;

    use super::super::surroundings::{Around, Search, SearchError, Surroundings};
    use super::*;
    use crate::web::access::VisitorPass;
    use crate::web::backstage::Backstage;
    use crate::web::config::WebSettings;
    use crate::web::discretion::Rank;
    use crate::web::site::Entrance;

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
                shown: VisitorPass::default(),
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
