//! What decisions are about, small enough to build in a test.

use chrono::DateTime;

use model::facts::{Flavour, LogPosition, ServerFacts, Version};
use model::inventory::{Inventory, TableFacts};
use model::manifest::{Compression, Manifest, Reason, TableEntry};

use crate::history::testing::label;

/// A schema with these tables, each with its engine.
pub(crate) fn holding(tables: &[(&str, &str)]) -> Inventory {
    let table = |(name, engine): &(&str, &str)| {
        let facts = TableFacts {
            ddl: String::new(),
            auto_increment: None,
            engine: (*engine).to_owned(),
            columns: Vec::new(),
            types: Vec::new(),
            float_columns: Vec::new(),
            rows_estimate: 0,
            bytes_estimate: 0,
        };
        ((*name).to_owned(), facts)
    };
    Inventory { tables: tables.iter().map(table).collect(), ..Inventory::default() }
}

/// A backup of one table.
pub(crate) fn manifest() -> Manifest {
    Manifest {
        version: 1,
        tool_version: "0.1.0".to_owned(),
        git_commit: None,
        label: label("20261122_101112"),
        created_utc: DateTime::UNIX_EPOCH,
        reason: Reason::Migrate,
        note: None,
        server: ServerFacts {
            flavour: Flavour::Mysql,
            version: Version(9, 7, 4),
            version_text: "9.7.4".to_owned(),
            uuid: "here".to_owned(),
            sql_mode: String::new(),
            time_zone: "+00:00".to_owned(),
            max_allowed_packet: 1,
            lower_case_table_names: 0,
        },
        schema: "mydb".to_owned(),
        charset: "utf8mb4".to_owned(),
        collation: "utf8mb4_0900_ai_ci".to_owned(),
        log_position: LogPosition::Unknown { reason: "a test".to_owned() },
        migrations: Vec::new(),
        engine: "native".to_owned(),
        engine_version: "0.1.0".to_owned(),
        definer_policy: "current_user".to_owned(),
        compression: Compression::None,
        encryption: None,
        file: "mydb_backup_20261122_101112.sql".to_owned(),
        bytes: 1,
        text_bytes: 1,
        sha256: String::new(),
        rows: 2,
        tables: vec![TableEntry {
            name: "movie".to_owned(),
            rows: 2,
            digest: String::new(),
            columns: Vec::new(),
            auto_increment: None,
            ddl_sha256: String::new(),
            exact_floats: Vec::new(),
            rounded_floats: 0,
            changed_texts: 0,
        }],
        programs: Vec::new(),
        broken_views: Vec::new(),
        left_out: Vec::new(),
        schema_fingerprint: "before".to_owned(),
        sections: Vec::new(),
        duration_ms: 1,
        signer: None,
        signature: None,
        manifest_sha256: String::new(),
    }
}
