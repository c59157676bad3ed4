//! Running as an app (add-on) of Home Assistant: what its Supervisor tells a program in its container.
//!
//! | file | what |
//! |---|---|
//! | `app` | whether it runs as one, and where everything is |
//! | `options` | what the user has set on the app's page |
//! | `supervisor` | what the Supervisor answers |
//! | `broker` | the MQTT broker that it knows of |
//! | `place` | where the house is, which Home Assistant knows |

mod app;
mod broker;
mod options;
mod place;
mod supervisor;

pub use app::HomeAssistantApp;
pub use place::HousePlace;
pub use supervisor::SupervisorError;
