//! Whether the program runs as an app, and where everything is then.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::broker::AppBroker;
use super::options;
use super::place::{self, HousePlace};
use super::supervisor::Supervisor;
use crate::config::{File, Problems};
use crate::http::HttpServer;
use crate::outputs::mqtt::BrokerLookup;

/// The program as an app of Home Assistant.
#[derive(Clone)]
pub struct HomeAssistantApp {
    /// What only the app and its container see: its options, and what it keeps.
    data: PathBuf,
    supervisor: Arc<Supervisor>,
}

impl HomeAssistantApp {
    /// It is one if the Supervisor has given a token and options. `root` is `/` but for tests.
    pub fn detect(root: &Path, server: &HttpServer, token: Option<String>) -> Option<Self> {
        let data = root.join("data");
        let token = token.filter(|token| !token.is_empty())?;
        data.join(options::FILE).is_file().then(|| Self {
            data,
            supervisor: Arc::new(Supervisor::new(server.clone(), Zeroizing::new(token))),
        })
    }

    /// Lays the user's options over the configuration file.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub fn lay_options_over(&self, file: &mut File) -> Result<(), Problems> {
        options::lay_over(&self.data.join(options::FILE), file)
    }

    /// Where the broker is, if the user does not say.
    pub fn broker(&self) -> Arc<dyn BrokerLookup> {
        Arc::new(AppBroker::new(Arc::clone(&self.supervisor)))
    }

    /// Asks Home Assistant where the house is, for [`Self::place`], and keeps the answer: when the computer
    /// starts, the app is there before Home Assistant.
    pub async fn ask_for_place(&self) {
        match self.supervisor.place().await {
            Ok(found) => {
                if let Err(error) = place::keep(&self.data, &found) {
                    tracing::debug!("Where the house is cannot be kept: {error}.");
                }
            }
            Err(error) if self.place().is_none() => {
                tracing::info!("Where the house is, is not known: {error}.");
            }
            Err(error) => {
                tracing::debug!("Where the house is, is as it was: {error}.");
            }
        }
    }

    /// Where the house is, as Home Assistant has said last.
    pub fn place(&self) -> Option<HousePlace> {
        place::kept(&self.data)
    }
}

impl fmt::Debug for HomeAssistantApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HomeAssistantApp")
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}
