//! Whether the program runs as an app, and where everything is then.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::broker::AppBroker;
use super::options;
use super::place::{self, HousePlace};
use super::supervisor::{Supervisor, SupervisorError};
use crate::config::{File, Problems};
use crate::home_assistant::CoreAddress;
use crate::http::HttpServer;
use crate::outputs::mqtt::BrokerLookup;

/// Home Assistant takes minutes to start on a small computer.
const ASK_EVERY: Duration = Duration::from_secs(30);

/// The program as an app of Home Assistant.
#[derive(Clone)]
pub struct HomeAssistantApp {
    /// What only the app and its container see: its options, and what it keeps.
    data: PathBuf,
    supervisor: Arc<Supervisor>,
}

impl HomeAssistantApp {
    /// It is one if the Supervisor has given it a token. `root` is `/` but for tests.
    pub fn detect(root: &Path, server: &HttpServer, token: Option<String>) -> Option<Self> {
        Some(Self {
            data: root.join("data"),
            supervisor: Arc::new(Supervisor::new(server.clone(), Zeroizing::new(token?))),
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

    /// Where Home Assistant's Core answers.
    pub fn core(&self) -> Option<CoreAddress> {
        self.supervisor.core()
    }

    /// Asks Home Assistant where the house is, and keeps the answer for [`Self::place`].
    ///
    /// # Errors
    ///
    /// If it does not say.
    pub async fn ask_for_place(&self) -> Result<(), SupervisorError> {
        let found = self.supervisor.place().await?;
        if let Err(error) = place::keep(&self.data, &found) {
            tracing::debug!("Where the house is cannot be kept: {error}.");
        }
        Ok(())
    }

    /// Goes on asking until there is an answer: when the computer starts, the app is there before Home Assistant.
    /// What is new counts from the next start on.
    pub async fn go_on_asking_for_place(self) {
        let before = self.place();
        let mut is_told = before.is_some();
        while let Err(error) = self.ask_for_place().await {
            if !is_told {
                is_told = true;
                tracing::info!("Where the house is, is not known yet: {error}.");
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        if self.place() != before {
            tracing::info!(
                "Home Assistant has said where the house is; restart the app if it has inverters that sleep at night."
            );
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
