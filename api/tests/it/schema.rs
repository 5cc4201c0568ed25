//! Migrations: up, down, up again; what they create is there and works.

use std::collections::BTreeSet;

use api::migrate::{self, MIGRATOR};
use sqlx::{Row, query_as, query_scalar};

use crate::support::{Schema, WAIT, with_schema};

const TABLES: [&str; 20] = [
    "account",
    "credit",
    "device",
    "episode",
    "genre",
    "movie",
    "movie_genre",
    "payment",
    "person",
    "profile",
    "rating",
    "season",
    "series",
    "series_genre",
    "session",
    "subscription",
    "subscription_event",
    "subscription_plan",
    "watch_history",
    "watchlist",
];

async fn objects(schema: &Schema, query: &'static str) -> BTreeSet<String> {
    let rows: Vec<String> = query_scalar(query).fetch_all(&schema.pool).await.unwrap();
    rows.into_iter().collect()
}

async fn tables(schema: &Schema) -> BTreeSet<String> {
    objects(
        schema,
        "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables \
         WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' \
         AND table_name <> '_sqlx_migrations'",
    )
    .await
}

async fn everything_else(schema: &Schema) -> BTreeSet<String> {
    objects(
        schema,
        "SELECT CONVERT(CONCAT('view ', table_name) USING utf8mb4) FROM information_schema.views \
           WHERE table_schema = DATABASE() \
         UNION ALL SELECT CONVERT(CONCAT('trigger ', trigger_name) USING utf8mb4) \
           FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
         UNION ALL SELECT CONVERT(CONCAT('procedure ', routine_name) USING utf8mb4) \
           FROM information_schema.routines WHERE routine_schema = DATABASE() \
         UNION ALL SELECT CONVERT(CONCAT('event ', event_name) USING utf8mb4) \
           FROM information_schema.events WHERE event_schema = DATABASE()",
    )
    .await
}

#[tokio::test]
async fn up_down_and_up_again() {
    with_schema(async |schema| {
        for _ in 0..2 {
            let mut conn = schema.connect().await;
            assert_eq!(schema.up(&MIGRATOR, WAIT).await.unwrap().len(), 6);
            assert!(schema.up(&MIGRATOR, WAIT).await.unwrap().is_empty());
            assert!(migrate::status(&mut conn, &MIGRATOR).await.unwrap().complete());
            assert_eq!(tables(&schema).await, TABLES.map(String::from).into());
            let others = [
                "event purge_old_sessions",
                "procedure purge_expired_sessions",
                "trigger subscription_after_insert",
                "view active_subscription",
                "view movie_overview",
            ];
            assert_eq!(everything_else(&schema).await, others.map(String::from).into());
            MIGRATOR.undo(&mut conn, 0).await.unwrap();
            assert_eq!(tables(&schema).await, BTreeSet::new());
            assert_eq!(everything_else(&schema).await, BTreeSet::new());
        }
    })
    .await;
}

#[tokio::test]
async fn tables_choose_their_own_character_set() {
    with_schema(async |schema| {
        schema.migrate().await;
        let strays = objects(
            &schema,
            "SELECT CONVERT(CONCAT(table_name, ' ', table_collation) USING utf8mb4) \
               FROM information_schema.tables WHERE table_schema = DATABASE() \
                AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations' \
                AND (table_collation <> 'utf8mb4_unicode_ci' OR engine <> 'InnoDB')",
        )
        .await;
        assert_eq!(strays, BTreeSet::new());
        let features: (i64, i64, i64) = query_as(
            "SELECT (SELECT COUNT(*) FROM information_schema.statistics \
                      WHERE table_schema = DATABASE() AND index_type = 'FULLTEXT'), \
                    (SELECT COUNT(*) FROM information_schema.columns \
                      WHERE table_schema = DATABASE() AND extra LIKE '%GENERATED%' \
                        AND extra NOT LIKE '%DEFAULT_GENERATED%'), \
                    (SELECT COUNT(*) FROM information_schema.columns \
                      WHERE table_schema = DATABASE() AND column_name = 'preferences')",
        )
        .fetch_one(&schema.pool)
        .await
        .unwrap();
        assert_eq!(features, (2, 2, 1), "full-text columns, generated columns, JSON column");
    })
    .await;
}

#[tokio::test]
async fn status_creates_nothing() {
    with_schema(async |schema| {
        let status = migrate::status(&mut schema.connect().await, &MIGRATOR).await.unwrap();
        assert_eq!((status.applied.len(), status.pending.len(), status.dirty), (0, 6, None));
        assert!(!status.complete());
        assert_eq!(
            schema
                .number(
                    "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"
                )
                .await,
            0
        );
    })
    .await;
}

#[tokio::test]
async fn a_failure_is_named_and_leaves_its_mark() {
    with_schema(async |schema| {
        schema.run("CREATE TABLE subscription (id INT)").await;
        let error = schema.up(&MIGRATOR, WAIT).await.unwrap_err().to_string();
        assert!(error.contains("20261122090200_billing failed at statement 2: "), "{error}");
        assert!(error.contains("`subscription`") || error.contains("'subscription'"), "{error}");
        assert!(error.contains("exists"), "{error}");
        let status = migrate::status(&mut schema.connect().await, &MIGRATOR).await.unwrap();
        assert_eq!((status.applied.len(), status.dirty), (1, Some(20_261_122_090_200)));
        assert_eq!(status.pending.len(), 4);
        let again = schema.up(&MIGRATOR, WAIT).await.unwrap_err();
        assert!(again.to_string().contains("dirty"), "{again}");
    })
    .await;
}

#[tokio::test]
async fn two_runs_do_not_meet() {
    with_schema(async |schema| {
        let mut other = schema.connect().await;
        let got: Option<i64> =
            query_scalar("SELECT GET_LOCK(LOWER(HEX(1026731422 * CRC32(DATABASE()))), 1)")
                .fetch_one(&mut other)
                .await
                .unwrap();
        assert_eq!(got, Some(1));
        let second = std::time::Duration::from_secs(1);
        let error = schema.up(&MIGRATOR, second).await.unwrap_err();
        assert!(error.to_string().contains("another migration run"), "{error}");
        assert!(tables(&schema).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_blocked_migration_gives_up() {
    with_schema(async |schema| {
        schema.migrate().await;
        MIGRATOR.undo(&mut schema.connect().await, 20_261_122_090_500).await.unwrap();
        let mut reader = schema.connect().await;
        sqlx::raw_sql("LOCK TABLES subscription READ").execute(&mut reader).await.unwrap();
        let second = std::time::Duration::from_secs(1);
        let error = schema.up(&MIGRATOR, second).await.unwrap_err();
        let error = error.to_string();
        assert!(error.contains("20261122090600_views_and_routines"), "{error}");
        assert!(error.contains("Lock wait timeout"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn edited_and_unknown_migrations_are_told() {
    with_schema(async |schema| {
        schema.migrate().await;
        schema
            .run(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (20990101000000, 'from the future', TRUE, '', 0)",
            )
            .await;
        let mut conn = schema.connect().await;
        let status = migrate::status(&mut conn, &MIGRATOR).await.unwrap();
        assert_eq!(status.applied[6].state, migrate::Match::Unknown);
        assert_eq!(status.applied[6].name, "20990101000000_from_the_future");
        assert!(status.complete(), "a newer database serves this binary");
        let error = schema.up(&MIGRATOR, WAIT).await.unwrap_err().to_string();
        assert!(error.contains("20990101000000"), "{error}");
        schema.run("UPDATE _sqlx_migrations SET checksum = 'x' WHERE version = 20261122090300").await;
        let status = migrate::status(&mut schema.connect().await, &MIGRATOR).await.unwrap();
        assert_eq!(status.applied[2].state, migrate::Match::Changed);
        assert!(!status.complete());
    })
    .await;
}

#[tokio::test]
async fn the_trigger_records_subscriptions() {
    with_schema(async |schema| {
        schema.ready().await;
        schema
            .run(
                "INSERT INTO account (id, email, password_hash, display_name) VALUES (1, 'a@b.c', '', 'A');
                 INSERT INTO subscription (account_id, plan_id, price_monthly)
                   SELECT 1, id, price_monthly FROM subscription_plan WHERE name = 'Basic';
                 UPDATE subscription SET status = 'ended';
                 INSERT INTO subscription (account_id, plan_id, price_monthly)
                   SELECT 1, id, price_monthly FROM subscription_plan WHERE name = 'Premium';",
            )
            .await;
        let events: Vec<(String, String)> =
            query_as("SELECT kind, plan_name FROM subscription_event ORDER BY id")
                .fetch_all(&schema.pool)
                .await
                .unwrap();
        let wanted = [("started", "Basic"), ("changed", "Premium")];
        assert_eq!(events, wanted.map(|(kind, plan)| (kind.to_owned(), plan.to_owned())));
        // The generated column's unique key: one active subscription at a time.
        let second = sqlx::raw_sql(
            "INSERT INTO subscription (account_id, plan_id, price_monthly)
             SELECT 1, id, price_monthly FROM subscription_plan WHERE name = 'Basic'",
        );
        let error = second.execute(&schema.pool).await.unwrap_err();
        assert!(error.as_database_error().unwrap().is_unique_violation());
    })
    .await;
}

#[tokio::test]
async fn the_procedure_purges_and_the_views_add_up() {
    with_schema(async |schema| {
        schema.ready().await;
        schema
            .run(
                "INSERT INTO account (id, email, password_hash, display_name) VALUES (1, 'a@b.c', '', 'A');
                 INSERT INTO profile (id, account_id, name, preferences) VALUES (1, 1, 'P', '{}'), (2, 1, 'Q', '{}');
                 INSERT INTO session (token_hash, account_id, expires_at) VALUES
                   (REPEAT('a', 32), 1, UTC_TIMESTAMP(3) - INTERVAL 10 DAY),
                   (REPEAT('b', 32), 1, UTC_TIMESTAMP(3) - INTERVAL 2 DAY),
                   (REPEAT('c', 32), 1, UTC_TIMESTAMP(3) + INTERVAL 1 DAY);
                 INSERT INTO rating (profile_id, movie_id, stars)
                   SELECT 1, id, 5 FROM movie WHERE release_year = 2019;
                 INSERT INTO rating (profile_id, movie_id, stars)
                   SELECT 2, id, 2 FROM movie WHERE release_year = 2019;
                 INSERT INTO subscription (id, account_id, plan_id, price_monthly)
                   SELECT 1, 1, id, price_monthly FROM subscription_plan WHERE name = 'Standard';
                 INSERT INTO payment (subscription_id, net_amount, tax_amount, due_at, status) VALUES
                   (1, 9.91, 2.08, UTC_TIMESTAMP(3), 'pending'), (1, 1.00, 0.21, UTC_TIMESTAMP(3), 'paid');",
            )
            .await;
        let purged = sqlx::raw_sql("CALL purge_expired_sessions(7)").fetch_one(&schema.pool).await;
        assert_eq!(purged.unwrap().try_get::<i64, _>("purged").unwrap(), 1);
        assert_eq!(schema.number("SELECT COUNT(*) FROM session").await, 2);
        let movie: (String, i64, String) = query_as(
            "SELECT genres, rating_count, CAST(rating_average AS CHAR) FROM movie_overview WHERE release_year = 2019",
        )
        .fetch_one(&schema.pool)
        .await
        .unwrap();
        assert_eq!(movie, ("Drama".to_owned(), 2, "3.50".to_owned()));
        let money: (String, String) =
            query_as("SELECT plan_name, CAST(outstanding AS CHAR) FROM active_subscription")
                .fetch_one(&schema.pool)
                .await
                .unwrap();
        assert_eq!(money, ("Standard".to_owned(), "11.99".to_owned()));
    })
    .await;
}
