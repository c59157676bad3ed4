//! Domoticz: the latest values of single devices there, by MQTT or over HTTP. A message has no time, so nothing waits.
//!
//! ```text
//! domoticz/in    {"idx":123,"nvalue":0,"svalue":"582;1234500"}
//! GET /json.htm?type=command&param=udevice&idx=123&nvalue=0&svalue=582%3B1234500
//! ```
//!
//! Source: domoticz/domoticz, `hardware/MQTT.cpp` and `main/WebServerCmds.cpp`: `idx` and `nvalue` are integers, and
//! `svalue` is a text, or the message is thrown away there without a word.
//!
//! | file | what |
//! |---|---|
//! | `config` | the sections `[[domoticz]]` |
//! | `part` | a value of a device, as sections name it |
//! | `svalue` | what a device of Domoticz is told |
//! | `rhythm` | when |
//! | `http` | the way without a broker: requests, and what the answers mean |
//! | `troubles` | what is told of troubles |
//! | `run` | puts it all together |

mod config;
mod http;
mod part;
mod rhythm;
mod run;
mod svalue;
#[cfg(test)]
mod tests;
mod troubles;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use config::{DomoticzKind, DomoticzSettings};

use super::{Context, Outlet, Output, Running, Tried, Waiting};
use crate::config::{File, Problem, Problems, Secret, SectionDoc};
use crate::http::HttpClient;
use crate::model::reserved::is_reserved;
use troubles::NAME;

/// This output.
#[derive(Debug)]
pub struct Domoticz;

/// The one there is.
pub static OUTPUT: Domoticz = Domoticz;

/// All its sections.
#[derive(Debug)]
pub struct DomoticzOutlet(Vec<DomoticzSettings>);

impl Output for Domoticz {
    fn name(&self) -> &'static str {
        NAME
    }

    fn page(&self) -> SectionDoc<'static> {
        SectionDoc {
            heading: "[[domoticz]]",
            about: "Tells a device of Domoticz the latest values, by the broker of `[mqtt]` or over HTTP: see [Domoticz](uploads/domoticz.md). One section a device.",
            schema: schemars::schema_for!(DomoticzSettings),
            defaults: serde_json::to_value(DomoticzSettings::default()).unwrap_or_default(),
            example: "[[domoticz]]\nidx = 123\nkind = \"kwh\"\npower = \"aps_ecu_216000000001/power\"\nenergy = \"aps_ecu_216000000001/energy_total\"\n",
        }
    }

    fn configure(&self, file: &File) -> Result<Arc<dyn Outlet>, Problems> {
        let (mut all, mut wrong) = (Vec::new(), Problems::new());
        let mut taken = BTreeSet::new();
        for section in file.sections(self.name()) {
            match section.read::<DomoticzSettings>() {
                Ok(settings) => {
                    let place = settings.url.as_ref().map(ToString::to_string);
                    let place = place.unwrap_or_else(|| settings.topic.clone());
                    if settings.enabled && !taken.insert((place, settings.idx)) {
                        let what = format!(
                            "[[{NAME}]] idx: another section tells device {} already",
                            settings.idx
                        );
                        let hint = "take one of the two away, or name another device of Domoticz";
                        wrong.push(Problem::new(file.name(), what, hint));
                    }
                    all.push(settings);
                }
                Err(problems) => wrong.extend(problems),
            }
        }
        if wrong.is_empty() {
            Ok(Arc::new(DomoticzOutlet(all)))
        } else {
            Err(wrong)
        }
    }
}

impl DomoticzOutlet {
    fn switched_on(&self) -> impl Iterator<Item = &DomoticzSettings> {
        self.0.iter().filter(|settings| settings.enabled)
    }

    fn wants_broker(&self) -> bool {
        self.switched_on().any(|settings| settings.url.is_none())
    }
}

impl Outlet for DomoticzOutlet {
    fn is_enabled(&self) -> bool {
        self.switched_on().next().is_some()
    }

    fn needs_broker(&self) -> bool {
        self.wants_broker()
    }

    fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        let secrets = self.switched_on().flat_map(|it| &it.password);
        secrets.map(|secret| ("password", secret)).collect()
    }

    fn named_keys(&self) -> Vec<(&'static str, &str)> {
        let named = self.switched_on().flat_map(DomoticzSettings::named);
        let keys = named.filter_map(|(field, name)| Some((field, name?.split_once('/')?.1)));
        keys.filter(|(_, key)| !is_reserved(key)).collect()
    }

    fn probe(&self) -> Waiting<Vec<Tried>> {
        let over_http = self.switched_on().filter(|it| it.url.is_some());
        let over_http: Vec<DomoticzSettings> = over_http.cloned().collect();
        Box::pin(async move {
            let (mut tried, mut seen) = (Vec::new(), BTreeSet::new());
            for settings in over_http {
                let Some(server) = &settings.url else {
                    continue;
                };
                let name = format!("Domoticz {server}");
                if seen.insert((name.clone(), settings.user.clone())) {
                    tried.push((name, try_login(&settings, server).await));
                }
            }
            tried
        })
    }

    fn run(self: Arc<Self>, context: Context) -> Running {
        Box::pin(run::run(self, context))
    }
}

/// Whether it lets us in; writes nothing.
async fn try_login(
    settings: &DomoticzSettings,
    server: &crate::http::HttpServer,
) -> Result<String, String> {
    let request = http::trial(server, settings).map_err(|error| error.to_string())?;
    let client = HttpClient::trusting(settings.ca_file.as_deref());
    let answer = client.send(&request).await;
    match http::judge(settings.idx, &answer) {
        None => Ok("it lets us in".to_owned()),
        Some(trouble) => Err(format!("{}. {}", trouble.detail, trouble.advice)),
    }
}
