//! Where the energy of the house goes: which value is the sun, the grid or the battery, and who feeds whom.
//!
//! Metrics say themselves what they are in the energy of a house ([`crate::model::EnergyPart`]), so that no
//! adapter has a name here. [`ChosenRoles`] chooses among those that there are: nothing counts twice, and where
//! two devices say different things of the same, nobody is believed until the section `[flow]` names one. The
//! [`LiveFlow`] is what they come to at a moment.
//!
//! | file | what |
//! |---|---|
//! | `settings` | the section `[flow]` |
//! | `roles` | which values of which devices are what |
//! | `powers` | what they come to now, or why that is not known |
//! | `follow` | the same over time, for the history |
//! | `live` | the picture of the moment |
//! | `sides` | which way grid and battery go, without wavering |
//! | `trend` | when a battery will be full or empty |
//! | `sentence` | the same in words |
//! | `prices` | the section `[prices]` |

mod follow;
mod live;
mod powers;
mod prices;
mod roles;
mod sentence;
mod settings;
mod sides;
mod trend;

pub use follow::tell_roles;
pub use live::{FlowNode, FlowNodes, FlowTracker, LiveFlow, Ribbon};
pub use prices::{Price, PriceSettings, Tariff};
pub use roles::{ChosenRoles, RoleMember};
pub use sentence::FlowSentence;
pub use settings::{FlowSettings, page};

#[cfg(test)]
mod tests;
