//! Extractors: axum's own, with problem documents as rejections, and the bearer session.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Json, Path, Query, Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    http::{StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{app::App, problem::Problem};

/// How deep a body may nest. Nothing here needs more, and servers differ in what they
/// take: MariaDB stores no JSON of more than 32 levels, MySQL none of more than 100.
pub(crate) const DEPTH_MOST: usize = 16;

pub(crate) struct Body<T>(pub T);

// How deep a JSON text nests. Brackets that do not match are left to the parser.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        // In memory already, and not too large: `around` saw to that.
        let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(|error| {
            tracing::error!(%error, "a body that was read cannot be read");
            Problem::internal()
        })?;
        if depth(&bytes) > DEPTH_MOST {
            let detail = format!("A body may nest at most {DEPTH_MOST} levels deep.");
            return Err(Problem::unreadable(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        let request = Request::from_parts(parts, bytes.into());
        let Json(value) =
            Json::from_request(request, app).await.map_err(|rejection: JsonRejection| {
                Problem::unreadable(rejection.status(), rejection.body_text())
            })?;
        Ok(Self(value))
    }
}

pub(crate) struct Params<T>(pub T);

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

pub(crate) struct Ids<T>(pub T);

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
pub(crate) struct Session {
    pub session_id: u64,
    pub account_id: u64,
}

/// What is stored of a bearer token. A plain hash does: the token is 256 random
/// bits, so there is nothing to guess that a slow hash would protect.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
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

#[cfg(test)]
mod tests {
    use super::depth;

    #[test]
    fn nesting_is_counted_outside_of_text() {
        for (json, levels) in [
            ("", 0),
            ("1", 0),
            ("[]", 1),
            (r#"{"a": [{}], "b": {}}"#, 3),
            (r#"{"a": "[[[[{{{{"}"#, 1),
            (r#"{"a": "\\", "b": "\"[[", "c": [1]}"#, 2),
            ("]]][", 1),
        ] {
            assert_eq!(depth(json.as_bytes()), levels, "{json}");
        }
    }
}
