//! The accounts, and which `.env` variables name them.

use super::secret::Secret;

/// Who logs in. Each has exactly the rights that its work needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads the schema: backup and live verification.
    Backup,
    /// Everything on staging schemas and kept copies, nothing on the live schema: loading,
    /// comparing, drills and rehearsals. What a dump or a migration holds runs as this
    /// account before it was compared.
    Drill,
    /// Everything on the schema and its `__` companions: swap and undo.
    Restore,
    /// DDL and DML on the schema and its companions: migrations.
    Migrate,
    /// DML on the schema: the API.
    App,
    /// Reads the server's binary log, and so every schema's changes. Optional: there is one only
    /// where `.env` asks for it.
    Log,
    /// Creates the others, once.
    Root,
}

impl Role {
    pub const ALL: [Self; 7] =
        [Self::Backup, Self::Drill, Self::Restore, Self::Migrate, Self::App, Self::Log, Self::Root];

    /// The roles that this tool always creates.
    pub const CREATED: [Self; 5] =
        [Self::Backup, Self::Drill, Self::Restore, Self::Migrate, Self::App];

    /// The `.env` variable with the account's name; root has none.
    pub fn user_var(self) -> Option<&'static str> {
        match self {
            Self::Backup => Some("DB_BACKUP_USER"),
            Self::Drill => Some("DB_DRILL_USER"),
            Self::Restore => Some("DB_RESTORE_USER"),
            Self::Migrate => Some("DB_MIGRATE_USER"),
            Self::App => Some("DB_APP_USER"),
            Self::Log => Some("DB_LOG_USER"),
            Self::Root => None,
        }
    }

    /// The `.env` variable with the account's password.
    pub fn password_var(self) -> &'static str {
        match self {
            Self::Backup => "DB_BACKUP_PASSWORD",
            Self::Drill => "DB_DRILL_PASSWORD",
            Self::Restore => "DB_RESTORE_PASSWORD",
            Self::Migrate => "DB_MIGRATE_PASSWORD",
            Self::App => "DB_APP_PASSWORD",
            Self::Log => "DB_LOG_PASSWORD",
            Self::Root => "DB_ROOT_PASSWORD",
        }
    }

    /// The account's name when `.env` does not say.
    pub fn default_user(self) -> &'static str {
        match self {
            Self::Backup => "backup_user",
            Self::Drill => "drill_user",
            Self::Restore => "restore_user",
            Self::Migrate => "migrate_user",
            Self::App => "app_user",
            Self::Log => "log_user",
            Self::Root => "root",
        }
    }
}

/// A name and its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub role: Role,
    /// The user name on the server.
    pub user: String,
    /// `None`: `.env` has no password for it yet.
    pub password: Option<Secret>,
}
