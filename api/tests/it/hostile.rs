//! Whatever a client sends, it is the client's mistake: no input makes a 500.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Client, with_schema};

fn nested(levels: usize) -> String {
    format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
}

/// As text in JSON.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\0",
    "a\0b",
    "\u{7f}",
    "\u{200b}",
    "\u{202e}x",
    "\u{feff}",
    "\u{ffff}",
    "\u{10ffff}",
    "İ",
    "ß",
    "😀",
    "'",
    "\"",
    "\\",
    "`",
    "%",
    "_",
    "!",
    "--",
    "/*",
    "\" OR 1=1",
    "+(\"*",
    "@5",
    "null",
    "1e999",
    "0x41",
    "../..",
    "a@b.c",
    "İ@b.c",
];

/// As they are in JSON.
const RAW: &[&str] = &[
    r#""\ud800""#,
    r#""\udc00\ud800""#,
    r#""\u0000""#,
    r#"{"\u0000": 1}"#,
    r#"{"a": "\ud83d"}"#,
    "null",
    "true",
    "[]",
    "{}",
    "-1",
    "-0",
    "0.1",
    "1e400",
    "-1e400",
    "1e308",
    "1e-400",
    "18446744073709551615",
    "18446744073709551616",
    "4294967295",
    "4294967296",
    "-9223372036854775809",
    "99999999999999999999999999999999",
    "NaN",
    "{\"a\": 1, \"a\": 2}",
    "{\"\": {}}",
    "[1,",
    "\"",
    "{\"$ref\": \"#\"}",
];

/// In the place of ids and numbers of a path or a query.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "1e3",
    "0x1",
    "%00",
    "%F0%9F%98%80",
    "%ff",
    "%C3%28",
    "1%2F2",
    "+1",
    "%20",
];

/// As texts of a query.
const QUERIES: &[&str] = &[
    "",
    "%00",
    "a%00b",
    "%ff%fe",
    "%C3%28",
    "%ED%A0%80",
    "%F0%9F%98%80",
    "%E2%80%8B",
    "%EF%BF%BF",
    "%27",
    "%22",
    "%5C",
    "!",
    "%25",
    "_",
    "%2B%28%22*",
    "%22a",
    "a*",
    "(",
    "@1",
    "%3C%3E~",
    "-a",
    "++",
    "*",
    "%28%28%28%29",
    "a%26%26b",
    "%E4%B8%AD%E6%96%87",
    "%",
    "%zz",
    "a&title=b",
    "[]",
    "a;b",
];

/// Values that servers, drivers and parsers have stumbled over.
fn values() -> Vec<String> {
    let mut values = vec![];
    for text in TEXTS {
        values.push(json!(text).to_string());
    }
    for long in ["x", "İ", "😀"] {
        values.push(json!(long.repeat(254)).to_string());
        values.push(json!(long.repeat(300)).to_string());
        values.push(json!(format!("{}@b.c", long.repeat(250))).to_string());
    }
    values.extend([1, 2, 15, 16, 17, 31, 32, 33, 99, 100, 101, 127, 128, 500, 50_000].map(nested));
    for raw in RAW {
        values.push((*raw).to_owned());
    }
    values.push(format!("1{}", "0".repeat(400)));
    values.push(format!("{{{}: 1}}", json!("k".repeat(15_000))));
    values.push(json!("\u{1}".repeat(16_000)).to_string());
    values
}

async fn demand_no_500(client: &Client, method: &str, path: &str, body: String) -> StatusCode {
    let (status, kind, json) = client.raw(method, path, body.clone()).await;
    let start: String = body.chars().take(200).collect();
    assert!(status.as_u16() < 500, "{method} {path} with {start}: {json}");
    if status.is_client_error() {
        assert_eq!(kind, "application/problem+json", "{method} {path} with {start}");
    }
    status
}

#[tokio::test]
async fn deep_preferences_are_the_clients_mistake() {
    with_schema(async |schema| {
        let ann = schema.ready().await.log_in("ann@example.org").await;
        for levels in [15, 31, 32, 99, 100, 101, 127, 128, 50_000] {
            let body =
                format!(r#"{{"name": "{levels}", "preferences": {{"a": {}}}}}"#, nested(levels));
            let (status, kind, json) = ann.raw("POST", "/profiles", body).await;
            assert_eq!(
                (status.as_u16(), kind.as_str()),
                (422, "application/problem+json"),
                "{json}"
            );
        }
        // What is let through comes back as it was, on every server.
        let deepest: Value = serde_json::from_str(&format!(r#"{{"a": {}}}"#, nested(14))).unwrap();
        let body = json!({"name": "deep", "preferences": deepest});
        let profile = ann.ok(201, "POST", "/profiles", body).await;
        assert_eq!(profile["preferences"], deepest);
    })
    .await;
}

#[tokio::test]
async fn no_body_makes_a_500() {
    with_schema(async |schema| {
        let anybody = schema.ready().await;
        let ann = anybody.log_in("ann@example.org").await;
        let profile = ann.ok(201, "POST", "/profiles", json!({"name": "Ann"})).await["id"].clone();
        let (profile, seen) =
            (format!("/profiles/{profile}"), format!("/profiles/{profile}/watch-history"));
        let fine = [
            ("POST", "/profiles", r#"{"name": "a", "maturity": "kids", "preferences": {}}"#),
            ("PUT", &profile, r#"{"name": "a", "maturity": "kids", "preferences": {}}"#),
            ("POST", &seen, r#"{"movie_id": 1, "position_seconds": 1, "completed": true}"#),
            ("POST", &seen, r#"{"episode_id": 1, "position_seconds": 1}"#),
            ("PUT", "/subscription", r#"{"plan": "Basic"}"#),
            ("PUT", "/account/password", r#"{"current_password": "x", "new_password": "short"}"#),
            ("POST", "/auth/login", r#"{"email": "x@y.z", "password": "x", "device": "tv"}"#),
            (
                "POST",
                "/auth/register",
                r#"{"email": "x@y.z", "password": "short", "display_name": "x"}"#,
            ),
        ];
        for (method, path, body) in fine {
            let fields: serde_json::Map<String, Value> = serde_json::from_str(body).unwrap();
            for value in values() {
                demand_no_500(&ann, method, path, value.clone()).await;
                for field in fields.keys() {
                    // A text of its own, not a `Value`: some of these cannot be one.
                    let parts: Vec<String> = fields
                        .iter()
                        .map(|(name, old)| match name == field {
                            true => format!("{}: {value}", json!(name)),
                            false => format!("{}: {old}", json!(name)),
                        })
                        .collect();
                    let body = format!("{{{}}}", parts.join(", "));
                    demand_no_500(&ann, method, path, body).await;
                }
            }
        }
        // Not UTF-8 at all goes through `raw` as little as through a shell; as text it does.
        for path in ["/auth/register", "/profiles"] {
            demand_no_500(&ann, "POST", path, "\u{fffd}".repeat(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn addresses_that_grow_in_lower_case_are_too_long() {
    with_schema(async |schema| {
        let client = schema.ready().await;
        // One letter that takes two in lower case.
        let email = format!("{}@b.cc", "İ".repeat(249));
        let body = json!({"email": email, "password": "correct horse", "display_name": "T"});
        client.problem(422, "POST", "/auth/register", body).await;
    })
    .await;
}

#[tokio::test]
async fn no_path_and_no_number_makes_a_500() {
    with_schema(async |schema| {
        let anybody = schema.ready().await;
        let ann = anybody.log_in("ann@example.org").await;
        for number in NUMBERS {
            for (method, path) in [
                ("GET", format!("/content/movies/{number}")),
                ("GET", format!("/content/series/{number}")),
                ("GET", format!("/profiles/{number}")),
                ("DELETE", format!("/profiles/{number}")),
                ("GET", format!("/profiles/{number}/watch-history?limit={number}&offset={number}")),
                ("GET", format!("/profiles/{number}/watchlist")),
                ("PUT", format!("/profiles/{number}/watchlist/movies/{number}")),
                ("DELETE", format!("/profiles/{number}/watchlist/series/{number}")),
                ("GET", format!("/content/movies?limit={number}")),
                ("GET", format!("/content/series?offset={number}")),
                ("GET", format!("/content/series?limit=100&offset={number}")),
            ] {
                demand_no_500(&ann, method, &path, String::new()).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn no_search_and_no_token_makes_a_500() {
    with_schema(async |schema| {
        let anybody = schema.ready().await;
        let mut texts: Vec<String> = QUERIES.iter().map(|text| (*text).to_owned()).collect();
        texts.extend([199, 200, 201, 5000].map(|length| "x".repeat(length)));
        texts.push("x%20".repeat(99));
        for text in texts {
            for name in ["title", "genre", "q", "limit", "offset", "colour", "%00"] {
                for list in ["movies", "series"] {
                    let path = format!("/content/{list}?{name}={text}");
                    demand_no_500(&anybody, "GET", &path, String::new()).await;
                }
            }
        }
        for token in ["", " ", "x", "\u{e9}", "Bearer", &"y".repeat(7000)] {
            let forger = Client { token: Some(token.to_owned()), ..anybody.clone() };
            assert_eq!(
                demand_no_500(&forger, "GET", "/account", String::new()).await.as_u16(),
                401
            );
        }
    })
    .await;
}
