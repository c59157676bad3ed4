//! The bytes of VE.Direct: two protocols that share a wire; no I/O, both directions.
//!
//! The line runs at 19200 baud, 8N1. The knowledge is from the vendor's public documents and from
//! public captures, and holds on the captures.
//!
//! | Layer | Module | Carries |
//! |---|---|---|
//! | blocks | [`text`] | what a device says by itself, about once a second |
//! | rounds | [`cycle`] | the blocks that belong together |
//! | labels | [`labels`] | what the values of a block mean |
//! | frames | [`hex`] | questions, answers, and values sent on change |
//! | registers | [`registers`], [`history`] | what the values of an answer mean |
//! | tables | [`words`], [`products`], [`families`], [`bounds`] | for both |
//! | for people | [`annotate`](mod@annotate) | a labelled dump of a stream |
//!
//! # Use
//!
//! ```
//! use wattbridge::adapters::victron::wire::labels::{Label, LabelReading};
//! use wattbridge::adapters::victron::wire::text::{Decoder, Event, encode_block};
//! use wattbridge::model::Decimal;
//!
//! let bytes = encode_block(&[("PID", "0x203"), ("V", "12345")]).unwrap();
//! let mut decoder = Decoder::new();
//! decoder.push(&bytes, |event| {
//!     let Event::Block(block) = event else { return };
//!     let voltage = Label::of(b"V").unwrap().read(block.get("V").unwrap());
//!     assert_eq!(voltage, LabelReading::Number(Decimal::new(12_345, 3)));
//! });
//! ```

pub mod annotate;
pub mod bounds;
pub mod cycle;
pub mod families;
pub mod hex;
pub mod history;
pub mod labels;
pub mod products;
pub mod registers;
pub mod text;
pub mod words;
