//! The topics of the program kaifareader, for what its users have built upon them.
//!
//! One message for each total and telegram, and once more for a total that follows, QoS 0, not retained, kilowatt-hours as plain text:
//!
//! ```text
//! <base_topic>/RealEnergyIn_S     12345.678
//! <base_topic>/RealEnergyOut_S    987.654
//! ```

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::meter::{Meter, Totals};
use super::mqtt::Troubles;
use super::mqtt::session::{Event, Events, Message, Qos, Session, SessionError};
use super::{Context, Outlet, Output, OutputError, Running};
use crate::bridge::{Feed, News};
use crate::config::{Complaint, File, Problems, SectionDoc, Settings};
use crate::model::Update;

/// How long the end of the session may take.
const GRACE: Duration = Duration::from_secs(3);

/// The totals of a smart meter on the topics of the program kaifareader. The broker is that of
/// `[mqtt]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KaifareaderSettings {
    /// Whether they are published.
    pub enabled: bool,
    /// What the topics begin with: `export_mqtt_basetopic` of kaifareader.
    pub base_topic: String,
    /// Device id or serial number of the meter, if there are several. Left out: the first by its id.
    pub device: Option<String>,
}

impl Default for KaifareaderSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            base_topic: "kaifareader".to_owned(),
            device: None,
        }
    }
}

impl Settings for KaifareaderSettings {
    fn check(&self) -> Vec<Complaint> {
        // Anything that kaifareader could publish to, slashes at the ends included.
        let topic = &self.base_topic;
        let what = if topic.is_empty() {
            "it is empty"
        } else if topic.contains(['+', '#']) || topic.starts_with('$') {
            "nothing can be published there"
        } else if topic.chars().any(char::is_control) {
            "there is an invisible character in it"
        } else if topic.len() > 200 {
            "it is longer than 200 characters"
        } else {
            return Vec::new();
        };
        vec![Complaint::new(
            "base_topic",
            what,
            "write what export_mqtt_basetopic was in meter.json, without +, # and $",
        )]
    }
}

/// This output.
#[derive(Debug)]
pub struct Kaifareader;

/// The one there is.
pub static OUTPUT: Kaifareader = Kaifareader;

impl Output for Kaifareader {
    fn name(&self) -> &'static str {
        "kaifareader"
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[kaifareader]",
            about: "The totals of a smart meter on the topics of the program kaifareader, for what was built upon them. The broker is that of `[mqtt]`; see [Topics](topics.md#kaifareader).",
            schema: schemars::schema_for!(KaifareaderSettings),
            defaults: serde_json::to_value(KaifareaderSettings::default()).unwrap_or_default(),
            example: "[kaifareader]\nenabled = true\nbase_topic = \"home/meter\"\n",
        }
    }

    fn configure(&self, file: &File) -> Result<Arc<dyn Outlet>, Problems> {
        let settings: KaifareaderSettings = file.settings(self.name())?;
        Ok(Arc::new(settings))
    }
}

impl Outlet for KaifareaderSettings {
    fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn needs_broker(&self) -> bool {
        true
    }

    fn run(self: Arc<Self>, context: Context) -> Running {
        Box::pin(publish(self, context))
    }
}

/// Publishes each telegram until told to stop.
async fn publish(settings: Arc<KaifareaderSettings>, context: Context) -> Result<(), OutputError> {
    let Context {
        mut feed,
        mqtt,
        bridge,
        stop,
        ..
    } = context;
    let connection = mqtt.connection_of(OUTPUT.name(), &bridge)?;
    let (session, mut events) = Session::start(connection, stop.clone());
    let mut meter = Meter::new(OUTPUT.name(), settings.device.clone());
    let mut troubles = Troubles::default();
    let publishing = async {
        while let Some(totals) =
            next_totals(&mut feed, &mut events, &mut meter, &mut troubles, &session).await
        {
            for message in messages(&settings.base_topic, &totals) {
                match session.publish(message).await {
                    // A telegram that nobody took is history when there is a connection again.
                    Ok(()) | Err(SessionError::NotConnected) => {}
                    Err(error) if troubles.is_new(&error) => {
                        tracing::warn!("[kaifareader] {error}");
                    }
                    Err(_) => {}
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = publishing => {}
    }
    session.close(Vec::new(), GRACE).await;
    Ok(())
}

/// Waits for the next telegram. `None` when the bridge or the session has ended.
async fn next_totals(
    feed: &mut Feed,
    events: &mut Events,
    meter: &mut Meter,
    troubles: &mut Troubles,
    session: &Session,
) -> Option<Totals> {
    loop {
        tokio::select! {
            event = events.recv() => match event? {
                Event::Connected => {
                    troubles.over();
                    let broker = session.broker().unwrap_or_default();
                    tracing::info!("[kaifareader] connected to the MQTT broker at {broker}");
                }
                Event::Disconnected(error) if troubles.is_new(&error) => {
                    tracing::warn!("[kaifareader] {error}");
                }
                Event::Disconnected(_) | Event::Received(_) => {}
            },
            news = feed.next() => match news? {
                News::Update(Update::State(state)) => {
                    if let Some(totals) = meter.take(&state, feed) {
                        return Some(totals);
                    }
                }
                // The next telegram makes up for those that were missed.
                News::Update(_) | News::Missed => {}
            },
        }
    }
}

/// Nothing is said of a total that is not known.
fn messages(base: &str, totals: &Totals) -> impl Iterator<Item = Message> {
    let of = |name, total: Option<crate::model::Decimal>| {
        Some(Message {
            topic: format!("{base}/{name}"),
            payload: total?.with_scale(3).to_string().into_bytes(),
            qos: Qos::AtMostOnce,
            retain: false,
            expiry: None,
        })
    };
    let both = [
        of("RealEnergyIn_S", totals.import),
        of("RealEnergyOut_S", totals.export),
    ];
    both.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Decimal;

    #[test]
    fn a_total_is_plain_text_and_exact() {
        let said = |import, export| {
            let totals = Totals {
                import,
                export,
                is_complete: true,
            };
            let said = messages("a/b", &totals).map(|message| {
                assert!(message.qos == Qos::AtMostOnce && !message.retain);
                format!(
                    "{} {}",
                    message.topic,
                    String::from_utf8(message.payload).unwrap()
                )
            });
            said.collect::<Vec<_>>()
        };
        assert_eq!(
            said(
                Some(Decimal::from_watt_hours(12_345_678)),
                Some(Decimal::integer(0))
            ),
            ["a/b/RealEnergyIn_S 12345.678", "a/b/RealEnergyOut_S 0.000"]
        );
        // What a binary fraction cannot hold.
        let large = Decimal::from_watt_hours(9_007_199_254_740_993);
        assert_eq!(
            said(None, Some(large)),
            ["a/b/RealEnergyOut_S 9007199254740.993"]
        );
    }

    #[test]
    fn takes_every_topic_that_kaifareader_could_publish_to() {
        let check = |topic: &str| {
            let settings = KaifareaderSettings {
                base_topic: topic.to_owned(),
                ..KaifareaderSettings::default()
            };
            settings.check()
        };
        for topic in ["smart_meter", "/home/meter", "meter/", "my meter"] {
            assert_eq!(check(topic), [], "{topic}");
        }
        for topic in ["", "a/#", "+", "$SYS", "a\u{0}"] {
            assert_eq!(check(topic).len(), 1, "{topic:?}");
        }
    }
}
