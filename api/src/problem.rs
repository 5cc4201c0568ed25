//! Errors as clients see them: RFC 9457 problem documents, nothing internal inside.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::db;

/// One field of a request that is not as it should be.
#[derive(Debug, Serialize)]
pub(crate) struct FieldError {
    pub field: &'static str,
    /// What is expected of it.
    pub message: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// Seconds, for the header `Retry-After`.
    #[serde(skip)]
    retry_after: Option<u64>,
}

fn as_number<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    fn new(status: StatusCode, slug: &str, title: &'static str, detail: impl Into<String>) -> Self {
        let kind = format!("urn:streamflix:problem:{slug}");
        Self { kind, title, status, detail: detail.into(), errors: vec![], retry_after: None }
    }

    /// 404: no such thing, or none that the caller may know of.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", format!("There is no {what}."))
    }

    /// 405: the path exists, the method does not.
    pub(crate) fn method_not_allowed() -> Self {
        let detail = "This path does not support that method.";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "Method not allowed",
            detail,
        )
    }

    /// 401: who is asking?
    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Not logged in", detail)
    }

    /// 409: it contradicts what is already there.
    pub(crate) fn conflict(detail: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Conflict", detail)
    }

    /// 422: readable, but some fields are not as they should be.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = "Some fields are invalid; see \"errors\".";
        let problem =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid input", detail);
        Self { errors, ..problem }
    }

    /// 4xx for a request that could not be read at all; `status` comes from axum.
    pub(crate) fn unreadable(status: StatusCode, detail: String) -> Self {
        Self::new(status, "unreadable", "Unreadable request", detail)
    }

    /// 503: come back later.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", detail)
    }

    /// 503: too much to do at once; come back in some seconds.
    pub(crate) fn busy(detail: &str, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..Self::unavailable(detail) }
    }

    /// 429: too many attempts; the next one is let through after `wait`.
    pub(crate) fn too_many(wait: Duration) -> Self {
        let detail = "Too many attempts. Try again later; \"Retry-After\" says when.";
        let problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-attempts",
            "Too many attempts",
            detail,
        );
        // Rounded up: a client that waits exactly as long is let through.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self { retry_after: Some(seconds), ..problem }
    }

    /// 500: our fault; the log has the reason.
    pub(crate) fn internal() -> Self {
        let detail = "Something went wrong on our side.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        // The client learns nothing of the error; sqlx's text never holds bound values.
        tracing::error!(%error, cause = db::cause(&error), "database error");
        match error {
            sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Configuration(_) => {
                Self::unavailable("The database cannot be reached at the moment.")
            }
            _ => Self::internal(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a struct of strings serializes");
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
