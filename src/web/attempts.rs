//! How often a password may be tried.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const WITHIN: Duration = Duration::from_secs(60);
/// Failures within that time from one address, and from all of them.
const OF_ONE: usize = 5;
const OF_ALL: usize = 30;

/// The failures of the last minute.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<VecDeque<(Instant, IpAddr)>>);

impl Attempts {
    /// How long this address has to wait before it may try again; `None` if it need not.
    pub fn wait(&self, address: IpAddr) -> Option<Duration> {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        while failures
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) >= WITHIN)
        {
            failures.pop_front();
        }
        let mut own = failures.iter().rev().filter(|(_, from)| *from == address);
        let too_many = own
            .nth(OF_ONE - 1)
            .or_else(|| failures.iter().rev().nth(OF_ALL - 1));
        too_many.map(|(at, _)| WITHIN.saturating_sub(now.duration_since(*at)))
    }

    /// It was wrong.
    pub fn failed(&self, address: IpAddr) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push_back((Instant::now(), address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[tokio::test(start_paused = true)]
    async fn five_failures_of_an_address_in_a_minute_are_enough() {
        let attempts = Attempts::default();
        for _ in 0..OF_ONE {
            assert_eq!(attempts.wait(address(1)), None);
            attempts.failed(address(1));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(attempts.wait(address(1)), Some(Duration::from_secs(55)));
        assert_eq!(attempts.wait(address(2)), None);
        tokio::time::advance(Duration::from_secs(55)).await;
        assert_eq!(attempts.wait(address(1)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn many_addresses_together_are_slowed_down_too() {
        let attempts = Attempts::default();
        for last in 0..30 {
            assert_eq!(attempts.wait(address(last)), None);
            attempts.failed(address(last));
        }
        assert_eq!(attempts.wait(address(200)), Some(WITHIN));
        tokio::time::advance(WITHIN).await;
        assert_eq!(attempts.wait(address(200)), None);
    }
}
