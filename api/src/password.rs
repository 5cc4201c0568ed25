//! Password hashing (argon2id), away from the threads that serve requests.

use std::sync::{Arc, OnceLock};

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use tokio::sync::Semaphore;

use crate::{Secret, problem::Problem};

/// Hashes and verifies passwords, a few at a time: each takes 19 MiB of memory.
#[derive(Debug, Clone)]
pub struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(4)))
    }
}

impl Passwords {
    /// The hash to store for `password`.
    pub async fn hash(&self, password: Secret) -> Result<String, Problem> {
        self.run(move || hash(&password)).await?
    }

    /// Whether `password` belongs to `stored`. Without a stored hash it does the
    /// same work and says no, so that the time taken does not tell who has an account.
    pub async fn verify(&self, password: Secret, stored: Option<String>) -> Result<bool, Problem> {
        self.run(move || {
            let known = stored.is_some();
            let stored = match stored {
                Some(stored) => stored,
                None => decoy()?,
            };
            let parsed = PasswordHash::new(&stored).map_err(unusable)?;
            Ok(Argon2::default().verify_password(password.expose().as_bytes(), &parsed).is_ok()
                && known)
        })
        .await?
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let _permit = self.0.acquire().await.expect("the semaphore is never closed");
        tokio::task::spawn_blocking(work).await.map_err(|error| {
            tracing::error!(%error, "password task failed");
            Problem::internal()
        })
    }
}

fn hash(password: &Secret) -> Result<String, Problem> {
    let hash: PasswordHash =
        Argon2::default().hash_password(password.expose().as_bytes()).map_err(unusable)?;
    Ok(hash.to_string())
}

fn decoy() -> Result<String, Problem> {
    static DECOY: OnceLock<String> = OnceLock::new();
    if let Some(known) = DECOY.get() {
        return Ok(known.clone());
    }
    let fresh = hash(&Secret::new("nobody's password"))?;
    Ok(DECOY.get_or_init(|| fresh).clone())
}

fn unusable(error: impl std::fmt::Display) -> Problem {
    tracing::error!(%error, "password hashing failed");
    Problem::internal()
}
