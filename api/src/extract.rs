//! Extractors: axum's own, with problem documents as rejections, and the bearer session.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Json, Path, Query, Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{header, request::Parts},
};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{app::App, problem::Problem};

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let Json(value) =
            Json::from_request(request, app).await.map_err(|rejection: JsonRejection| {
                Problem::unreadable(rejection.status(), rejection.body_text())
            })?;
        Ok(Self(value))
    }
}

/// Query parameters.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Query(value) =
            Query::from_request_parts(parts, app).await.map_err(|rejection: QueryRejection| {
                Problem::unreadable(rejection.status(), rejection.body_text())
            })?;
        Ok(Self(value))
    }
}

/// Ids in the path.
pub struct Ids<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(value) =
            Path::from_request_parts(parts, app).await.map_err(|rejection: PathRejection| {
                Problem::unreadable(rejection.status(), rejection.body_text())
            })?;
        Ok(Self(value))
    }
}

/// The logged-in account behind a request.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    /// Its session.
    pub session_id: u64,
    /// The account.
    pub account_id: u64,
}

/// What is stored of a bearer token. A plain hash does: the token is 256 random
/// bits, so there is nothing to guess that a slow hash would protect.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl FromRequestParts<App> for Session {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or_else(|| {
                Problem::unauthorized("This needs an \"Authorization: Bearer\" header.")
            })?;
        let found: Option<(u64, u64)> = sqlx::query_as(
            "SELECT s.id, s.account_id FROM session s JOIN account a ON a.id = s.account_id \
             WHERE s.token_hash = ? AND s.expires_at > UTC_TIMESTAMP(3) AND a.status = 'active'",
        )
        .bind(&token_hash(token)[..])
        .fetch_optional(&app.pool)
        .await?;
        match found {
            Some((session_id, account_id)) => Ok(Self { session_id, account_id }),
            None => Err(Problem::unauthorized("The session is unknown or has expired.")),
        }
    }
}
