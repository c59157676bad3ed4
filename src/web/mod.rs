//! The web page: routes, who may use them, the states and the stream of events, and the files of the page.
//!
//! It reads the bridge as an output does and knows no adapter. Handlers look at what the one task in `follow` keeps, so
//! that no device holds up any of them.
//!
//! | file | what |
//! |---|---|
//! | `config` | the section `[web]` |
//! | `server`, `places`, `pace` | the listener, its bounds, and the time a connection may take |
//! | `routes` | the one table of addresses, and who may use each |
//! | `access`, `names`, `session`, `logged_out`, `attempts` | who is it: the network, the name, the cookie, the password |
//! | `discretion` | what guests do not read |
//! | `key` | the key in the store, by which devices are named |
//! | `site` | what all answers are made from |
//! | `board`, `follow`, `gaps` | the latest states as the page has them, and who keeps them |
//! | `device_now`, `describe`, `glance` | how a device is, what it is, and what of it is seen first |
//! | `about`, `login`, `state`, `events`, `controls`, `upload`, `prometheus` | what can be asked for |
//! | `history`, `csv` | what was |
//! | `roof` | where the panels lie, what each brings, which are weak |
//! | `backstage` | what is shown and changed of the program itself: `settings`, `log` |
//! | `nearby` | what can be found around this computer, for who adds a device |
//! | `energy`, `dashboard` | counters for Home Assistant's Energy dashboard, and what is in it |
//! | `support` | a text for those who help |
//! | `backup`, `restore` | everything in one file, and back again |
//! | `roof_book` | what is kept of the roof |
//! | `reply`, `large` | answers that say no, and those that are large |
//! | `assets` | the files of the page |
//! | `openapi` | the description of all that |

mod about;
mod access;
mod assets;
mod attempts;
mod backstage;
mod backup;
mod board;
mod config;
mod controls;
mod csv;
mod dashboard;
mod describe;
mod device_now;
mod discretion;
mod energy;
mod events;
mod follow;
mod gaps;
mod glance;
mod history;
mod key;
mod large;
mod log;
mod logged_out;
mod login;
mod names;
mod nearby;
mod openapi;
mod pace;
mod places;
mod prometheus;
mod reply;
mod restore;
mod roof;
mod roof_book;
mod routes;
mod server;
mod session;
mod settings;
mod site;
mod state;
mod support;
mod upload;

pub use assets::build;
pub use backstage::Backstage;
pub use config::{PORT, SECTION, WebSettings, page};
pub use discretion::Rank;
pub use energy::{DashboardPlace, PLACES, PlaceWants};
pub use key::WebKey;
pub use log::{LogBook, LogLevel, LogLine};
pub use nearby::{
    Around, FoundAddress, Nearby, Search, SearchError, Surroundings, ToldKind, ToldPort,
    WantedSearch,
};
pub use openapi::openapi;
pub use roof_book::NAME as ROOF_LAYOUT;
pub use routes::{Brings, Route, table};
pub use server::{Web, WebError, WebStart};
pub use settings::{
    BackupContents, Desk, Program, RestoreOutcome, RestoreRefusal, SavedFile, Unpacked,
};
pub use site::{Entrance, Inside};
