//! Slows down who guesses passwords, without letting them lock anybody out.
//!
//! In this process and in bounded memory. Three counts decide whether an attempt is let
//! through; api/README.md has them for people:
//!
//! - account and address together: a few attempts are free, then the wait doubles up to a
//!   quarter of an hour. Whoever fails waits at his own address only.
//! - address: many free attempts, then the same, up to five minutes. Against one address
//!   that tries many accounts.
//! - account: no wait of its own. But while many attempts fail from anywhere, every address
//!   has one free attempt for it instead of five. The owner's right password is let through
//!   at once from an address that did not fail, and a thousand addresses get no further than
//!   a few thousand guesses an hour.
//!
//! An attempt counts as a failure when it begins, so that many at once gain nothing, and is
//! taken back when it succeeds. One that has to wait does not count.

mod table;

use std::{
    hash::{BuildHasher as _, RandomState},
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use table::{Rule, Table};

// A few MiB in all.
const MOST: usize = 20_000;
const QUARTER: Duration = Duration::from_secs(900);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Password,
    /// An account is asked for.
    Registration,
}

struct Rules {
    pair: Rule,
    // While the account is under attack.
    pair_attacked: Rule,
    address: Rule,
}

const fn rule(free: u32, first: u64, longest: Duration) -> Rule {
    Rule { free, first: Duration::from_secs(first), longest }
}

// Failures at an account, from anywhere, that make it one under attack.
const ATTACKED: u32 = 20;

impl Kind {
    fn rules(self) -> Rules {
        match self {
            Self::Password => Rules {
                pair: rule(5, 5, QUARTER),
                pair_attacked: rule(1, 30, QUARTER),
                address: rule(20, 5, Duration::from_secs(300)),
            },
            // Each counts, also one that made an account.
            Self::Registration => Rules {
                pair: rule(3, 10, QUARTER),
                pair_attacked: rule(1, 30, QUARTER),
                address: rule(10, 10, QUARTER),
            },
        }
    }
}

#[derive(Debug)]
pub(crate) struct Backoff {
    // Keyed at random, so that nobody can choose keys that collide.
    hasher: RandomState,
    tables: Mutex<Tables>,
}

#[derive(Debug)]
struct Tables {
    pairs: Table,
    addresses: Table,
    accounts: Table,
}

/// An attempt that was let through and counts as a failure until told otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    pair: u64,
    address: u64,
    account: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(MOST)
    }
}

impl Backoff {
    fn new(most: usize) -> Self {
        let tables = Tables {
            pairs: Table::new(most),
            addresses: Table::new(most),
            accounts: Table::new(most),
        };
        Self { hasher: RandomState::new(), tables: Mutex::new(tables) }
    }

    /// Lets an attempt through, or tells how long to wait. `account` is the e-mail address
    /// as it is compared, whether there is such an account or not.
    pub(crate) fn admit(
        &self,
        kind: Kind,
        account: &str,
        address: IpAddr,
        now: Instant,
    ) -> Result<Attempt, Duration> {
        let network = network(address);
        let attempt = Attempt {
            pair: self.hasher.hash_one((kind, account, network)),
            address: self.hasher.hash_one((kind, network)),
            account: self.hasher.hash_one((kind, account)),
        };
        let rules = kind.rules();
        let mut tables = self.tables();
        let attacked = tables.accounts.failures(attempt.account, now) >= ATTACKED;
        let pair = if attacked { rules.pair_attacked } else { rules.pair };
        let wait = Duration::max(
            tables.pairs.wait(attempt.pair, pair, now),
            tables.addresses.wait(attempt.address, rules.address, now),
        );
        if !wait.is_zero() {
            return Err(wait);
        }
        tables.pairs.count(attempt.pair, now);
        tables.addresses.count(attempt.address, now);
        tables.accounts.count(attempt.account, now);
        Ok(attempt)
    }

    /// The attempt succeeded: who knows the password starts afresh. Other failures of the
    /// address and of the account stay, or an attacker's own account would wipe them out.
    pub(crate) fn succeeded(&self, attempt: Attempt) {
        self.untried(attempt);
        self.tables().pairs.clear(attempt.pair);
    }

    /// The attempt failed: waiting begins now, not when it began, however long it took.
    pub(crate) fn failed(&self, attempt: Attempt, now: Instant) {
        let mut tables = self.tables();
        tables.pairs.stamp(attempt.pair, now);
        tables.addresses.stamp(attempt.address, now);
        tables.accounts.stamp(attempt.account, now);
    }

    /// The attempt came to no verdict, for a reason of ours.
    pub(crate) fn untried(&self, attempt: Attempt) {
        let mut tables = self.tables();
        tables.pairs.take_back(attempt.pair);
        tables.addresses.take_back(attempt.address);
        tables.accounts.take_back(attempt.account);
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // The tables are whole between any two statements.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// What counts as one address: with IPv6, the 64 bits that a household gets.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests;
