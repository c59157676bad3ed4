//! One configured section: what reading it for years and trying it once have in common.

use std::sync::Arc;

use super::config::Config;
use super::values::Rules;

/// One configured section.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) config: Config,
    pub(super) rules: Arc<Rules>,
}
