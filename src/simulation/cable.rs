//! The cable between a simulated device and its reader, which somebody pulls and plugs in again.

use tokio::sync::watch;

/// The cable, as the device sees it.
#[derive(Debug, Clone)]
pub struct Cable {
    plugged: watch::Receiver<bool>,
}

impl Cable {
    /// A cable that is plugged in, and what pulls it.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (hand, plugged) = watch::channel(true);
        (hand, Self { plugged })
    }

    /// Whether it is plugged in.
    pub fn is_plugged(&self) -> bool {
        *self.plugged.borrow()
    }

    /// Waits until it is pulled or plugged in; for ever where nobody can do that any more. Nothing is
    /// lost if it is dropped while it waits.
    pub async fn changed(&mut self) -> bool {
        match self.plugged.changed().await {
            Ok(()) => *self.plugged.borrow_and_update(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until it is not plugged in.
    pub async fn pulled(&mut self) {
        while self.is_plugged() {
            self.changed().await;
        }
    }
}
