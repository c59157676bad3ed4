//! Property tests of the whole codec. All serials are invented; all frames come from the encoder.

mod codec;
mod describing;
mod framing;
mod samples;
