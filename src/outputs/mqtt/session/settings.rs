//! What the session has to know; plain data, built from the configuration.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::super::{Lookup, LookupError};
use super::Message;
#[cfg(doc)]
use super::Session;
use crate::tls::Tls;

/// Where the broker is and who we are to it.
#[derive(Clone)]
pub struct Settings {
    /// Host name or IP address.
    pub host: String,
    /// TCP port, usually 1883, with TLS 8883.
    pub port: u16,
    /// Must be unique at the broker: a second client with the same id ends the first.
    pub client_id: String,
    /// User name, if the broker wants one.
    pub username: Option<String>,
    /// Password; never printed.
    pub password: Option<String>,
    /// A ping is sent when nothing else was for this long. Whole seconds, at least one.
    pub keep_alive: Duration,
    /// TLS, or plain TCP if `None`.
    pub tls: Option<Tls>,
    /// Who is asked before each attempt where the broker is and how to get in. A user name that is given
    /// above comes first.
    pub lookup: Lookup,
    /// What to do about a user that was found so and is refused.
    pub remedy: Option<String>,
    /// What the broker publishes for us when the connection ends without [`Session::close`].
    pub will: Option<Message>,
    /// How much of what is received is kept.
    pub clip: Clip,
}

/// How many bytes of a payload are of interest, by its topic: the rest is not even kept while it
/// waits. The default takes everything.
#[derive(Clone, Default)]
pub struct Clip(Option<Arc<Most>>);

/// The bytes that are of interest, by the topic.
type Most = dyn Fn(&str) -> usize + Send + Sync;

impl Clip {
    /// From what says it of a topic.
    pub fn new(most: impl Fn(&str) -> usize + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(most)))
    }

    pub(crate) fn length(&self, topic: &str, length: usize) -> usize {
        let most = self.0.as_ref().map(|most| most(topic));
        most.map_or(length, |most| length.min(most))
    }
}

impl Settings {
    /// `host:port`, as shown in errors.
    pub fn broker(&self) -> String {
        match &self.lookup {
            Some(lookup) => lookup.name(),
            None => format!("{}:{}", self.host, self.port),
        }
    }

    /// The same once it is known where the broker is.
    pub async fn located(&self) -> Result<Self, LookupError> {
        let Some(lookup) = &self.lookup else {
            return Ok(self.clone());
        };
        let found = lookup.look_up().await?;
        let mut located = Self {
            host: found.host,
            port: found.port,
            lookup: None,
            ..self.clone()
        };
        // What the user has switched on stays so, or the password would go out in clear.
        if found.tls && located.tls.is_none() {
            located.tls = Some(Tls::default());
        }
        if located.username.is_none() {
            located.username = found.username;
            located.password = found.password.map(|words| words.as_str().to_owned());
            located.remedy = Some(lookup.remedy());
        }
        Ok(located)
    }

    /// The name the broker's certificate must be valid for.
    pub fn server_name(&self) -> &str {
        self.tls
            .as_ref()
            .and_then(|tls| tls.server_name.as_deref())
            .unwrap_or_else(|| self.host.trim_matches(['[', ']']))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("keep_alive", &self.keep_alive)
            .field("tls", &self.tls)
            .field("lookup", &self.lookup)
            .field("will", &self.will)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{BrokerLookup, FoundBroker};
    use super::*;
    use crate::outputs::Waiting;

    #[derive(Debug)]
    struct Known(FoundBroker);

    impl BrokerLookup for Known {
        fn name(&self) -> String {
            "the known one".to_owned()
        }

        fn remedy(&self) -> String {
            "ask again".to_owned()
        }

        fn look_up(&self) -> Waiting<Result<FoundBroker, LookupError>> {
            let found = self.0.clone();
            Box::pin(async move { Ok(found) })
        }
    }

    #[tokio::test]
    async fn what_is_found_fills_in_and_takes_nothing_back() {
        let settings = |tls: Option<Tls>, user: Option<&str>, found: bool| Settings {
            host: "127.0.0.1".into(),
            port: 1,
            client_id: "id".into(),
            username: user.map(str::to_owned),
            password: user.map(str::to_owned),
            keep_alive: Duration::from_secs(30),
            tls,
            lookup: Some(Arc::new(Known(FoundBroker {
                host: "broker".to_owned(),
                port: 1884,
                tls: found,
                username: Some("addons".to_owned()),
                password: Some("swordfish".to_owned().into()),
            }))),
            remedy: None,
            will: None,
            clip: Clip::default(),
        };
        let own = Tls {
            ca_file: Some("/config/ca.crt".into()),
            ..Tls::default()
        };
        assert_eq!(settings(None, None, false).broker(), "the known one");
        let located = settings(None, None, false).located().await.unwrap();
        assert_eq!(located.broker(), "broker:1884");
        assert_eq!(located.username.as_deref(), Some("addons"));
        assert_eq!(
            (located.tls, located.remedy.as_deref()),
            (None, Some("ask again"))
        );
        let located = settings(None, None, true).located().await.unwrap();
        assert_eq!(located.tls, Some(Tls::default()));
        for found in [true, false] {
            let located = settings(Some(own.clone()), Some("me"), found)
                .located()
                .await
                .unwrap();
            assert_eq!(located.tls.as_ref(), Some(&own), "switched on by the user");
            assert_eq!(located.password.as_deref(), Some("me"));
            assert_eq!(located.remedy, None);
        }
    }

    #[test]
    fn debug_never_shows_the_password() {
        let settings = Settings {
            host: "broker".into(),
            port: 1883,
            client_id: "id".into(),
            username: Some("user".into()),
            password: Some("hunter2".into()),
            keep_alive: Duration::from_secs(30),
            tls: None,
            lookup: None,
            remedy: None,
            will: None,
            clip: Clip::default(),
        };
        let text = format!("{settings:?}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("***"), "{text}");
    }
}
