//! One configured section: what reading it for years and trying it once have in common.

use std::sync::Arc;

use super::config::Config;
use super::values::Rules;

/// One configured section.
#[derive(Debug)]
pub struct Text {
    pub config: Config,
    pub rules: Arc<Rules>,
}
