//! The fields of `db-list --json`.

use super::*;

fn listed() -> ListedBackup {
    let at = DateTime::from_timestamp(1_795_342_272, 0).unwrap();
    ListedBackup {
        label: "mydb_backup_20261122_101112".parse().unwrap(),
        created_utc: at,
        created_local: at.naive_utc(),
        bytes: 1,
        rows: 2,
        tables: 3,
        rows_change: Some(-4),
        tables_change: Some(0),
        compared_with: Some("mydb_backup_20261121_101112".parse().unwrap()),
        reason: "manual".to_owned(),
        note: Some("why".to_owned()),
        verified: Some(Level::Restore),
        verified_utc: Some(at),
        pinned: None,
        origin: "unknown".to_owned(),
        signer: Some("ab12".to_owned()),
        claimed: None,
        suspect: None,
        wrong_clock: None,
        failed: false,
        partial: false,
        places: vec![ListedPlace { name: "here".to_owned(), state: PlaceState::There }],
    }
}

/// The names and their order are the contract.
#[test]
fn the_document_is_as_promised() {
    let list = |backup: &ListedBackup| {
        let document = ListDocument {
            version: DOCUMENT_VERSION,
            backups: vec![backup.clone()],
            unusable: Vec::new(),
            left_off: 0,
        };
        serde_json::to_string(&document).unwrap()
    };
    let mut backup = listed();
    assert_eq!(
        list(&backup),
        r#"{"version":1,"backups":[{"label":"mydb_backup_20261122_101112","created_utc":"2026-11-22T10:11:12Z","created_local":"2026-11-22T10:11:12","bytes":1,"rows":2,"tables":3,"rows_change":-4,"tables_change":0,"compared_with":"mydb_backup_20261121_101112","reason":"manual","note":"why","verified":"restore","verified_utc":"2026-11-22T10:11:12Z","origin":"unknown","signer":"ab12","places":[{"name":"here","state":"there"}]}],"left_off":0}"#
    );
    (backup.verified, backup.verified_utc, backup.note) = (None, None, None);
    let text = list(&backup);
    assert!(
        text.contains(r#""reason":"manual","verified":null,"verified_utc":null,"origin""#),
        "{text}"
    );
}
