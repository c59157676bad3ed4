//! Meters with a P1 port, and the meters behind them.
//!
//! * `profile`: what tells one model from another, and first of all its telegram, which is in `telegrams`
//! * `registers`: what such a meter counts beside a grid meter's sums; `demand`: its mean powers; `behind`: the
//!   gas, water and heat meters that it reads
//! * `sample`: what all of that shows at a moment; `text`: the telegram that says so; `figure`: its numbers

mod behind;
mod demand;
mod figure;
mod profile;
mod registers;
mod sample;
#[cfg(test)]
mod tests;
mod text;

pub use profile::{BehindMeter, Checksum, P1Profile, SHARED_AUTHENTICATION, Season};
pub use registers::P1Registers;
pub use sample::{BehindSample, P1Sample, Peak};
pub use text::write;
