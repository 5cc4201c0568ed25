//! Decisions over time, with the time as an argument.

use std::{net::IpAddr, time::Duration};

use tokio::time::Instant;

use super::{Backoff, Kind};

const ANN: &str = "ann@example.org";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn numbered(number: u32) -> IpAddr {
    std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into()
}

// Fails until it has to wait; says how often, and how long the wait is.
fn fails(backoff: &Backoff, kind: Kind, account: &str, from: IpAddr, now: Instant) -> (u32, u64) {
    for count in 0..1000 {
        if let Err(wait) = backoff.admit(kind, account, from, now) {
            return (count, wait.as_secs());
        }
    }
    panic!("a thousand attempts were let through");
}

#[test]
fn guesses_from_one_address_wait_there_only() {
    let backoff = Backoff::default();
    let now = Instant::now();
    let (home, away) = (ip("192.0.2.1"), ip("198.51.100.9"));
    assert_eq!(fails(&backoff, Kind::Password, ANN, away, now), (5, 5));
    // Refused attempts do not count: the wait stays the same.
    assert_eq!(fails(&backoff, Kind::Password, ANN, away, now), (0, 5));
    let later = now + Duration::from_secs(5);
    assert_eq!(fails(&backoff, Kind::Password, ANN, away, later), (1, 10));
    // The verdict came late, and the wait counts from there.
    let attempt =
        backoff.admit(Kind::Password, ANN, away, later + Duration::from_secs(10)).unwrap();
    let verdict = later + Duration::from_secs(40);
    backoff.failed(attempt, verdict);
    assert_eq!(fails(&backoff, Kind::Password, ANN, away, verdict), (0, 20));
    let attempt = backoff.admit(Kind::Password, ANN, home, now).unwrap();
    backoff.succeeded(attempt);
    assert_eq!(fails(&backoff, Kind::Password, ANN, home, now), (5, 5));
}

#[test]
fn many_addresses_have_one_guess_each_and_the_owner_still_gets_in() {
    let backoff = Backoff::default();
    let mut now = Instant::now();
    let mut let_through = 0;
    // An hour of guesses from a thousand addresses, each as fast as it may.
    for _ in 0..60 {
        for number in 0..1000 {
            let_through += fails(&backoff, Kind::Password, ANN, numbered(number), now).0;
        }
        now += Duration::from_secs(60);
        // Ann, at an address that never failed, is let through at once, all the time.
        let attempt = backoff.admit(Kind::Password, ANN, ip("192.0.2.1"), now).unwrap();
        backoff.succeeded(attempt);
    }
    assert!(let_through < 9_000, "{let_through} guesses in an hour");
}

#[test]
fn one_address_waits_whatever_accounts_it_tries() {
    let backoff = Backoff::default();
    let now = Instant::now();
    let from = ip("2001:db8:1:2::1");
    let mut let_through = 0;
    for number in 0..500 {
        let account = format!("{number}@example.org");
        // Another address of the same household.
        let from = if number % 2 == 0 { from } else { ip("2001:db8:1:2:ffff::7") };
        let_through += u32::from(backoff.admit(Kind::Password, &account, from, now).is_ok());
    }
    assert_eq!(let_through, 20);
    // An attacker's own account wipes nothing out.
    let now = now + Duration::from_secs(5);
    let own = backoff.admit(Kind::Password, "own@example.org", from, now).unwrap();
    backoff.succeeded(own);
    assert!(backoff.admit(Kind::Password, ANN, from, now).is_err());
    assert!(backoff.admit(Kind::Password, ANN, ip("2001:db8:1:3::1"), now).is_ok());
}

#[test]
fn many_who_succeed_at_one_address_do_not_wait() {
    let backoff = Backoff::default();
    let now = Instant::now();
    for number in 0..200 {
        let account = format!("{number}@example.org");
        let attempt = backoff.admit(Kind::Password, &account, ip("192.0.2.1"), now).unwrap();
        backoff.succeeded(attempt);
    }
    for _ in 0..200 {
        let attempt = backoff.admit(Kind::Password, ANN, ip("192.0.2.1"), now).unwrap();
        backoff.untried(attempt);
    }
}

#[test]
fn registrations_count_by_themselves() {
    let backoff = Backoff::default();
    let now = Instant::now();
    let from = ip("192.0.2.1");
    assert_eq!(fails(&backoff, Kind::Registration, ANN, from, now), (3, 10));
    let others = (0..100)
        .filter(|number| {
            backoff.admit(Kind::Registration, &format!("{number}@x.org"), from, now).is_ok()
        })
        .count();
    assert_eq!(others, 7);
    assert!(backoff.admit(Kind::Password, ANN, from, now).is_ok());
}
