//! The binary log of MySQL and MariaDB, as text: bytes of events in, whole transactions out.
//!
//! [`Assembler`] takes one event after the other and gives a [`Group`] when a transaction is
//! complete: its GTID, and for each table the primary keys of the rows that it touched. Other
//! values are skipped, never decoded. What is not understood ends the reading with a [`Halt`]
//! that names it; nothing is passed over because it is unknown.
//!
//! The formats: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html>
//! and <https://mariadb.com/kb/en/replication-protocol/>.

mod assemble;
mod bytes;
mod column;
mod compressed;
mod event;
mod format;
mod group;
pub mod gtid;
mod halt;
mod key;
mod kind;
mod opening;
mod payload;
pub mod properties;
mod query;
mod rows;
mod statement;
mod table_map;
mod temporal;
mod xid;

pub use assemble::{Assembler, Limits, Step};
pub use group::{Ending, Group, Id, Place, Statement, Table, Touched};
pub use halt::{Halt, Why};
pub use key::{Key, KeyColumn, KeySpec, KeyValue, Want};
pub use query::Settings;
pub use statement::Kind as StatementKind;
pub use xid::Xid;
