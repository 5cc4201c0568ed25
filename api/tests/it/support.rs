//! A schema of its own for every test, and a client that calls the router.
//!
//! The server is named by `API_TEST_DB_USER`, `API_TEST_DB_PASSWORD`, and
//! `API_TEST_DB_HOST`/`API_TEST_DB_PORT` or `API_TEST_DB_SOCKET`; the account must be
//! allowed to do anything, as root is: tests make schemas and accounts. Without them the
//! tests are skipped, aloud; with `CI=true` they fail.

use std::{future::Future, io::Write as _, path::PathBuf};

use api::{
    Secret,
    app::{App, router},
    client::Proxies,
    config::{self, Database},
    db,
    serve::Limits,
    tls::Tls,
};
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions as _, MySqlConnection, MySqlPool};
use std::time::Duration;
use tower::ServiceExt as _;

use crate::permits::random_hex;

/// Long enough for tests that do not wait for locks.
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// An empty schema that lives as long as its test.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    pub database: Database,
    pub pool: MySqlPool,
}

fn server() -> Option<Database> {
    let Some(user) = config::environment("API_TEST_DB_USER") else {
        assert_ne!(
            config::environment("CI").as_deref(),
            Some("true"),
            "API_TEST_DB_USER is not set; in CI these tests must run"
        );
        // Straight to the handle: what goes through eprintln! is hidden when a test passes.
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "SKIPPED {name}: API_TEST_DB_USER is not set");
        return None;
    };
    let variable = |name: &str| config::environment(name).filter(|value| !value.is_empty());
    Some(Database {
        host: variable("API_TEST_DB_HOST").unwrap_or_else(|| "127.0.0.1".into()),
        port: variable("API_TEST_DB_PORT").map_or(3306, |port| port.parse().unwrap()),
        socket: variable("API_TEST_DB_SOCKET").map(PathBuf::from),
        name: String::new(),
        user,
        password: Secret::new(variable("API_TEST_DB_PASSWORD").unwrap_or_default()),
        tls: Tls::PREFERRED,
    })
}

/// Runs `statement` without any schema selected.
pub(crate) async fn administrate(server: &Database, statement: String) {
    // No schema is selected: it does not exist yet, or is about to go.
    let options = db::options(server).database("information_schema");
    let mut conn = options.connect().await.expect("the test server answers");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut conn).await.unwrap();
}

/// Runs `test` in a fresh, empty schema and drops that afterwards, whatever happened.
pub(crate) async fn with_schema<F>(test: impl FnOnce(Schema) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let Some(server) = server() else { return };
    // A name without `__`: its gate is its own, and goes with it.
    let name = format!("apitest_{}", random_hex(6));
    let database = Database { name, ..server.clone() };
    // A default that no table may inherit.
    let create = format!("CREATE SCHEMA {} DEFAULT CHARACTER SET latin1", database.name);
    administrate(&server, create).await;
    let schema = Schema { pool: db::pool(&database), database: database.clone() };
    // A task of its own catches the panic of a failed test; a local one, because sqlx's
    // migration futures are not Send.
    let tasks = tokio::task::LocalSet::new();
    let test = tasks.spawn_local(test(schema.clone()));
    let ended = tasks.run_until(test).await;
    schema.pool.close().await;
    let name = &database.name;
    administrate(&server, format!("DROP SCHEMA {name}; DROP SCHEMA IF EXISTS {name}__gate")).await;
    if let Err(error) = ended {
        std::panic::resume_unwind(error.into_panic());
    }
}

impl Schema {
    pub(crate) async fn connect(&self) -> MySqlConnection {
        db::connect(&self.database).await.unwrap()
    }

    /// Migrated, with the small catalogue of `tests/seed`.
    pub(crate) async fn ready(&self) -> Client {
        self.migrate().await;
        self.import_folder(&seed()).await.unwrap();
        self.client()
    }

    pub(crate) fn client(&self) -> Client {
        // Tests come from wherever they say, as through a proxy.
        let proxies = Proxies::read("0.0.0.0").unwrap();
        let app = App::with(self.pool.clone(), Limits::default(), proxies);
        Client { router: router(app), token: None, address: "192.0.2.1" }
    }

    /// The one number that `query` selects.
    pub(crate) async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }

    pub(crate) async fn run(&self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap();
    }
}

/// The small catalogue that tests know by heart.
pub(crate) fn seed() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/seed")
}

/// Calls the router without a network.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub router: Router,
    pub token: Option<String>,
    /// Where it calls from.
    pub address: &'static str,
}

impl Client {
    /// Sends a request with a raw body and returns status, content type and JSON (or null).
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        body: String,
    ) -> (StatusCode, String, Value) {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("x-forwarded-for", self.address);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let kind = response.headers().get(header::CONTENT_TYPE);
        let kind = kind.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
        if let Some(seconds) = response.headers().get(header::RETRY_AFTER) {
            assert!(busy.contains(&status));
            assert!(seconds.to_str().unwrap().parse::<u64>().unwrap() > 0);
        }
        assert!(
            status != StatusCode::TOO_MANY_REQUESTS
                || response.headers().contains_key(header::RETRY_AFTER)
        );
        if status == StatusCode::UNAUTHORIZED {
            assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        }
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let json = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).unwrap(),
        };
        (status, kind, json)
    }

    /// Expects success and returns the JSON.
    pub(crate) async fn ok(&self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (got, _, json) = self.raw(method, path, body).await;
        assert_eq!(got.as_u16(), status, "{method} {path}: {json}");
        json
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.ok(200, "GET", path, Value::Null).await
    }

    /// Expects a problem document with this status and returns it.
    pub(crate) async fn problem(
        &self,
        status: u16,
        method: &str,
        path: &str,
        body: Value,
    ) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (got, kind, json) = self.raw(method, path, body).await;
        assert_eq!(got.as_u16(), status, "{method} {path}: {json}");
        assert_eq!(kind, "application/problem+json", "{method} {path}");
        assert_eq!(json["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{json}");
        }
        let text = json.to_string().to_lowercase();
        for inside in ["sql", "select", "mydb", "password_hash", "127.0.0.1"] {
            assert!(!text.contains(inside), "leaks {inside:?}: {text}");
        }
        json
    }

    /// Registers and logs in; the client returned is logged in.
    pub(crate) async fn log_in(&self, email: &str) -> Client {
        let account =
            serde_json::json!({"email": email, "password": "correct horse", "display_name": "T"});
        self.ok(202, "POST", "/auth/register", account).await;
        let login = serde_json::json!({"email": email, "password": "correct horse"});
        let answer = self.ok(200, "POST", "/auth/login", login).await;
        Client { token: Some(answer["token"].as_str().unwrap().to_owned()), ..self.clone() }
    }
}
