//! `docs/configuration.md`, made from the types that read the file.

use crate::adapters::{ADAPTERS, find};
use crate::bridge::sums;
use crate::config::editing::{SectionKind, SectionKinds};
use crate::config::{PlaceSettings, SectionDoc, reference};
use crate::flow::{self, PriceSettings};
use crate::history::HistorySettings;
use crate::outputs::Outputs;
use crate::store::StoreSettings;
use crate::uploads::Uploads;
use crate::web;

use super::logging::LogSettings;

const HEAD: &str = "\
# Configuration

wattbridge reads one file, `wattbridge.toml` unless `--config` names another. `wattbridge check` says
whether it is right, and for each mistake the line and how to mend it. Everything but the address of a
device has a default.

A key of a single section can also come from the environment, which wins over the file:
`WATTBRIDGE_MQTT_HOST`, `WATTBRIDGE_MQTT_PASSWORD`, `WATTBRIDGE_LOG_LEVEL`; keys of inner tables after
two underscores: `WATTBRIDGE_MQTT_TLS__CA_FILE`.

A secret is written as text, as `{ file = \"/run/secrets/mqtt\" }`, as `{ env = \"VARIABLE\" }`, or as
`{ credential = \"mqtt-password\" }` for one that systemd gives the service by `LoadCredential=`. Lengths of time
are written `30s`, `5m` or `1h 30m`.

A section of a device or a sum that cannot be used is reported and left out; all others run. With a
mistake in any other section nothing runs but the [page](#web), which shows what is wrong and where it is
mended. Where there is no page, the program ends with exit code 2.

This page is generated; do not edit it.

";

/// The whole page.
pub fn configuration_page() -> String {
    format!("{HEAD}{}", reference(&pages()))
}

/// What is said of each section.
pub fn pages() -> Vec<SectionDoc<'static>> {
    let mut pages: Vec<SectionDoc<'static>> = Outputs::pages();
    pages.push(PlaceSettings::page());
    pages.push(flow::page());
    pages.push(PriceSettings::page());
    pages.push(SectionDoc {
        heading: "[store]",
        about: "Where is kept what must survive a restart: the devices, and the last good value of each counter.",
        schema: schemars::schema_for!(StoreSettings),
        defaults: serde_json::to_value(StoreSettings::default()).unwrap_or_default(),
        example: "[store]\npath = \"/var/lib/wattbridge/wattbridge.db\"\n",
    });
    pages.push(SectionDoc {
        heading: "[history]",
        about: "What is kept of the past, for the page that wattbridge serves: see [The history](history.md). It has a file of \
                its own, which may be thrown away.",
        schema: schemars::schema_for!(HistorySettings),
        defaults: serde_json::to_value(HistorySettings::default()).unwrap_or_default(),
        example: "[history]\nkeep_slots = \"1y\"\n",
    });
    pages.push(SectionDoc {
        heading: "[log]",
        about: "What is written to the log, which goes to the standard error output.",
        schema: schemars::schema_for!(LogSettings),
        defaults: serde_json::to_value(LogSettings::default()).unwrap_or_default(),
        example: "[log]\nlevel = \"debug\"\n",
    });
    pages.push(web::page());
    pages.extend(ADAPTERS.iter().map(|adapter| adapter.page()));
    pages.push(sums::page());
    pages.extend(Uploads::pages());
    pages
}

/// The same, for who edits the file.
pub fn section_kinds() -> SectionKinds {
    let kind = |page: SectionDoc<'static>| {
        let name = page.heading.trim_matches(['[', ']']);
        SectionKind {
            name,
            others: find(name).map_or(&[], |adapter| adapter.also_called()),
            schema: page.schema,
            can_be_left_out: page.heading.starts_with("[["),
        }
    };
    SectionKinds(pages().into_iter().map(kind).collect())
}
