//! Where a database runs that this tool starts.

use model::choice::Choice;

/// Where the database runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Where {
    /// Whatever is available: a running container, Docker, else a private local server.
    #[default]
    Auto,
    /// The compose file's container.
    Docker,
    /// A private server on this machine, with its data under `.local/`.
    Local,
}

impl Choice for Where {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (
            Self::Auto,
            "auto",
            "Whatever is available: a running container, Docker, else a private local server",
        ),
        (Self::Docker, "docker", "The compose file's container"),
        (Self::Local, "local", "A private server on this machine, with its data under .local/"),
    ];
}
