//! Who is it, and may they?
//!
//! | who asks | without a password in `[web]` | with one |
//! |---|---|---|
//! | Home Assistant, where this is an app | admin | admin |
//! | this computer | admin | guest or stranger, until the password is shown |
//! | the network, and this computer on behalf of others (a reverse proxy) | guest or stranger | the same |
//!
//! Guests are there where `guest = true`.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::discretion::Rank;
use super::reply::WebRefusal;
use super::session::{COOKIE, PasswordLock, WebLock, WebSession};
use super::site::{Entrance, Site};

/// What only our own page says: a form of another one cannot.
const OWN_HEADER: &str = "x-wattbridge";

/// The name of a user of Home Assistant.
const OF_HOME_ASSISTANT: &str = "x-remote-user-name";
const LONGEST_NAME: usize = 60;
/// Cookies of ours that are looked at: a browser may have some by other paths.
const MOST_COOKIES: usize = 16;

/// What proxies and tunnels say of whom they ask for: beginnings of headers. Whoever asks through one is no longer at
/// this computer.
const OF_PROXIES: &[&str] = &[
    "forwarded",
    "via",
    "x-forwarded",
    "x-original-",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-proxyuser-",
    "x-envoy-",
    "x-scheme",
    "x-remote-",
    "x-authenticated-",
    "x-auth-request-",
    "x-webauth-",
    "x-azure-",
    "x-appengine-",
    "x-amzn-",
    "remote-",
    "true-client-ip",
    "client-ip",
    "fly-",
    "fastly-",
    "cf-",
    "cdn-loop",
    "akamai-",
    "tailscale-",
    "ngrok-",
];

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// What they may.
    pub rank: Rank,
    /// Where they are.
    pub address: IpAddr,
    /// What Home Assistant calls them. For the log, and believed for nothing.
    pub name: Option<String>,
    /// By what they are known.
    pub shown: VisitorPass,
}

/// By what somebody is known, to look again later.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct VisitorPass {
    /// Whether they are at this computer.
    is_near: bool,
    /// Cookies that may be one of ours.
    cookies: Vec<String>,
}

impl fmt::Debug for VisitorPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "near: {}, cookies: {}", self.is_near, self.cookies.len())
    }
}

impl fmt::Display for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name:?}"),
            None => write!(f, "somebody at {}", self.address),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = WebRefusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebRefusal> {
        let nobody = || WebRefusal::new(StatusCode::UNAUTHORIZED, "nobody knows who asks", "");
        parts.extensions.get().cloned().ok_or_else(nobody)
    }
}

/// Who a request is from, or why it is not looked at.
pub fn admit(site: &Site, request: &Request) -> Result<Visitor, WebRefusal> {
    let headers = request.headers();
    let Some(Peer(address)) = request.extensions().get().copied() else {
        return Err(WebRefusal::new(
            StatusCode::UNAUTHORIZED,
            "nobody knows who asks",
            "",
        ));
    };
    if site.entrance == Entrance::Direct {
        check_host(site, request)?;
    }
    let is_change = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if is_change {
        check_origin(site, headers)?;
    } else if request.uri().path().starts_with("/api/") {
        check_reader(headers)?;
    }
    // No browser speaks HTTP/1.0, and some proxies do, without saying that they are one.
    let is_new = request.version() > Version::HTTP_10;
    let shown = VisitorPass {
        is_near: address.is_loopback() && is_new && !is_by_proxy(headers),
        cookies: cookies(headers)
            .take(MOST_COOKIES)
            .map(str::to_owned)
            .collect(),
    };
    let name = headers.get(OF_HOME_ASSISTANT);
    let name = name.filter(|_| site.entrance == Entrance::Ingress);
    let name = name.and_then(|name| name.to_str().ok());
    Ok(Visitor {
        rank: rank(site, &shown),
        address,
        shown,
        name: name.map(|name| name.chars().take(LONGEST_NAME).collect()),
    })
}

/// What somebody may who is known by that, as things are now.
pub fn rank(site: &Site, shown: &VisitorPass) -> Rank {
    if site.entrance == Entrance::Ingress {
        return Rank::Admin;
    }
    let front = site.front();
    let is_known = match &front.lock {
        WebLock::Open => shown.is_near,
        WebLock::Password(lock) => sessions(site, lock, shown).next().is_some(),
        WebLock::Jammed => false,
    };
    if is_known {
        Rank::Admin
    } else if front.settings.guest {
        Rank::Guest
    } else {
        Rank::Stranger
    }
}

/// The sessions that somebody has.
pub fn sessions<'s>(
    site: &'s Site,
    lock: &'s PasswordLock,
    shown: &'s VisitorPass,
) -> impl Iterator<Item = WebSession<'s>> {
    let now = site.now();
    let read = shown.cookies.iter();
    let read = read.filter_map(move |cookie| lock.read(cookie, now));
    read.filter(|session| !site.logged_out.has(session.nonce))
}

fn is_by_proxy(headers: &HeaderMap) -> bool {
    let mut names = headers.keys();
    names.any(|name| OF_PROXIES.iter().any(|it| name.as_str().starts_with(it)))
}

/// The values of our cookie, of which a browser may have several by different paths.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let texts = headers.get_all(header::COOKIE).iter();
    let texts = texts.filter_map(|text| text.to_str().ok());
    texts.flat_map(|text| text.split(';')).filter_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

/// The name by which the page was asked for has to be one of this computer.
fn check_host(site: &Site, request: &Request) -> Result<(), WebRefusal> {
    let mut said = request.headers().get_all(header::HOST).iter();
    let said = said.next().xor(said.next());
    let said = said.map(|host| host.to_str().unwrap_or_default());
    let in_line = request
        .uri()
        .authority()
        .map(axum::http::uri::Authority::as_str);
    let is_ours = said.is_some_and(|host| site.is_own_name(host));
    if is_ours && in_line.is_none_or(|host| site.is_own_name(host)) {
        return Ok(());
    }
    Err(WebRefusal::new(
        StatusCode::MISDIRECTED_REQUEST,
        "this is not a name of this computer",
        "use its address, or write the name into the configuration: [web] hosts = [\"solar.home\"]",
    ))
}

/// Other pages read nothing anyway; so they need not take the places of those who do.
fn check_reader(headers: &HeaderMap) -> Result<(), WebRefusal> {
    let said = headers.get("sec-fetch-site");
    let said = said.map(|it| it.to_str().unwrap_or_default());
    match said {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(WebRefusal::new(
            StatusCode::FORBIDDEN,
            "this is for the page itself",
            "open the page",
        )),
    }
}

/// What changes something has to come from our own page.
fn check_origin(site: &Site, headers: &HeaderMap) -> Result<(), WebRefusal> {
    let text = |name: &str| headers.get(name).map(|it| it.to_str().unwrap_or_default());
    let is_marked = text(OWN_HEADER) == Some("1");
    let is_same = match (text("sec-fetch-site"), text("origin")) {
        (Some(fetch), _) => fetch == "same-origin",
        // Home Assistant lets nobody else in who could set our header.
        (None, _) if site.entrance == Entrance::Ingress => true,
        (None, Some(origin)) => {
            let host = text("host").unwrap_or_default();
            let of_http = origin.strip_prefix("http://");
            of_http.or_else(|| origin.strip_prefix("https://")) == Some(host)
        }
        (None, None) => false,
    };
    if is_marked && is_same {
        return Ok(());
    }
    Err(WebRefusal::new(
        StatusCode::FORBIDDEN,
        "changes are only taken from the page itself",
        "load the page again; a script sends X-Wattbridge: 1, and the address of the page as Origin",
    ))
}

/// Lets in who may come, and notes who it is.
pub async fn at_the_door(
    State(site): State<Arc<Site>>,
    mut request: Request,
    next: Next,
) -> Response {
    match admit(&site, &request) {
        Ok(visitor) => {
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Whether somebody of this rank may go where another is wanted.
pub fn check_rank(has: Rank, needs: Rank, lock: &WebLock) -> Result<(), WebRefusal> {
    if has >= needs {
        return Ok(());
    }
    let hint = match lock {
        WebLock::Password(_) => "log in with the password of the page",
        WebLock::Jammed => "the password of the page cannot be read; see the log of wattbridge",
        WebLock::Open => {
            "open the page on this computer itself, or set a password: [web] password = \"...\""
        }
    };
    Err(WebRefusal::new(
        StatusCode::UNAUTHORIZED,
        if needs == Rank::Admin {
            "only who knows the password may do that"
        } else {
            "only who knows the password may look"
        },
        hint,
    ))
}
