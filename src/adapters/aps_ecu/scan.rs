//! Finding ECUs in the network.

use std::time::Duration;

use super::exchange::{AskError, Patience, ask};
use super::wire::{Answer, Gateway, Request};
use crate::device::{BoxFuture, Finding, Scanner};
use crate::links::{Endpoint, Links};

/// Asks addresses whether they are an ECU.
#[derive(Debug)]
pub struct EcuScanner;

/// In a home network whoever is there answers at once.
const PATIENCE: Patience = Patience {
    connect: Duration::from_millis(1500),
    answer: Duration::from_secs(4),
};

impl Scanner for EcuScanner {
    fn name(&self) -> &'static str {
        "ecu"
    }

    fn port(&self) -> u16 {
        8899
    }

    fn look(&self, endpoint: Endpoint) -> BoxFuture<Finding> {
        Box::pin(async move {
            match ask(&Links::new(), &endpoint, &Request::EcuInfo, PATIENCE).await {
                Ok(Answer::EcuInfo(info)) => {
                    let product = Gateway::of(&info.ecu).map_or("ECU", |gateway| gateway.name);
                    Finding::Found(format!(
                        "{product} {}, firmware {}, {} inverters",
                        info.ecu, info.firmware, info.registered
                    ))
                }
                Err(AskError::Link(_)) => Finding::Nothing,
                Ok(_) => Finding::SomethingElse("answers another question than asked".to_owned()),
                Err(error) => Finding::SomethingElse(error.to_string()),
            }
        })
    }
}
