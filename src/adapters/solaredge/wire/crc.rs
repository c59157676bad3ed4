//! The checksum of frames.
