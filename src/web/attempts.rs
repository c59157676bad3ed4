//! How often a password may be tried.
//!
//! An address that was wrong too often waits for a minute. If many addresses together are, those of which nobody knows
//! anything good take turns, slowly: so a password cannot be guessed from many addresses, and yet whoever knows it gets in,
//! at once where it was right before.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::places::{Places, TakenPlace};

const WITHIN: Duration = Duration::from_secs(60);
/// Failures within that time from one address, and from all of them.
const OF_ONE: usize = 5;
const OF_ALL: usize = 30;
/// How long a turn takes, and how many wait for theirs.
const SLOW: Duration = Duration::from_secs(2);
const WAITING: usize = 16;
/// Addresses that are remembered for having been right.
const KNOWN: usize = 64;

/// A password that was wrong.
#[derive(Debug)]
struct Failure {
    at: Instant,
    address: IpAddr,
    /// Tells it from others.
    mark: Vec<u8>,
}

/// The failures of the last minute, and who was right since the start.
#[derive(Debug)]
pub struct Attempts {
    failures: Mutex<VecDeque<Failure>>,
    known: Mutex<VecDeque<IpAddr>>,
    waiting: Arc<Places>,
    turns: Semaphore,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            failures: Mutex::default(),
            known: Mutex::default(),
            waiting: Places::new(WAITING, 1),
            turns: Semaphore::new(1),
        }
    }
}

/// A turn to try a password.
#[derive(Debug)]
pub struct AttemptTurn<'a>(
    #[expect(dead_code, reason = "it is held, not looked at")]
    Option<(SemaphorePermit<'a>, TakenPlace)>,
);

impl Attempts {
    /// Waits for a turn where many passwords were wrong; or says after how long it is worth another try.
    pub async fn turn(&self, address: IpAddr) -> Result<AttemptTurn<'_>, Duration> {
        if let Some(wait) = self.wait(address) {
            return Err(wait);
        }
        if self.knows(address) || !self.are_too_many() {
            return Ok(AttemptTurn(None));
        }
        let place = self.waiting.take(address).ok_or(SLOW)?;
        let turn = self.turns.acquire().await.map_err(|_| SLOW)?;
        tokio::time::sleep(SLOW).await;
        Ok(AttemptTurn(Some((turn, place))))
    }

    /// How long this address has to wait before it may try again; `None` if it need not.
    pub fn wait(&self, address: IpAddr) -> Option<Duration> {
        let failures = self.failures();
        let mut own = failures.iter().rev().filter(|it| it.address == address);
        let first = own.nth(OF_ONE - 1)?;
        Some(WITHIN.saturating_sub(first.at.elapsed()))
    }

    /// It was wrong. Whether that counts: who says the same again guesses nothing.
    pub fn failed(&self, address: IpAddr, mark: Vec<u8>) -> bool {
        let mut failures = self.failures();
        let is_same = |it: &Failure| it.address == address && it.mark == mark;
        if failures.iter().any(is_same) {
            return false;
        }
        let at = Instant::now();
        failures.push_back(Failure { at, address, mark });
        true
    }

    /// It was right.
    pub fn succeeded(&self, address: IpAddr) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|it| *it != address);
        known.push_back(address);
        if known.len() > KNOWN {
            known.pop_front();
        }
    }

    fn knows(&self, address: IpAddr) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&address)
    }

    fn are_too_many(&self) -> bool {
        self.failures().len() >= OF_ALL
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, VecDeque<Failure>> {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        while failures.front().is_some_and(|it| it.at.elapsed() >= WITHIN) {
            failures.pop_front();
        }
        failures
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
        for guess in 0..5 {
            assert_eq!(attempts.wait(address(1)), None);
            assert!(attempts.failed(address(1), vec![guess]));
            assert!(!attempts.failed(address(1), vec![guess]), "the same again");
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let wait = Duration::from_secs(55);
        assert_eq!(attempts.wait(address(1)), Some(wait));
        assert_eq!(attempts.turn(address(1)).await.unwrap_err(), wait);
        assert_eq!(attempts.wait(address(2)), None);
        tokio::time::advance(Duration::from_secs(55)).await;
        assert_eq!(attempts.wait(address(1)), None);
    }

    /// How long somebody waited for a turn.
    async fn waited(attempts: &Attempts, last: u8) -> Result<Duration, Duration> {
        let begun = Instant::now();
        attempts.turn(address(last)).await.map(|_| begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn many_addresses_together_take_turns_and_keep_nobody_out() {
        let attempts = Attempts::default();
        attempts.succeeded(address(250));
        for last in 0..30 {
            assert_eq!(waited(&attempts, last).await, Ok(Duration::ZERO));
            attempts.failed(address(last), vec![last]);
        }
        assert_eq!(waited(&attempts, 250).await, Ok(Duration::ZERO));
        assert_eq!(waited(&attempts, 200).await, Ok(SLOW));
        // One after the other, and nobody twice.
        let begun = Instant::now();
        let (first, again, second) = tokio::join!(
            waited(&attempts, 200),
            waited(&attempts, 200),
            waited(&attempts, 201)
        );
        assert_eq!((first, again, second), (Ok(SLOW), Err(SLOW), Ok(2 * SLOW)));
        assert_eq!(begun.elapsed(), 2 * SLOW);
        tokio::time::advance(WITHIN).await;
        assert_eq!(waited(&attempts, 200).await, Ok(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn only_some_wait_for_a_turn() {
        let attempts = Arc::new(Attempts::default());
        for last in 0..30 {
            attempts.failed(address(last), vec![last]);
        }
        let ask = |last: u8| {
            let attempts = Arc::clone(&attempts);
            tokio::spawn(async move { waited(&attempts, last).await })
        };
        let all: Vec<_> = (100..120).map(ask).collect();
        let mut refused = 0;
        for one in all {
            refused += usize::from(one.await.unwrap().is_err());
        }
        assert_eq!(refused, 20 - WAITING);
    }
}
