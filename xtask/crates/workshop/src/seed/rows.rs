//! The rows themselves: each from the seed and its number alone, so that the same
//! scale and seed give the same rows in every order, and no row is remembered.

use std::fmt::Write as _;

use super::catalogue::{
    credit, episode, genre, movie, movie_genre, person, season, series, series_genre,
};
use super::random::Random;
use super::sizes::Sizes;
use super::text::{FAMILY, GIVEN, PERIOD_MS, moment, string};

/// What a row is made from.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub sizes: &'a Sizes,
    pub seed: u64,
    /// The scale, for the mark.
    pub scale: f64,
}

/// A table: its name, the columns that are given, and how a row is written.
#[derive(Debug)]
pub(crate) struct Table {
    pub name: &'static str,
    /// The columns, as in an INSERT.
    pub columns: &'static str,
    /// Appends `(…)`.
    pub row: fn(&mut String, &Source<'_>, u64, &mut Random),
}

/// Every table, parents before children.
pub(crate) const TABLES: [Table; 19] = [
    Table { name: "genre", columns: "id, name", row: genre },
    Table {
        name: "movie",
        columns: "id, title, release_year, runtime_minutes, age_rating, original_language, description, created_at, updated_at",
        row: movie,
    },
    Table {
        name: "series",
        columns: "id, title, start_year, end_year, age_rating, original_language, description, created_at, updated_at",
        row: series,
    },
    Table { name: "season", columns: "id, series_id, season_number", row: season },
    Table {
        name: "episode",
        columns: "id, season_id, episode_number, title, runtime_minutes",
        row: episode,
    },
    Table { name: "movie_genre", columns: "movie_id, genre_id", row: movie_genre },
    Table { name: "series_genre", columns: "series_id, genre_id", row: series_genre },
    Table { name: "person", columns: "id, name, birth_year", row: person },
    Table {
        name: "credit",
        columns: "id, person_id, movie_id, series_id, role, character_name",
        row: credit,
    },
    Table {
        name: "subscription_plan",
        columns: "id, name, price_monthly, currency, max_streams, max_resolution, created_at",
        row: subscription_plan,
    },
    Table {
        name: "account",
        columns: "id, email, password_hash, display_name, status, created_at, updated_at",
        row: account,
    },
    Table {
        name: "profile",
        columns: "id, account_id, name, maturity, preferences, created_at, updated_at",
        row: profile,
    },
    Table {
        name: "device",
        columns: "id, account_id, name, kind, created_at, last_seen_at",
        row: device,
    },
    Table {
        name: "session",
        columns: "id, token_hash, account_id, device_id, created_at, expires_at",
        row: session,
    },
    Table {
        name: "subscription",
        columns: "id, account_id, plan_id, status, price_monthly, started_at, ended_at",
        row: subscription,
    },
    Table {
        name: "payment",
        columns: "id, subscription_id, net_amount, tax_amount, currency, status, reference, due_at, paid_at",
        row: payment,
    },
    Table {
        name: "watch_history",
        columns: "id, profile_id, movie_id, episode_id, position_seconds, completed, watched_at",
        row: watch_history,
    },
    Table {
        name: "watchlist",
        columns: "id, profile_id, movie_id, series_id, added_at",
        row: watchlist,
    },
    Table {
        name: "rating",
        columns: "id, profile_id, movie_id, series_id, stars, rated_at",
        row: rating,
    },
];

/// Languages of titles and profiles.
pub(crate) const LANGUAGES: [&str; 8] = ["en", "nl", "de", "fr", "es", "ja", "pt-BR", "uk"];

/// Writing to a String cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => { let _ = write!($out, $($arg)*); };
}
pub(super) use put;

/// Appends a moment and what comes after it.
pub(crate) fn when(out: &mut String, ms: u64, after: &str) {
    moment(out, ms);
    out.push_str(after);
}

const PLANS: [(&str, &str, u64, &str); 3] = [
    ("Basic", "7.99", 1, "720p"),
    ("Standard", "12.99", 2, "1080p"),
    ("Premium", "17.99", 4, "2160p"),
];

fn subscription_plan(out: &mut String, of: &Source<'_>, row: u64, _: &mut Random) {
    let (name, price, streams, resolution) = PLANS[row as usize];
    let id = of.sizes.id("subscription_plan", row);
    put!(out, "({id},'{name} (s{})',{price},'EUR',{streams},'{resolution}',", of.seed);
    when(out, 0, ")");
}

/// The e-mail address of an account; the first one is the seed's mark.
pub(crate) fn email(seed: u64, row: u64) -> String {
    format!("user{row}.s{seed}@example.com")
}

/// What the mark says while rows are being written, and afterwards.
pub(crate) fn mark(seed: u64, scale: f64, finished: bool) -> String {
    let rest = if finished { "" } else { ", not finished" };
    format!("db-seed --scale {scale} --seed {seed}{rest}")
}

fn account(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    // Nobody can log in to these: no password has this hash.
    put!(out, "({},'{}','!',", of.sizes.id("account", row), email(of.seed, row));
    if row == 0 {
        string(out, &mark(of.seed, of.scale, false));
        out.push_str(",'closed',");
    } else {
        string(out, &format!("{} {}", random.pick(&GIVEN), random.pick(&FAMILY)));
        let status =
            if random.chance(95) { "active" } else { random.pick(&["suspended", "closed"]) };
        put!(out, ",'{status}',");
    }
    let at = random.below(PERIOD_MS / 2);
    when(out, at, ",");
    when(out, at, ")");
}

fn profile(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    put!(out, "({},{},", of.sizes.id("profile", row), of.sizes.id("account", row / 2));
    let kids = row % 2 == 1 && random.chance(50);
    string(out, if row.is_multiple_of(2) { random.pick(&GIVEN) } else { "Second" });
    put!(out, ",'{}',", if kids { "kids" } else { random.pick(&["teen", "adult"]) });
    let (autoplay, language) = (random.chance(70), random.pick(&LANGUAGES));
    let json = match random.below(20) {
        0 => format!(
            "{{\"autoplay\": {autoplay}, \"note\": \"\\\"it's\\\" \\\\ 🎬\\n{language}\", \"rows\": [1, null, 2.5]}}"
        ),
        1 => "{}".to_owned(),
        _ => format!("{{\"autoplay\": {autoplay}, \"language\": \"{language}\"}}"),
    };
    string(out, &json);
    out.push(',');
    let at = random.below(PERIOD_MS / 2);
    when(out, at, ",");
    when(out, at, ")");
}

fn device(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    let account = of.sizes.spread(row, "device", "account");
    put!(out, "({},{},", of.sizes.id("device", row), of.sizes.id("account", account));
    string(out, random.pick(&["Living room", "Björn's phone", "Tablet \\ kitchen", "Laptop 💻"]));
    put!(out, ",'{}',", random.pick(&["tv", "phone", "tablet", "computer", "other"]));
    let at = random.below(PERIOD_MS / 2);
    when(out, at, ",");
    when(out, at + random.below(PERIOD_MS / 2), ")");
}

fn session(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    let device = of.sizes.spread(row, "session", "device");
    let account = of.sizes.spread(device, "device", "account");
    put!(out, "({},0x", of.sizes.id("session", row));
    for _ in 0..4 {
        put!(out, "{:016x}", random.next());
    }
    put!(out, ",{},{},", of.sizes.id("account", account), of.sizes.id("device", device));
    let at = random.below(PERIOD_MS);
    when(out, at, ",");
    // Far away: expired ones are deleted by an event of the schema.
    when(out, at + 20 * PERIOD_MS, ")");
}

fn subscription(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    // One in ten is an earlier one of the account before it.
    let ended = row % 10 == 9;
    let account = of.sizes.spread(row - u64::from(ended), "subscription", "account");
    let plan = random.below(3);
    let (id, plan_id) = (of.sizes.id("subscription", row), of.sizes.id("subscription_plan", plan));
    let price = PLANS[plan as usize].1;
    let status = if ended { "ended" } else { "active" };
    put!(out, "({id},{},{plan_id},'{status}',{price},", of.sizes.id("account", account));
    let at = random.below(PERIOD_MS / 2);
    when(out, at, ",");
    if ended {
        when(out, at + random.below(PERIOD_MS / 2), ")");
    } else {
        out.push_str("NULL)");
    }
}

fn payment(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    let subscription = of.sizes.spread(row, "payment", "subscription");
    put!(out, "({},{},", of.sizes.id("payment", row), of.sizes.id("subscription", subscription));
    let cents = 500 + random.below(1500);
    let tax = cents * 21 / 100;
    put!(out, "{}.{:02},{}.{:02},'EUR',", cents / 100, cents % 100, tax / 100, tax % 100);
    let status = random.pick(&["paid", "paid", "paid", "paid", "pending", "failed", "refunded"]);
    put!(out, "'{status}',");
    if status == "pending" {
        out.push_str("NULL,");
    } else {
        put!(out, "'s{}-{row}',", of.seed);
    }
    let at = random.below(PERIOD_MS / 2);
    when(out, at, ",");
    if status == "paid" {
        when(out, at + random.below(PERIOD_MS / 100), ")");
    } else {
        out.push_str("NULL)");
    }
}

fn watch_history(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    let sizes = of.sizes;
    let profile = random.below(sizes.rows("profile"));
    put!(out, "({},{},", sizes.id("watch_history", row), sizes.id("profile", profile));
    if random.chance(80) {
        // Few titles are watched often: the smaller of two.
        let movies = sizes.rows("movie");
        let movie = random.below(movies).min(random.below(movies));
        put!(out, "{},NULL,", sizes.id("movie", movie));
    } else {
        put!(out, "NULL,{},", sizes.id("episode", random.below(sizes.rows("episode"))));
    }
    put!(out, "{},{},", random.below(7200), u64::from(random.chance(60)));
    // They are written as they happen, one after the other.
    let step = PERIOD_MS / sizes.rows("watch_history").max(1);
    when(out, row * step + random.below(step.max(1)), ")");
}

/// The profile and title of a list's entry: four a profile, no title twice.
fn entry(out: &mut String, of: &Source<'_>, table: &str, number: u64, row: u64) {
    let sizes = of.sizes;
    let listed = sizes.rows(table).div_ceil(4).max(1);
    let profile = row / 4 * (sizes.rows("profile") / listed).max(1);
    let profile = sizes.id("profile", profile % sizes.rows("profile"));
    let first = Random::of(of.seed, number, row / 4).next() >> 1;
    let place = first + row % 4 / 2;
    put!(out, "({},{profile},", sizes.id(table, row));
    if row.is_multiple_of(2) {
        put!(out, "{},NULL,", sizes.id("movie", place % sizes.rows("movie")));
    } else {
        put!(out, "NULL,{},", sizes.id("series", place % sizes.rows("series")));
    }
}

fn watchlist(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    entry(out, of, "watchlist", 104, row);
    when(out, random.below(PERIOD_MS), ")");
}

fn rating(out: &mut String, of: &Source<'_>, row: u64, random: &mut Random) {
    entry(out, of, "rating", 105, row);
    put!(out, "{},", 1 + random.below(5));
    when(out, random.below(PERIOD_MS), ")");
}
