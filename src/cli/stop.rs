//! Ending on request.

use tokio_util::sync::CancellationToken;

use self::signals::Signals;

/// A token that is cancelled by Ctrl-C, SIGTERM or the end of the terminal, from now on. A second
/// Ctrl-C or SIGTERM ends the program at once; terminals say more than once that they end.
pub fn on_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    // Before anything else is begun that has to be ended in order.
    let mut signals = Signals::new();
    tokio::spawn(async move {
        signals.end_wanted().await;
        token.cancel();
        signals.end_demanded().await;
        std::process::exit(130);
    });
    stop
}

#[cfg(unix)]
mod signals {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Those that the system lets us hear of.
    pub struct Signals {
        interrupt: Option<Signal>,
        terminate: Option<Signal>,
        /// Not there under `nohup`, whose whole purpose it is that nobody hears of it.
        hang_up: Option<Signal>,
    }

    impl Signals {
        pub fn new() -> Self {
            let hang_up = SignalKind::hangup();
            let is_ignored = std::fs::read_to_string("/proc/self/status")
                .is_ok_and(|status| is_ignored(&status, hang_up.as_raw_value()));
            Self {
                interrupt: signal(SignalKind::interrupt()).ok(),
                terminate: signal(SignalKind::terminate()).ok(),
                hang_up: if is_ignored {
                    None
                } else {
                    signal(hang_up).ok()
                },
            }
        }

        pub async fn end_wanted(&mut self) {
            tokio::select! {
                () = heard(self.interrupt.as_mut()) => {}
                () = heard(self.terminate.as_mut()) => {}
                () = heard(self.hang_up.as_mut()) => {}
            }
        }

        pub async fn end_demanded(&mut self) {
            tokio::select! {
                () = heard(self.interrupt.as_mut()) => {}
                () = heard(self.terminate.as_mut()) => {}
            }
        }
    }

    /// Whether the line `SigIgn` of a process' status names a signal.
    fn is_ignored(status: &str, number: i32) -> bool {
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))
            .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (number - 1) & 1 == 1)
    }

    async fn heard(signal: Option<&mut Signal>) {
        if let Some(signal) = signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn an_ignored_signal_is_found_in_the_status() {
            let status =
                "Name:\twattbridge\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\n";
            assert!(is_ignored(status, 1) && is_ignored(status, 13));
            assert!(!is_ignored(status, 2) && !is_ignored("SigIgn:\tx", 1) && !is_ignored("", 1));
        }
    }
}

#[cfg(not(unix))]
mod signals {
    pub struct Signals;

    impl Signals {
        pub fn new() -> Self {
            Self
        }

        pub async fn end_wanted(&mut self) {
            // Without it the program cannot be asked to end.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        }

        pub async fn end_demanded(&mut self) {
            self.end_wanted().await;
        }
    }
}
