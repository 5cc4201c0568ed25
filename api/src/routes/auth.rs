//! Registration and login. Neither tells who has an account.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    account::{Account, find},
    sessions,
};
use crate::{
    Secret, app::App, backoff::Kind, check::Checks, client::Client, extract::Body, problem::Problem,
};

// Longer than a write takes: whether there was one does not show in the time.
const SETTLE: Duration = Duration::from_millis(100);

/// Body of `POST /auth/register`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    email: String,
    password: Secret,
    display_name: String,
}

/// Answer of `POST /auth/register`, the same for everybody.
#[derive(Debug, Serialize)]
pub(crate) struct Registered {
    message: &'static str,
}

const REGISTERED: Registered = Registered {
    message: "If this e-mail address had no account, it has one now: log in. An existing account \
    is unchanged.",
};

// More than "something@something.else" is not checked: only a mail that arrives proves an
// address.
fn email(checks: &mut Checks, text: &str) -> String {
    // Some letters take more room in lower case.
    let email = checks.text("email", &comparable(text), 3, 254);
    let fine = email.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !host.contains('@') && !email.contains(' ')
    });
    checks.that(fine, "email", "must be an e-mail address");
    email
}

// An address as it is stored, compared and counted.
fn comparable(email: &str) -> String {
    email.trim().to_lowercase()
}

/// A password as one may choose it.
pub(super) fn password(checks: &mut Checks, field: &'static str, password: &Secret) {
    // The upper bound keeps someone from having megabytes hashed.
    let length = password.expose().chars().count();
    checks.that((10..=200).contains(&length), field, "must have 10 to 200 characters");
}

/// `POST /auth/register`: makes an account, or leaves the one that is there alone. Both
/// take the same work and get the same answer.
///
/// With mail, this is the place that sends one: to a new address a link to confirm it, to a
/// known one the news that someone tried. Without, whoever registers an address and then
/// logs in learns whether it was free; `backoff` keeps that slow.
pub(crate) async fn register(
    State(app): State<App>,
    Client(address): Client,
    Body(body): Body<Register>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    let mut checks = Checks::default();
    let email = email(&mut checks, &body.email);
    let display_name = checks.text("display_name", &body.display_name, 1, 100);
    password(&mut checks, "password", &body.password);
    checks.done()?;

    let admitted = app.backoff.admit(Kind::Registration, &email, address, Instant::now());
    let attempt = admitted.map_err(Problem::too_many)?;
    let hashed = app.passwords.hash(body.password).await;
    let password_hash = hashed.inspect_err(|_| app.backoff.untried(attempt))?;
    let query = "INSERT INTO account (email, password_hash, display_name) VALUES (?, ?, ?)";
    let insert =
        sqlx::query(query).bind(email).bind(password_hash).bind(display_name).execute(&app.pool);
    let (inserted, ()) = tokio::join!(insert, tokio::time::sleep(SETTLE));
    app.backoff.failed(attempt, Instant::now());
    match inserted {
        Ok(_) => {}
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
        Err(error) => {
            app.backoff.untried(attempt);
            return Err(error.into());
        }
    }
    Ok((StatusCode::ACCEPTED, Json(REGISTERED)))
}

/// Body of `POST /auth/login`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Login {
    email: String,
    password: Secret,
    /// Name of the device, to tell sessions apart.
    device: Option<String>,
}

/// Answer of `POST /auth/login`. Deliberately without `Debug`: it holds the token.
#[derive(Serialize)]
pub(crate) struct LoggedIn {
    token: String,
    token_type: &'static str,
    expires_at: DateTime<Utc>,
    account: Account,
}

/// `POST /auth/login`.
pub(crate) async fn login(
    State(app): State<App>,
    Client(address): Client,
    Body(body): Body<Login>,
) -> Result<Json<LoggedIn>, Problem> {
    let mut checks = Checks::default();
    let device = body.device.as_deref().map(|name| checks.text("device", name, 1, 100));
    let length = body.password.expose().chars().count();
    checks.that(length <= 200, "password", "must have at most 200 characters");
    checks.done()?;

    let email = comparable(&body.email);
    let admitted = app.backoff.admit(Kind::Password, &email, address, Instant::now());
    let attempt = admitted.map_err(Problem::too_many)?;
    let known = known(&app, email, body.password).await;
    let known = known.inspect_err(|_| app.backoff.untried(attempt))?;
    let Some(known) = known else {
        app.backoff.failed(attempt, Instant::now());
        return Err(Problem::unauthorized("The e-mail address or the password is wrong."));
    };
    app.backoff.succeeded(attempt);

    let (token, expires_at) = sessions::open(&app, &known, device).await?;
    let account = find(&app, known.id).await?;
    Ok(Json(LoggedIn { token, token_type: "Bearer", expires_at, account }))
}

/// An account whose password was given.
pub(super) struct Known {
    pub(super) id: u64,
    pub(super) password_hash: String,
}

async fn known(app: &App, email: String, password: Secret) -> Result<Option<Known>, Problem> {
    let found: Option<(u64, String)> = sqlx::query_as(
        "SELECT id, password_hash FROM account WHERE email = ? AND status = 'active'",
    )
    .bind(email)
    .fetch_optional(&app.pool)
    .await?;
    let stored = found.as_ref().map(|(_, hash)| hash.clone());
    let right = app.passwords.verify(password, stored).await?;
    let known = found.map(|(id, password_hash)| Known { id, password_hash });
    Ok(known.filter(|_| right))
}
