//! The routes, by area, and the one list of them.

mod account;
mod auth;
mod content;
mod health;
mod profiles;
mod series;
mod sessions;
mod subscription;
mod watching;

use axum::routing::{MethodRouter, delete, get, post, put};
use serde::Serialize;

use crate::{app::App, check::Page};

/// Every path and what answers there. `openapi.json` is tested against this list.
pub(crate) fn all() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/healthz", get(health::alive)),
        ("/readyz", get(health::ready)),
        ("/openapi.json", get(health::openapi)),
        ("/content/genres", get(content::genres)),
        ("/content/movies", get(content::movies)),
        ("/content/movies/{id}", get(content::movie)),
        ("/content/series", get(series::list)),
        ("/content/series/{id}", get(series::one)),
        ("/auth/register", post(auth::register)),
        ("/auth/login", post(auth::login)),
        ("/auth/logout", post(sessions::logout)),
        ("/auth/sessions", delete(sessions::end_all)),
        ("/account", get(account::show)),
        ("/account/password", put(account::change_password)),
        ("/plans", get(subscription::plans)),
        (
            "/subscription",
            get(subscription::show).put(subscription::choose).delete(subscription::end),
        ),
        ("/profiles", get(profiles::list).post(profiles::create)),
        ("/profiles/{id}", get(profiles::one).put(profiles::replace).delete(profiles::remove)),
        ("/profiles/{id}/watch-history", get(watching::history).post(watching::record)),
        ("/profiles/{id}/watchlist", get(watching::watchlist)),
        (
            "/profiles/{id}/watchlist/movies/{movie}",
            put(watching::keep_movie).delete(watching::drop_movie),
        ),
        (
            "/profiles/{id}/watchlist/series/{series}",
            put(watching::keep_series).delete(watching::drop_series),
        ),
    ]
}

/// One page of a list.
#[derive(Debug, Serialize)]
struct Listing<T> {
    items: Vec<T>,
    total: i64,
    limit: u32,
    offset: u32,
}

impl<T> Listing<T> {
    fn new(items: Vec<T>, total: i64, page: Page) -> Self {
        Self { items, total, limit: page.limit, offset: page.offset }
    }
}

/// A list that is short enough to have no pages.
#[derive(Debug, Serialize)]
struct Items<T> {
    items: Vec<T>,
}

/// Genres, which the database joins into one text.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Genres(Vec<String>);

impl From<Option<String>> for Genres {
    fn from(joined: Option<String>) -> Self {
        Self(joined.map(|text| text.split('|').map(str::to_owned).collect()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn openapi_lists_every_path() {
        let document: serde_json::Value = serde_json::from_str(super::health::OPENAPI).unwrap();
        let written: BTreeSet<&str> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let routed: BTreeSet<&str> = super::all().into_iter().map(|(path, _)| path).collect();
        assert_eq!(written, routed);
    }
}
