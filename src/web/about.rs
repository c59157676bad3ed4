//! What the page asks first, and what says that the program lives.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::Visitor;
use super::assets::HASH;
use super::session::WebLock;
use super::site::{Entrance, Site};
use crate::config::Language;

/// What the page can be asked for. Each file that adds something adds its word.
fn features(site: &Site, has_history: bool) -> Vec<&'static str> {
    let there = [
        ("controls", true),
        ("history", has_history),
        ("settings", site.backstage.desk.is_some()),
        ("log", site.backstage.log.is_some()),
        ("energy_dashboard", true),
        ("support", true),
        ("backup", site.backstage.desk.is_some()),
        ("restore", site.backstage.desk.is_some()),
    ];
    let there = there.into_iter().filter(|(_, is_there)| *is_there);
    there.map(|(feature, _)| feature).collect()
}

/// What is there, and who asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct AboutPage {
    /// The version of wattbridge.
    pub version: &'static str,
    /// What this version can be asked for.
    pub features: Vec<&'static str>,
    /// `none`, `guest` or `admin`.
    pub role: &'static str,
    /// Whether there is a password to log in with.
    pub login: bool,
    /// Whether Home Assistant shows it.
    pub ingress: bool,
    /// The language that the configuration names, if it is not the usual one.
    pub lang: Option<&'static str>,
    /// The time zone of the house, where it has a name.
    pub zone: Option<String>,
    /// What stands above the page.
    pub title: Option<String>,
    /// The time of the server, in seconds since 1970.
    pub now: i64,
    /// When what runs was started, in seconds since 1970; `null` where nothing does.
    pub started: Option<i64>,
    /// Changes with the files of the page.
    pub build: &'static str,
    /// Why nothing runs but this page; `null` if all does.
    pub safe_mode: Option<&'static str>,
}

/// What is there, and who asks
#[utoipa::path(get, path = "/api/v1", responses((status = 200, body = AboutPage)))]
pub async fn about(State(site): State<Arc<Site>>, visitor: Visitor) -> Json<AboutPage> {
    let front = site.front();
    let inside = site.inside();
    let language = inside.as_ref().map(|inside| inside.language);
    let clock = inside.as_ref().map(|inside| &inside.clock);
    let has_history = inside.as_ref().is_some_and(|inside| inside.history.is_on());
    Json(AboutPage {
        version: env!("CARGO_PKG_VERSION"),
        features: features(&site, has_history),
        role: visitor.rank.word(),
        login: matches!(front.lock, WebLock::Password(_)) && site.entrance == Entrance::Direct,
        ingress: site.entrance == Entrance::Ingress,
        lang: language
            .filter(|it| *it != Language::default())
            .map(Language::code),
        zone: clock.and_then(|clock| clock.zone().iana_name().map(str::to_owned)),
        title: front.settings.title.clone(),
        now: site.now().as_second(),
        started: inside.as_ref().map(|inside| inside.started.as_second()),
        build: HASH,
        safe_mode: site.safe_mode(),
    })
}

/// Says that the program lives
pub async fn healthz() -> &'static str {
    "ok\n"
}
