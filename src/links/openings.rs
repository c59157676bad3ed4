//! Openings of serial ports that are under way, at most one for each port.
//!
//! Drivers of USB adapters ask the adapter, which may hang, and nothing can end that from outside.
//! It must not hold up the others, and each new try must not leave another thread that hangs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tokio::time::timeout;

use super::address::Address;
use super::error::LinkError;

/// Whose turn it is, for each port. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Openings {
    turns: Arc<Mutex<BTreeMap<PathBuf, Arc<Turn<()>>>>>,
}

impl Openings {
    /// Calls `open`, which may block, waiting at most `within`; behind an earlier call for the same
    /// path, if that has not come back. What an earlier call opens too late is closed at once.
    pub async fn open<T: Send + 'static>(
        &self,
        path: &Path,
        within: Duration,
        open: impl FnOnce() -> Result<T, LinkError> + Send + 'static,
    ) -> Result<T, LinkError> {
        let address = || Address::Serial(path.to_owned());
        let turn = self.turn(path);
        let opening = async {
            let turn = turn.lock_owned().await;
            // Nobody may be waiting for the result any more. Then it is dropped, and only after it
            // the turn, so that the next one does not find the port in use.
            tokio::task::spawn_blocking(move || (open(), turn)).await
        };
        match timeout(within, opening).await {
            Ok(Ok((opened, _turn))) => opened,
            Ok(Err(error)) => Err(LinkError::Broken(address(), error.to_string())),
            Err(_) => Err(LinkError::TimedOut {
                address: address(),
                after: within,
            }),
        }
    }

    fn turn(&self, path: &Path) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of ports that nobody opens now are made anew when they are needed.
        turns.retain(|known, turn| known == path || Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(path.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Something that says when it is closed.
    struct Port(Option<mpsc::Sender<()>>);

    impl Drop for Port {
        fn drop(&mut self) {
            if let Some(closed) = self.0.take() {
                let _ = closed.send(());
            }
        }
    }

    #[tokio::test]
    async fn a_driver_that_hangs_is_asked_once_however_often_one_tries() {
        let (openings, calls) = (Openings::default(), Arc::new(AtomicUsize::new(0)));
        let (go_on, hung) = mpsc::channel::<()>();
        let (told, closed) = mpsc::channel();
        let path = Path::new("/dev/ttyHANGS");
        let first = {
            let calls = Arc::clone(&calls);
            move || {
                calls.fetch_add(1, Ordering::SeqCst);
                let _ = hung.recv();
                Ok(Port(Some(told)))
            }
        };
        let again = |calls: &Arc<AtomicUsize>| {
            let calls = Arc::clone(calls);
            move || {
                calls.fetch_add(1, Ordering::SeqCst);
                Ok(Port(None))
            }
        };
        let soon = Duration::from_millis(1);
        let opened = openings.open(path, soon, first).await;
        assert!(matches!(opened, Err(LinkError::TimedOut { .. })));
        for _ in 0..20 {
            let opened = openings.clone().open(path, soon, again(&calls)).await;
            assert!(matches!(opened, Err(LinkError::TimedOut { .. })));
        }
        // Others are not held up.
        let other = Path::new("/dev/ttyOTHER");
        assert!(openings.open(other, LONG, || Ok(())).await.is_ok());

        go_on.send(()).unwrap();
        let opened = openings.open(path, LONG, again(&calls)).await;
        assert!(opened.is_ok());
        // The first and the last; and the first was closed before the last began.
        assert_eq!(calls.load(Ordering::SeqCst), 2);
        assert_eq!(closed.try_recv(), Ok(()));
    }

    #[tokio::test]
    async fn a_driver_that_panics_or_refuses_does_not_keep_its_turn() {
        let openings = Openings::default();
        let path = Path::new("/dev/ttyBAD");
        let opened = openings
            .open::<()>(path, LONG, || panic!("a driver's mistake"))
            .await;
        assert!(matches!(opened, Err(LinkError::Broken(..))));
        let refuse = || Err(LinkError::Busy("/dev/ttyBAD".to_owned()));
        let opened = openings.open::<()>(path, LONG, refuse).await;
        assert!(matches!(opened, Err(LinkError::Busy(_))));
        assert!(openings.open(path, LONG, || Ok(())).await.is_ok());
        assert_eq!(openings.turns.lock().unwrap().len(), 1);
        assert!(
            openings
                .open(Path::new("/b"), LONG, || Ok(()))
                .await
                .is_ok()
        );
        assert_eq!(openings.turns.lock().unwrap().len(), 1);
    }
}
