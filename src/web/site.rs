//! What all answers of the page are made from.

use std::sync::{Arc, PoisonError, RwLock};

use axum::http::HeaderValue;
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::attempts::Attempts;
use super::backstage::Backstage;
use super::board::Board;
use super::config::WebSettings;
use super::key::WebKey;
use super::logged_out::LoggedOut;
use super::names::NamedHost;
use super::places::Places;
use super::roof_book::RoofBook;
use super::session::{PasswordLock, WebLock};
use crate::bridge::Hub;
use crate::clock::Clock;
use crate::config::{Language, Secret};
use crate::flow::{FlowSettings, PriceSettings};
use crate::history::History;
use crate::store::Memory;
use crate::uploads::NamedTarget;

/// Streams of events that may be open at once, and from one address.
const STREAMS: usize = 16;
const STREAMS_OF_ONE: usize = 10;
/// Large answers that are made at once.
const TURNS: usize = 3;

/// What runs behind the page.
#[derive(Debug, Clone)]
pub struct Inside {
    /// The latest states, news and commands.
    pub hub: Hub,
    /// What was measured and counted.
    pub history: History,
    /// What energy costs and brings.
    pub prices: PriceSettings,
    /// What the page keeps in the store.
    pub memory: Memory,
    /// The time.
    pub clock: Clock,
    /// When the bridge was started.
    pub started: Timestamp,
    /// The key of the page in the store.
    pub key: WebKey,
    /// Which values are the sun, the grid and the battery.
    pub flow: FlowSettings,
    /// The language of the house.
    pub language: Language,
    /// What the topics of states begin with, where they are published.
    pub base_topic: Option<String>,
    /// What the history is sent to.
    pub uploads: Vec<NamedTarget>,
}

/// How the page is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// By Home Assistant, for its administrators.
    Ingress,
    /// By its own address.
    Direct,
}

/// What the section of the configuration comes down to.
#[derive(Debug)]
pub struct Front {
    /// The section.
    pub settings: WebSettings,
    /// What opens the page.
    pub lock: WebLock,
    /// The names of devices.
    pub key: WebKey,
    /// What browsers are allowed to do with the page.
    pub policy: HeaderValue,
}

impl Front {
    fn new(settings: WebSettings, key: WebKey) -> Self {
        let lock = match settings.password.as_ref().map(Secret::reveal) {
            None => WebLock::Open,
            Some(Ok(password)) if !password.is_empty() => {
                WebLock::Password(Box::new(PasswordLock::new(&key, &password)))
            }
            Some(_) => WebLock::Jammed,
        };
        let frames: String = settings.frames.iter().map(|it| format!(" {it}")).collect();
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'self'{frames}; \
             require-trusted-types-for 'script'; trusted-types lit-html"
        );
        // The names were checked when the section was read.
        let nobody = HeaderValue::from_static("default-src 'none'");
        let policy = HeaderValue::from_str(&policy).unwrap_or(nobody);
        Self {
            settings,
            lock,
            key,
            policy,
        }
    }
}

/// All of it.
#[derive(Debug)]
pub struct Site {
    /// How the page is reached.
    pub entrance: Entrance,
    /// The latest values, and who wants to hear of them.
    pub board: Board,
    /// Where the panels lie, and which are weak.
    pub roof: RoofBook,
    /// Passwords that were wrong.
    pub attempts: Attempts,
    /// Sessions that were ended.
    pub logged_out: LoggedOut,
    /// Places for streams of events.
    pub streams: Arc<Places>,
    /// Turns of questions that take much memory.
    pub turns: Arc<Semaphore>,
    /// Cancelled when it ends.
    pub stop: CancellationToken,
    /// The program itself.
    pub backstage: Backstage,
    front: RwLock<Arc<Front>>,
    /// Changes whenever somebody may be another one than before.
    doors: watch::Sender<()>,
    inside: watch::Receiver<Option<Inside>>,
    host_name: Option<String>,
}

impl Site {
    /// One that knows nothing yet.
    pub fn new(
        entrance: Entrance,
        settings: WebSettings,
        inside: watch::Receiver<Option<Inside>>,
        stop: CancellationToken,
        backstage: Backstage,
    ) -> Self {
        let key = inside.borrow().as_ref().map(|inside| inside.key.clone());
        let key = key.unwrap_or_else(WebKey::passing);
        let logged_out = LoggedOut::default();
        if let Some(inside) = inside.borrow().as_ref() {
            logged_out.recall(&inside.memory);
        }
        let streams_of_one = match entrance {
            // All come from the same address.
            Entrance::Ingress => STREAMS,
            Entrance::Direct => STREAMS_OF_ONE,
        };
        Self {
            entrance,
            board: Board::default(),
            roof: RoofBook::default(),
            attempts: Attempts::default(),
            logged_out,
            streams: Places::new(STREAMS, streams_of_one),
            turns: Arc::new(Semaphore::new(TURNS)),
            doors: watch::Sender::new(()),
            stop,
            backstage,
            front: RwLock::new(Arc::new(Front::new(settings, key))),
            inside,
            host_name: match entrance {
                // By whatever name Home Assistant is reached.
                Entrance::Ingress => None,
                Entrance::Direct => host_name(),
            },
        }
    }

    /// What the configuration says of the page.
    pub fn front(&self) -> Arc<Front> {
        let front = self.front.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&front)
    }

    /// The configuration says something else now.
    pub fn set_settings(&self, settings: WebSettings) {
        let key = self.front().key.clone();
        self.set_front(Front::new(settings, key));
    }

    /// The key, and the sessions that have ended, are those of the store.
    pub fn set_key(&self, key: WebKey) {
        if let Some(inside) = self.inside() {
            self.logged_out.recall(&inside.memory);
        }
        let settings = self.front().settings.clone();
        self.set_front(Front::new(settings, key));
    }

    fn set_front(&self, front: Front) {
        let mut place = self.front.write().unwrap_or_else(PoisonError::into_inner);
        *place = Arc::new(front);
        drop(place);
        self.doors.send_replace(());
    }

    /// Ends a session before its time.
    pub fn end_session(&self, nonce: &str, until: i64) {
        let memory = self.inside().map(|inside| inside.memory);
        let now = self.now().as_second();
        self.logged_out.end(nonce, until, now, memory.as_ref());
        self.doors.send_replace(());
    }

    /// Tells when somebody may be another one than before.
    pub fn doors(&self) -> watch::Receiver<()> {
        self.doors.subscribe()
    }

    /// What runs; nothing where the configuration cannot be used.
    pub fn inside(&self) -> Option<Inside> {
        self.inside.borrow().clone()
    }

    /// Why nothing runs, if so.
    pub fn safe_mode(&self) -> Option<&'static str> {
        let why = self.backstage.why.as_ref().map(|why| *why.borrow());
        let usual = "The configuration cannot be used; Settings says what is wrong.";
        self.inside.borrow().is_none().then(|| why.unwrap_or(usual))
    }

    /// The same, to see it change.
    pub fn watch(&self) -> watch::Receiver<Option<Inside>> {
        self.inside.clone()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        let inside = self.inside.borrow();
        inside
            .as_ref()
            .map_or_else(Timestamp::now, |inside| inside.clock.now())
    }

    /// Whether this is a name of this computer, as browsers put it into each request. Without that any page of the
    /// internet could have its own name lead here, and read this one.
    pub fn is_own_name(&self, host: &str) -> bool {
        let Some(host) = NamedHost::read(host) else {
            return false;
        };
        let is_ours = self.host_name.as_deref().is_some_and(|name| host.is(name));
        let front = self.front();
        host.is_near() || is_ours || front.settings.hosts.iter().any(|name| host.is(name))
    }
}

/// What this computer calls itself.
fn host_name() -> Option<String> {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    files.iter().find_map(|file| {
        let name = std::fs::read_to_string(file).ok()?;
        let name = name.trim().to_lowercase();
        (!name.is_empty() && name != "(none)").then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_computer_are_its_own() {
        let settings = WebSettings {
            hosts: vec!["Solar.home".to_owned()],
            ..WebSettings::default()
        };
        let inside = watch::Sender::new(None).subscribe();
        let stop = CancellationToken::new();
        let mut site = Site::new(
            Entrance::Direct,
            settings,
            inside,
            stop,
            Backstage::default(),
        );
        site.host_name = Some("raspberrypi".to_owned());
        for own in [
            "127.0.0.1:8099",
            "192.0.2.1",
            "[::1]:8099",
            "[fe80::1]",
            "localhost",
            "LocalHost:8099",
            "wattbridge.local:8099",
            "raspberrypi",
            "RaspberryPi:8099",
            "solar.home",
            "solar.home.:80",
        ] {
            assert!(site.is_own_name(own), "{own}");
        }
        for other in [
            "",
            "evil.example",
            "evil.example:8099",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "local",
            "raspberrypi.evil.example",
            "solar.home.evil.example",
            "127.0.0.1:8099:x",
        ] {
            assert!(!site.is_own_name(other), "{other}");
        }
    }
}
