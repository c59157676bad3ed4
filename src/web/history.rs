//! `history/...`: what was, for who asks.
//!
//! Every answer is bounded before anything is read, and every device has the name and the reference by which guests
//! may know it.
//!
//! | file | what |
//! |---|---|
//! | `desk` | who asks, what devices are called, and what is wrong with a question |
//! | `period` | dates |
//! | `power` | curves of days, and what is usual |
//! | `energy` | energies by days, months and years |
//! | `statistics` | sums of a chosen time, with money |
//! | `health` | how a device was, and why |
//! | `export` | tables for other programs |

pub mod desk;
pub mod energy;
pub mod export;
pub mod health;
mod period;
pub mod power;
pub mod statistics;

pub use desk::HistoryDesk;
pub use period::{day_of, pieces, tomorrow};
