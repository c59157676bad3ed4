//! The MQTT broker that the Supervisor knows of: the Mosquitto app, mostly.

use std::fmt;
use std::sync::Arc;

use super::supervisor::{Supervisor, SupervisorError};
use crate::outputs::Waiting;
use crate::outputs::mqtt::{BrokerLookup, FoundBroker, LookupError};

/// Asks the Supervisor each time: the broker may come up after us, and its passwords may change.
pub struct AppBroker {
    supervisor: Arc<Supervisor>,
}

impl AppBroker {
    pub const fn new(supervisor: Arc<Supervisor>) -> Self {
        Self { supervisor }
    }
}

impl BrokerLookup for AppBroker {
    fn name(&self) -> String {
        "the MQTT broker of Home Assistant".to_owned()
    }

    fn remedy(&self) -> String {
        "wattbridge asks Home Assistant for new ones and tries again by itself; if that goes on, restart the Mosquitto \
         broker app, or write host, user name and password of your broker into the options of the wattbridge app"
            .to_owned()
    }

    fn look_up(&self) -> Waiting<Result<FoundBroker, LookupError>> {
        let supervisor = Arc::clone(&self.supervisor);
        Box::pin(async move {
            let wrong = |error: SupervisorError| LookupError(error.to_string());
            let service = supervisor.mqtt().await.map_err(wrong)?;
            let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
            Ok(FoundBroker {
                host: service.host,
                port: service.port,
                tls: service.ssl,
                username: filled(service.username),
                password: service.password.and_then(|it| it.reveal().ok()),
            })
        })
    }
}

impl fmt::Debug for AppBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppBroker")
    }
}
