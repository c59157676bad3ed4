//! Everything that a stick and the air can do otherwise: the conversation copes.

use super::*;
