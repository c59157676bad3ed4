//! What the page keeps of the roof.

use std::sync::Mutex;

use tokio::sync::Notify;

use crate::roof::{PanelPlace, RoofLayout, RoofPanel, WeakPanel, by_inverter};
use crate::store::Memory;

/// What the layout is called in the store.
pub const NAME: &str = "roof";

/// What the page keeps of the roof.
#[derive(Debug, Default)]
pub struct RoofBook {
    /// Only one changes it at a time.
    pub saving: Mutex<()>,
    /// The layout is another one.
    pub changed: Notify,
    /// The weak panels, when they were looked for last.
    pub found: Mutex<Option<WeakFound>>,
}

impl RoofBook {
    /// The layout that is saved, or a guess.
    pub fn layout(&self, memory: &Memory, panels: &[RoofPanel]) -> RoofLayout {
        let saved = memory.get::<RoofLayout>(NAME).map(RoofLayout::mended);
        let saved = saved.filter(|layout| !layout.is_guess());
        saved.unwrap_or_else(|| by_inverter(panels))
    }
}

/// What was found last.
#[derive(Debug, Clone, Default)]
pub struct WeakFound {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The panels that are weak.
    pub panels: Vec<(PanelPlace, WeakPanel)>,
}
