//! Names of transactions, and sets of them: MySQL's and MariaDB's.

pub mod mariadb;
pub mod mysql;
pub(crate) mod tagged;
