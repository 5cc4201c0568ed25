//! The gate: one refusal for each way in which a permit can be wrong, and a good one once.

use std::time::Duration;

use api::{
    db,
    gate::{self, Refusal},
    import,
    migrate::{self, MIGRATOR},
};
use serde_json::{Value, json};

use crate::{
    fingerprint::{account, drop_account},
    permits::sign,
    support::{Schema, WAIT, administrate, seed, with_schema},
};

const LAST: i64 = 20_261_122_090_600;

/// A schema with tables, in which the last migration is pending.
async fn one_pending(schema: &Schema) {
    schema.migrate().await;
    MIGRATOR.undo(&mut schema.connect().await, LAST - 100).await.unwrap();
}

async fn refused(schema: &Schema, permit: String) -> String {
    let error = schema.up_with(&MIGRATOR, permit, WAIT, 0, |_| ()).await.unwrap_err();
    let refusal = error.downcast_ref::<Refusal>().expect("a refusal").to_string();
    assert!(refusal.starts_with("permit refused: "), "{refusal}");
    refusal
}

fn ago(seconds: i64) -> Value {
    json!(gate::now() - chrono::TimeDelta::seconds(seconds))
}

fn wrong_permits(good: &Value) -> Vec<(Value, &'static str)> {
    let last = &good["subject"][0];
    let other = json!({"name": "1_other", "checksum": "ab"});
    let edited = json!({"name": last["name"], "checksum": "ab"});
    let with = |changes: &[(&str, Value)]| {
        let mut permit = good.clone();
        for (pointer, value) in changes {
            *permit.pointer_mut(pointer).unwrap() = value.clone();
        }
        permit
    };
    vec![
        (with(&[("/version", json!(2))]), "newer than format 1"),
        (with(&[("/version", json!("x"))]), "not a permit"),
        (with(&[("/id", json!("ab"))]), "its id must be 32 hex digits"),
        (with(&[("/max_age_s", json!(-1))]), "not a permit"),
        (with(&[("/issued_utc", json!("yesterday"))]), "not a permit"),
        (with(&[("/purpose", json!("import"))]), "its purpose is \"import\", not \"migrate\""),
        (with(&[("/server_uuid", json!("other"))]), "it is for another server (other; this one"),
        (with(&[("/schema", json!("other"))]), "it is for another schema (other; this one"),
        (with(&[("/fingerprint", json!("ab"))]), "the schema was changed since the backup"),
        (with(&[("/subject", json!([]))]), "missing in it: 20261122090600_views_and_routines)"),
        (with(&[("/subject", json!([last, other]))]), "(unexpected in it: 1_other)"),
        (with(&[("/subject", json!([edited]))]), "(changed: 20261122090600_views_and_routines)"),
        (with(&[("/subject", json!([last, last]))]), "(one is named twice)"),
        (
            with(&[("/subject", json!([other]))]),
            "missing in it: 20261122090600_views_and_routines; unexpected in it: 1_other",
        ),
        (with(&[("/backup", Value::Null)]), "it names no backup, but the schema has 21 table(s)"),
        (with(&[("/backup/verified_utc", ago(90_000))]), "its backup was proven 9000"),
        (with(&[("/rehearsed", json!(false))]), "not rehearsed on the restored copy"),
        (
            with(&[("/backup/level", json!("checksum"))]),
            "not verified by restoring it (its level is \"checksum\")",
        ),
        (with(&[("/issued_utc", ago(901))]), "it is too old: issued 90"),
        (with(&[("/max_age_s", json!(86_401))]), "the limit is 86400 s"),
        (with(&[("/issued_utc", ago(-62))]), "it was issued in the future, 6"),
    ]
}

#[tokio::test]
async fn a_wrong_permit_is_refused_and_changes_nothing() {
    with_schema(async |schema| {
        one_pending(&schema).await;
        let before = gate::facts(&mut schema.connect().await).await.unwrap();
        let gate = format!("{}__gate", schema.database.name);
        administrate(&schema.database, format!("TRUNCATE {gate}.used_receipt")).await;
        let good = schema.migrate_document(&MIGRATOR).await;
        for index in 0..wrong_permits(&good).len() {
            // Made anew for each, because some are about seconds.
            let (wrong, reason) = wrong_permits(&good).swap_remove(index);
            let refusal = refused(&schema, schema.sign(&wrong)).await;
            assert!(refusal.contains(reason), "{refusal}\nis not about: {reason}");
        }
        let text = schema.sign(&good);
        for (wrong, reason) in [
            (sign(&good, "another password"), "its seal is wrong"),
            (text.replace("\"max_age_s\":900", "\"max_age_s\":901"), "its seal is wrong"),
            (text.trim_end().to_owned(), "this is not a permit"),
            (format!("{text}more\n"), "this is not a permit"),
            (String::new(), "this is not a permit"),
        ] {
            let refusal = refused(&schema, wrong).await;
            assert!(refusal.contains(reason), "{refusal}");
        }
        for field in ["backup", "purpose", "id", "subject", "issued_utc", "max_age_s"] {
            let mut without = good.clone();
            without.as_object_mut().unwrap().remove(field);
            let refusal = refused(&schema, schema.sign(&without)).await;
            assert!(refusal.contains(field) && refusal.contains("not a permit"), "{refusal}");
        }
        let after = gate::facts(&mut schema.connect().await).await.unwrap();
        assert_eq!(after.fingerprint, before.fingerprint);
        let none = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "SELECT COUNT(*) FROM {gate}.used_receipt"
        )));
        let recorded: i64 = none.fetch_one(&schema.pool).await.unwrap();
        assert_eq!(recorded, 0, "a refused permit is not used up");
        schema.up_with(&MIGRATOR, text, WAIT, 0, |_| ()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_edges_of_time_are_inside() {
    with_schema(async |schema| {
        for issued in [ago(880), ago(-55)] {
            one_pending(&schema).await;
            let mut permit = schema.migrate_document(&MIGRATOR).await;
            permit["issued_utc"] = issued;
            let permit = schema.sign(&permit);
            assert_eq!(schema.up_with(&MIGRATOR, permit, WAIT, 0, |_| ()).await.unwrap().len(), 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_permit_opens_the_gate_once() {
    with_schema(async |schema| {
        // The very first one finds no place to be recorded, and makes it.
        let first = schema.sign(&schema.migrate_document(&MIGRATOR).await);
        let applied = schema.up_with(&MIGRATOR, first.clone(), WAIT, 0, |_| ()).await.unwrap();
        assert_eq!(applied.len(), 6);
        // With nothing pending none is asked for.
        assert!(schema.up_with(&MIGRATOR, first, WAIT, 0, |_| ()).await.unwrap().is_empty());
        MIGRATOR.undo(&mut schema.connect().await, LAST - 100).await.unwrap();
        let permit = schema.sign(&schema.migrate_document(&MIGRATOR).await);
        schema.up_with(&MIGRATOR, permit.clone(), WAIT, 0, |_| ()).await.unwrap();
        // All else is as it was when the permit was issued.
        MIGRATOR.undo(&mut schema.connect().await, LAST - 100).await.unwrap();
        let refusal = refused(&schema, permit).await;
        assert!(refusal.contains("it was used before"), "{refusal}");
        assert_eq!(schema.number("SELECT COUNT(*) FROM _sqlx_migrations").await, 5);
    })
    .await;
}

#[tokio::test]
async fn the_use_is_recorded_by_migrate_user_or_nothing_runs() {
    with_schema(async |schema| {
        let migrator = account(&schema, true).await;
        let gate = format!("{}__gate", schema.database.name);
        let rights =
            |verb, toward| format!("{verb} ALL ON {gate}.* {toward} {}@'%'", migrator.user);
        let connected = || Schema { database: migrator.clone(), pool: db::pool(&migrator) };
        administrate(&schema.database, rights("REVOKE", "FROM")).await;
        let without = connected();
        let permit = without.sign(&without.migrate_document(&MIGRATOR).await);
        let refusal = refused(&without, permit.clone()).await;
        assert!(
            refusal.contains(&format!("its use cannot be recorded in {gate}.used_receipt: ")),
            "{refusal}"
        );
        assert_eq!(gate::facts(&mut schema.connect().await).await.unwrap().tables, 0);
        administrate(&schema.database, rights("GRANT", "TO")).await;
        // A refused permit is still good.
        let with = connected();
        with.up_with(&MIGRATOR, permit, WAIT, 0, |_| ()).await.unwrap();
        drop_account(&migrator, &schema).await;
    })
    .await;
}

#[tokio::test]
async fn a_change_between_backup_and_run_is_noticed() {
    with_schema(async |schema| {
        one_pending(&schema).await;
        let permit = schema.sign(&schema.migrate_document(&MIGRATOR).await);
        schema.run("ALTER TABLE movie ADD COLUMN tagline VARCHAR(200) NULL").await;
        let refusal = refused(&schema, permit).await;
        assert!(refusal.contains("the schema was changed since the backup"), "{refusal}");
    })
    .await;
}

#[tokio::test]
async fn the_check_waits_for_the_lock() {
    with_schema(async |schema| {
        one_pending(&schema).await;
        let mut other = schema.connect().await;
        let _held = migrate::lock(&mut other, WAIT).await.unwrap();
        let permit = schema.sign(&schema.migrate_document(&MIGRATOR).await);
        let second = Duration::from_secs(1);
        let error =
            schema.up_with(&MIGRATOR, permit, second, 0, |_| ()).await.unwrap_err().to_string();
        assert!(error.contains("another migration run or import holds the lock"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_permit_that_cannot_be_read_is_refused() {
    for (source, reason) in
        [(None, "give it with --receipt"), (Some("/no/where"), "/no/where cannot be read: ")]
    {
        let refusal = gate::read(source).unwrap_err().to_string();
        assert!(refusal.starts_with("permit refused: ") && refusal.contains(reason), "{refusal}");
    }
}

async fn import_refused(schema: &Schema, permit: &str) -> String {
    let batch = import::read(&import::folder(&seed()).unwrap()).unwrap();
    let mut conn = schema.connect().await;
    let locked = migrate::lock(&mut conn, WAIT).await.unwrap();
    let subject = batch.subject().to_vec();
    let password = &schema.database.password;
    let error =
        gate::import(locked, subject, permit.to_owned(), password, gate::now()).await.unwrap_err();
    error.downcast_ref::<Refusal>().expect("a refusal").to_string()
}

#[tokio::test]
async fn an_import_is_let_in_by_its_own_permit_only() {
    with_schema(async |schema| {
        schema.migrate().await;
        let batch = import::read(&import::folder(&seed()).unwrap()).unwrap();
        let good = schema.import_document(batch.subject()).await;
        let files = good["subject"].as_array().unwrap();
        let mut edited = files.clone();
        edited[3]["checksum"] = json!("ab");
        for (pointer, value, reason) in [
            ("/purpose", json!("migrate"), "its purpose is \"migrate\", not \"import\""),
            (
                "/subject",
                json!(files[..5]),
                "other files than the given ones (missing in it: series.csv)",
            ),
            ("/subject", json!(edited), "(changed: movies.csv)"),
            ("/subject", json!([]), "(missing in it: credits.csv, episodes.csv"),
            ("/backup", Value::Null, "it names no backup"),
            ("/backup/level", json!("none"), "not verified by restoring"),
            ("/fingerprint", json!("ab"), "the schema was changed since the backup"),
            ("/issued_utc", ago(901), "it is too old"),
            ("/schema", json!("other"), "it is for another schema"),
            ("/server_uuid", json!("other"), "it is for another server"),
        ] {
            let mut wrong = good.clone();
            *wrong.pointer_mut(pointer).unwrap() = value;
            let refusal = import_refused(&schema, &schema.sign(&wrong)).await;
            assert!(refusal.contains(reason), "{refusal}\nis not about: {reason}");
        }
        let refusal = import_refused(&schema, &sign(&good, "another password")).await;
        assert!(refusal.contains("its seal is wrong"), "{refusal}");
        // One for migrations does not do, even with the right files in it.
        let mut migrate = schema.migrate_document(&MIGRATOR).await;
        migrate["purpose"] = json!("import");
        migrate["subject"] = good["subject"].clone();
        let refusal = import_refused(&schema, &schema.sign(&migrate)).await;
        assert!(refusal.contains("its fingerprint differs"), "{refusal}");
        // The order of the files is the caller's affair.
        let mut turned = files.clone();
        turned.reverse();
        let mut permit = good.clone();
        permit["subject"] = json!(turned);
        let mut conn = schema.connect().await;
        let locked = migrate::lock(&mut conn, WAIT).await.unwrap();
        let (subject, password) = (batch.subject().to_vec(), &schema.database.password);
        let text = schema.sign(&permit);
        let allowed = gate::import(locked, subject, text, password, gate::now()).await.unwrap();
        let other = import::read(&[seed().join("genres.csv")]).unwrap();
        let error = import::store(allowed, other).await.unwrap_err().to_string();
        assert!(error.contains("checked for other files"), "{error}");
        assert_eq!(schema.number("SELECT COUNT(*) FROM genre").await, 0);
    })
    .await;
}
