//! Accounts, profiles, watching and subscriptions over HTTP.

use serde_json::{Value, json};

use crate::support::{Client, with_schema};

#[tokio::test]
async fn register_log_in_and_out() {
    with_schema(async |schema| {
        let anybody = schema.ready().await;
        let body = json!({"email": " Ann@Example.org", "password": "correct horse", "display_name": "Ann"});
        let told = anybody.ok(202, "POST", "/auth/register", body).await;
        // Taken by then: the same answer, and nothing changes.
        let again = json!({"email": "ann@example.org", "password": "another horse", "display_name": "Eve"});
        assert_eq!(anybody.ok(202, "POST", "/auth/register", again).await, told);
        assert_eq!(schema.number("SELECT COUNT(*) FROM account WHERE display_name = 'Ann'").await, 1);
        assert_eq!(schema.number("SELECT COUNT(*) FROM account").await, 1);
        let bad = json!({"email": "nobody", "password": "short", "display_name": ""});
        let problem = anybody.problem(422, "POST", "/auth/register", bad).await;
        assert_eq!(problem["errors"].as_array().unwrap().len(), 3, "{problem}");

        let login = |password: &str, email: &str| json!({"email": email, "password": password, "device": "TV"});
        anybody.problem(401, "POST", "/auth/login", login("wrong password", "ann@example.org")).await;
        anybody.problem(401, "POST", "/auth/login", login("another horse", "ann@example.org")).await;
        anybody.problem(401, "POST", "/auth/login", login("correct horse", "bob@example.org")).await;
        for _ in 0..2 {
            anybody.ok(200, "POST", "/auth/login", login("correct horse", "ANN@example.org")).await;
        }
        assert_eq!(schema.number("SELECT COUNT(*) FROM device").await, 1);
        let answer = anybody.ok(200, "POST", "/auth/login", login("correct horse", "ann@example.org")).await;
        let token = answer["token"].as_str().unwrap().to_owned();
        assert_eq!((token.len(), &answer["token_type"]), (64, &json!("Bearer")));
        let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM session")
            .fetch_all(&schema.pool)
            .await
            .unwrap();
        assert!(stored.iter().all(|hash| hash.len() == 32 && hash != token.as_bytes()));
        assert_eq!(schema.number("SELECT COUNT(*) FROM account WHERE password_hash LIKE '$argon2id$%'").await, 1);

        let ann = Client { token: Some(token), ..anybody.clone() };
        let account = ann.get("/account").await;
        assert_eq!((&account["display_name"], &account["email"]), (&json!("Ann"), &json!("ann@example.org")));
        assert!(account.get("password_hash").is_none());
        anybody.problem(401, "GET", "/account", Value::Null).await;
        let forger = Client { token: Some("0".repeat(64)), ..anybody.clone() };
        forger.problem(401, "GET", "/account", Value::Null).await;
        ann.ok(204, "POST", "/auth/logout", Value::Null).await;
        ann.problem(401, "GET", "/account", Value::Null).await;
    })
    .await;
}

#[tokio::test]
async fn sessions_end() {
    with_schema(async |schema| {
        let anybody = schema.ready().await;
        let ann = anybody.log_in("ann@example.org").await;
        let bob = anybody.log_in("bob@example.org").await;
        schema
            .run(
                "UPDATE session SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE account_id = \
                   (SELECT id FROM account WHERE email = 'ann@example.org'); \
                 UPDATE account SET status = 'suspended' WHERE email = 'bob@example.org';",
            )
            .await;
        ann.problem(401, "GET", "/profiles", Value::Null).await;
        bob.problem(401, "GET", "/profiles", Value::Null).await;
        let login = json!({"email": "bob@example.org", "password": "correct horse"});
        anybody.problem(401, "POST", "/auth/login", login).await;
    })
    .await;
}

#[tokio::test]
async fn unreadable_bodies() {
    with_schema(async |schema| {
        let client = schema.ready().await;
        for (status, body) in [
            (400, "{".to_owned()),
            (422, "{\"email\": 5}".to_owned()),
            (
                422,
                json!({"email": "a@b.c", "password": "correct horse", "admin": true}).to_string(),
            ),
            (413, format!("\"{}\"", "x".repeat(3 << 20))),
        ] {
            let (got, kind, json) = client.raw("POST", "/auth/login", body).await;
            assert_eq!(
                (got.as_u16(), kind.as_str()),
                (status, "application/problem+json"),
                "{json}"
            );
            assert!(!json.to_string().contains("correct horse"));
        }
        client.problem(415, "POST", "/auth/login", Value::Null).await;
    })
    .await;
}

#[tokio::test]
async fn profiles_belong_to_their_account() {
    with_schema(async |schema| {
        let anybody = schema.ready().await;
        let ann = anybody.log_in("ann@example.org").await;
        let bob = anybody.log_in("bob@example.org").await;
        let body = json!({"name": "Kid", "maturity": "kids", "preferences": {"subtitles": ["nl"], "volume": 0.5}});
        let kid = ann.ok(201, "POST", "/profiles", body.clone()).await;
        assert_eq!(kid["preferences"], body["preferences"]);
        let path = format!("/profiles/{}", kid["id"]);
        assert_eq!(ann.get(&path).await, kid);
        assert_eq!(ann.get("/profiles").await["items"], json!([kid]));
        ann.problem(409, "POST", "/profiles", body.clone()).await;
        ann.problem(422, "POST", "/profiles", json!({"name": "\u{7}"})).await;
        ann.problem(422, "POST", "/profiles", json!({"name": "X", "maturity": "old"})).await;
        ann.problem(422, "POST", "/profiles", json!({"name": "X", "preferences": {"a": "b".repeat(20_000)}})).await;
        let changed = ann.ok(200, "PUT", &path, json!({"name": "Teen", "maturity": "teen"})).await;
        assert_eq!((&changed["name"], &changed["preferences"]), (&json!("Teen"), &json!({})));

        assert_eq!(bob.get("/profiles").await["items"], json!([]));
        for (method, body) in [("GET", Value::Null), ("PUT", body), ("DELETE", Value::Null)] {
            bob.problem(404, method, &path, body.clone()).await;
            anybody.problem(401, method, &path, body).await;
        }
        bob.problem(404, "GET", &format!("{path}/watch-history"), Value::Null).await;
        bob.problem(404, "GET", &format!("{path}/watchlist"), Value::Null).await;

        for name in ["B", "C", "D", "E"] {
            ann.ok(201, "POST", "/profiles", json!({"name": name})).await;
        }
        ann.problem(409, "POST", "/profiles", json!({"name": "F"})).await;
        ann.problem(409, "PUT", &path, json!({"name": "B"})).await;
        ann.ok(204, "DELETE", &path, Value::Null).await;
        ann.problem(404, "DELETE", &path, Value::Null).await;
    })
    .await;
}

#[tokio::test]
async fn watching() {
    with_schema(async |schema| {
        let anybody = schema.ready().await;
        let ann = anybody.log_in("ann@example.org").await;
        let profile = ann.ok(201, "POST", "/profiles", json!({"name": "Ann"})).await["id"].clone();
        let movie = ann.get("/content/movies?title=pluto").await["items"][0]["id"].clone();
        let series = ann.get("/content/series?title=signal").await["items"][0]["id"].clone();
        let detail = ann.get(&format!("/content/series/{series}")).await;
        let episode = detail["seasons"][0]["episodes"][0]["id"].clone();

        let path = format!("/profiles/{profile}/watch-history");
        let seen = json!({"movie_id": movie, "position_seconds": 61});
        let viewing = ann.ok(201, "POST", &path, seen).await;
        assert_eq!(
            (&viewing["title"], &viewing["completed"]),
            (&json!("100% Pluto"), &json!(false))
        );
        let seen = json!({"episode_id": episode, "position_seconds": 2800, "completed": true});
        ann.ok(201, "POST", &path, seen).await;
        let history = ann.get(&format!("{path}?limit=1")).await;
        assert_eq!((&history["total"], history["items"].as_array().unwrap().len()), (&json!(2), 1));
        assert_eq!(history["items"][0]["title"], "Signal Lost");
        assert_eq!(history["items"][0]["episode_title"], "Static");
        assert_eq!(history["items"][0]["completed"], true);
        for bad in [
            json!({"position_seconds": 1}),
            json!({"movie_id": 1, "episode_id": 1, "position_seconds": 1}),
            json!({"movie_id": movie, "position_seconds": 100_000}),
        ] {
            ann.problem(422, "POST", &path, bad).await;
        }
        ann.problem(404, "POST", &path, json!({"movie_id": 999_999, "position_seconds": 1})).await;
        anybody
            .problem(401, "POST", &path, json!({"movie_id": movie, "position_seconds": 1}))
            .await;

        let list = format!("/profiles/{profile}/watchlist");
        for _ in 0..2 {
            ann.ok(204, "PUT", &format!("{list}/movies/{movie}"), Value::Null).await;
            ann.ok(204, "PUT", &format!("{list}/series/{series}"), Value::Null).await;
        }
        let kept = ann.get(&list).await;
        assert_eq!(kept["items"].as_array().unwrap().len(), 2, "{kept}");
        assert_eq!(kept["items"][0]["title"], "Signal Lost");
        ann.problem(404, "PUT", &format!("{list}/movies/999999"), Value::Null).await;
        ann.problem(404, "PUT", &format!("{list}/series/999999"), Value::Null).await;
        for _ in 0..2 {
            ann.ok(204, "DELETE", &format!("{list}/movies/{movie}"), Value::Null).await;
            ann.ok(204, "DELETE", &format!("{list}/series/{series}"), Value::Null).await;
        }
        assert_eq!(ann.get(&list).await["items"], json!([]));
        ann.ok(204, "DELETE", &format!("/profiles/{profile}"), Value::Null).await;
        assert_eq!(schema.number("SELECT COUNT(*) FROM watch_history").await, 0);
    })
    .await;
}

#[tokio::test]
async fn subscriptions() {
    with_schema(async |schema| {
        let anybody = schema.ready().await;
        let plans = anybody.get("/plans").await;
        assert_eq!(plans["items"][0]["name"], "Basic");
        assert_eq!(plans["items"][0]["price_monthly"], "7.99");
        let ann = anybody.log_in("ann@example.org").await;
        ann.problem(404, "GET", "/subscription", Value::Null).await;
        ann.problem(404, "DELETE", "/subscription", Value::Null).await;
        let gold = ann.problem(422, "PUT", "/subscription", json!({"plan": "Gold"})).await;
        assert_eq!(gold["errors"][0]["field"], "plan");
        let first = ann.ok(200, "PUT", "/subscription", json!({"plan": "Basic"})).await;
        assert_eq!((&first["plan"], &first["outstanding"]), (&json!("Basic"), &json!("7.99")));
        assert_eq!(ann.ok(200, "PUT", "/subscription", json!({"plan": "Basic"})).await, first);
        let second = ann.ok(200, "PUT", "/subscription", json!({"plan": "Premium"})).await;
        assert_eq!((&second["plan"], &second["max_streams"]), (&json!("Premium"), &json!(4)));
        assert_eq!(ann.get("/subscription").await, second);
        assert_eq!(schema.number("SELECT COUNT(*) FROM subscription").await, 2);
        assert_eq!(schema.number("SELECT COUNT(*) FROM payment WHERE status = 'pending'").await, 2);
        assert_eq!(schema.number("SELECT COUNT(*) FROM subscription_event").await, 2);
        ann.ok(204, "DELETE", "/subscription", Value::Null).await;
        ann.problem(404, "GET", "/subscription", Value::Null).await;
        anybody.problem(401, "PUT", "/subscription", json!({"plan": "Basic"})).await;
    })
    .await;
}
