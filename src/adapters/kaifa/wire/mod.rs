//! The bytes of the customer interface, layer by layer; no I/O, both directions.
//!
//! | Layer | Module | Carries |
//! |---|---|---|
//! | lengths, values | [`ber`], [`axdr`] | the DLMS way of writing them |

pub mod axdr;
pub mod ber;
