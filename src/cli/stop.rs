//! Ending on request.

use tokio_util::sync::CancellationToken;

use self::signals::Signals;

/// A token that is cancelled by Ctrl-C or SIGTERM, from now on. A second one ends the program at
/// once.
pub(super) fn on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    // Before anything else is begun that has to be ended in order.
    let mut signals = Signals::new();
    tokio::spawn(async move {
        signals.next().await;
        token.cancel();
        signals.next().await;
        std::process::exit(130);
    });
    stop
}

#[cfg(unix)]
mod signals {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Those that the system lets us hear of.
    pub(super) struct Signals {
        interrupt: Option<Signal>,
        terminate: Option<Signal>,
    }

    impl Signals {
        pub(super) fn new() -> Self {
            Self {
                interrupt: signal(SignalKind::interrupt()).ok(),
                terminate: signal(SignalKind::terminate()).ok(),
            }
        }

        pub(super) async fn next(&mut self) {
            tokio::select! {
                () = heard(self.interrupt.as_mut()) => {}
                () = heard(self.terminate.as_mut()) => {}
            }
        }
    }

    async fn heard(signal: Option<&mut Signal>) {
        if let Some(signal) = signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(not(unix))]
mod signals {
    pub(super) struct Signals;

    impl Signals {
        pub(super) fn new() -> Self {
            Self
        }

        pub(super) async fn next(&mut self) {
            // Without it the program cannot be asked to end.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
