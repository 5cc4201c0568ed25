//! Password hashing (argon2id), away from the threads that serve requests.

use std::sync::{Arc, OnceLock};

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Secret, problem::Problem};

// Each takes 19 MiB of memory and a processor.
const AT_ONCE: usize = 4;
// A second's work or a few; who comes then had better come back.
const WAITING: usize = 16;
const COME_BACK_SECONDS: u64 = 2;

/// Hashes and verifies passwords, a few at a time; a few more may wait.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    at_work: Arc<Semaphore>,
    // At work or waiting.
    admitted: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            at_work: Arc::new(Semaphore::new(AT_ONCE)),
            admitted: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
        }
    }
}

impl Passwords {
    /// The hash to store for `password`.
    pub(crate) async fn hash(&self, password: Secret) -> Result<String, Problem> {
        self.run(move || hash(&password)).await?
    }

    /// Whether `password` belongs to `stored`. Without a stored hash it does the
    /// same work and says no, so that the time taken does not tell who has an account.
    pub(crate) async fn verify(
        &self,
        password: Secret,
        stored: Option<String>,
    ) -> Result<bool, Problem> {
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
        let place =
            self.admitted.clone().try_acquire_owned().map_err(|_| {
                Problem::busy("Too many logins are in progress.", COME_BACK_SECONDS)
            })?;
        let turn = self.at_work.clone().acquire_owned().await;
        let turn: OwnedSemaphorePermit = turn.expect("the semaphore is never closed");
        let work = move || {
            // Held by the work itself: a client that goes away does not end it.
            let _held = (place, turn);
            work()
        };
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

#[cfg(test)]
mod tests {
    use std::{future::Future as _, task};

    use axum::{http::StatusCode, response::IntoResponse as _};

    use super::{AT_ONCE, Passwords, WAITING};

    #[tokio::test]
    async fn who_finds_the_queue_full_is_told_to_come_back() {
        let passwords = Passwords::default();
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let held = std::sync::Arc::new(std::sync::Mutex::new(held));
        let mut context = task::Context::from_waker(task::Waker::noop());
        let mut tasks = vec![];
        for _ in 0..AT_ONCE + WAITING {
            let (passwords, held) = (passwords.clone(), held.clone());
            let mut task = Box::pin(async move {
                passwords.run(move || held.lock().unwrap().recv().is_err()).await
            });
            // Polled once, each has its place.
            assert!(task.as_mut().poll(&mut context).is_pending());
            tasks.push(task);
        }
        let refused = passwords.run(|| ()).await.unwrap_err().into_response();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "2");
        // Whoever goes away while waiting leaves his place; work goes on without its client.
        drop(tasks);
        let work = AT_ONCE;
        assert_eq!(passwords.admitted.available_permits(), AT_ONCE + WAITING - work);
        drop(hold);
        for task in 0..8 {
            assert_eq!(passwords.run(move || task).await.ok(), Some(task));
        }
    }
}
