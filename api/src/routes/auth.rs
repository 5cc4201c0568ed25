//! Accounts and bearer sessions.

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Secret,
    app::App,
    check::Checks,
    extract::{Body, Session, token_hash},
    hex,
    problem::Problem,
};

const SESSION_DAYS: u32 = 30;

/// Body of `POST /auth/register`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    email: String,
    password: Secret,
    display_name: String,
}

/// An account as its owner sees it.
#[derive(Debug, Serialize, sqlx::FromRow)]
pub struct Account {
    id: u64,
    email: String,
    display_name: String,
    created_at: DateTime<Utc>,
}

async fn find(app: &App, id: u64) -> Result<Account, Problem> {
    let query = "SELECT id, email, display_name, created_at FROM account WHERE id = ?";
    Ok(sqlx::query_as(query).bind(id).fetch_one(&app.pool).await?)
}

// Addresses are compared in lower case. More than "something@something.else" is
// not checked: only a mail that arrives proves an address.
fn email(checks: &mut Checks, text: &str) -> String {
    let email = checks.text("email", text, 3, 254).to_lowercase();
    let fine = email.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !host.contains('@') && !email.contains(' ')
    });
    checks.that(fine, "email", "must be an e-mail address");
    email
}

/// `POST /auth/register`.
pub async fn register(
    State(app): State<App>,
    Body(body): Body<Register>,
) -> Result<(StatusCode, Json<Account>), Problem> {
    let mut checks = Checks::default();
    let email = email(&mut checks, &body.email);
    let display_name = checks.text("display_name", &body.display_name, 1, 100);
    // The upper bound keeps somebody from having megabytes hashed.
    let length = body.password.expose().chars().count();
    checks.that((10..=200).contains(&length), "password", "must have 10 to 200 characters");
    checks.done()?;

    let password_hash = app.passwords.hash(body.password).await?;
    let query = "INSERT INTO account (email, password_hash, display_name) VALUES (?, ?, ?)";
    let inserted = sqlx::query(query)
        .bind(email)
        .bind(password_hash)
        .bind(display_name)
        .execute(&app.pool)
        .await;
    match inserted {
        Ok(done) => Ok((StatusCode::CREATED, Json(find(&app, done.last_insert_id()).await?))),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            Err(Problem::conflict("An account with this e-mail address exists already."))
        }
        Err(error) => Err(error.into()),
    }
}

/// Body of `POST /auth/login`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    email: String,
    password: Secret,
    /// Name of the device, to tell sessions apart.
    device: Option<String>,
}

/// Answer of `POST /auth/login`. Deliberately without `Debug`: it holds the token.
#[derive(Serialize)]
pub struct LoggedIn {
    token: String,
    token_type: &'static str,
    expires_at: DateTime<Utc>,
    account: Account,
}

/// `POST /auth/login`.
pub async fn login(
    State(app): State<App>,
    Body(body): Body<Login>,
) -> Result<Json<LoggedIn>, Problem> {
    let mut checks = Checks::default();
    let device = body.device.as_deref().map(|name| checks.text("device", name, 1, 100));
    let length = body.password.expose().chars().count();
    checks.that(length <= 200, "password", "must have at most 200 characters");
    checks.done()?;

    let found: Option<(u64, String)> = sqlx::query_as(
        "SELECT id, password_hash FROM account WHERE email = ? AND status = 'active'",
    )
    .bind(body.email.trim().to_lowercase())
    .fetch_optional(&app.pool)
    .await?;
    let (account_id, stored) = found.unzip();
    let right = app.passwords.verify(body.password, stored).await?;
    let account_id = account_id
        .filter(|_| right)
        .ok_or_else(|| Problem::unauthorized("The e-mail address or the password is wrong."))?;

    let mut random = [0_u8; 32];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "no random bytes");
        Problem::internal()
    })?;
    let token = hex(&random);
    let expires_at = open_session(&app, account_id, device, &token).await?;
    let account = find(&app, account_id).await?;
    Ok(Json(LoggedIn { token, token_type: "Bearer", expires_at, account }))
}

async fn open_session(
    app: &App,
    account_id: u64,
    device: Option<String>,
    token: &str,
) -> Result<DateTime<Utc>, Problem> {
    let mut tx = app.pool.begin().await?;
    let device_id = match device {
        None => None,
        Some(name) => {
            sqlx::query(
                "INSERT INTO device (account_id, name) VALUES (?, ?) \
                 ON DUPLICATE KEY UPDATE last_seen_at = CURRENT_TIMESTAMP(3)",
            )
            .bind(account_id)
            .bind(&name)
            .execute(&mut *tx)
            .await?;
            let query = "SELECT id FROM device WHERE account_id = ? AND name = ?";
            let id: u64 =
                sqlx::query_scalar(query).bind(account_id).bind(&name).fetch_one(&mut *tx).await?;
            Some(id)
        }
    };
    // The database's clock decides, here and when the session is checked.
    let id = sqlx::query(
        "INSERT INTO session (token_hash, account_id, device_id, expires_at) \
         VALUES (?, ?, ?, UTC_TIMESTAMP(3) + INTERVAL ? DAY)",
    )
    .bind(&token_hash(token)[..])
    .bind(account_id)
    .bind(device_id)
    .bind(SESSION_DAYS)
    .execute(&mut *tx)
    .await?
    .last_insert_id();
    let query = "SELECT expires_at FROM session WHERE id = ?";
    let expires_at = sqlx::query_scalar(query).bind(id).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(expires_at)
}

/// `POST /auth/logout`: ends the session that asks.
pub async fn logout(State(app): State<App>, session: Session) -> Result<StatusCode, Problem> {
    sqlx::query("DELETE FROM session WHERE id = ?")
        .bind(session.session_id)
        .execute(&app.pool)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /account`.
pub async fn account(State(app): State<App>, session: Session) -> Result<Json<Account>, Problem> {
    Ok(Json(find(&app, session.account_id).await?))
}
