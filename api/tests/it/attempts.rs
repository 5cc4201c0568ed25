//! Guessing is slow, for whoever guesses; passwords change and sessions end.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Client, with_schema};

fn login(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

#[tokio::test]
async fn a_guesser_waits_and_the_owner_does_not() {
    with_schema(async |schema| {
        let owner = schema.ready().await;
        owner.log_in("ann@example.org").await;
        let guesser = Client { address: "198.51.100.9", ..owner.clone() };
        for email in ["ann@example.org", "nobody@example.org"] {
            for _ in 0..5 {
                guesser.problem(401, "POST", "/auth/login", login(email, "wrong horse")).await;
            }
            // The same for an account that is there and one that is not; the right password
            // is not even looked at.
            let problem =
                guesser.problem(429, "POST", "/auth/login", login(email, "correct horse")).await;
            assert_eq!(problem["type"], "urn:streamflix:problem:too-many-attempts");
            let spelled = login(&format!(" {} ", email.to_uppercase()), "correct horse");
            guesser.problem(429, "POST", "/auth/login", spelled).await;
        }
        owner.ok(200, "POST", "/auth/login", login("ann@example.org", "correct horse")).await;
    })
    .await;
}

#[tokio::test]
async fn who_says_to_come_from_elsewhere_is_not_believed() {
    with_schema(async |schema| {
        schema.migrate().await;
        // No proxy is trusted: the header changes nothing.
        let router = api::app::router(api::app::App::new(schema.pool.clone()));
        let mut client = Client { router, token: None, address: "192.0.2.1" };
        let mut seen = BTreeSet::new();
        for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
            client.address = address;
            for _ in 0..2 {
                let body = login("ann@example.org", "wrong horse").to_string();
                seen.insert(client.raw("POST", "/auth/login", body).await.0.as_u16());
            }
        }
        assert_eq!(seen, BTreeSet::from([401, 429]));
    })
    .await;
}

#[tokio::test]
async fn registrations_from_one_address_wait() {
    with_schema(async |schema| {
        let client = schema.ready().await;
        let mut refused = 0;
        for number in 0..14 {
            let body = json!({"email": format!("{number}@example.org"), "password": "correct horse", "display_name": "T"});
            let (status, _, _) = client.raw("POST", "/auth/register", body.to_string()).await;
            refused += i32::from(status.as_u16() == 429);
        }
        assert_eq!(refused, 4);
        assert_eq!(schema.number("SELECT COUNT(*) FROM account").await, 10);
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    with_schema(async |schema| {
        let anybody = schema.ready().await;
        let here = anybody.log_in("ann@example.org").await;
        let bob = anybody.log_in("bob@example.org").await;
        let answer =
            anybody.ok(200, "POST", "/auth/login", login("ann@example.org", "correct horse")).await;
        let token = answer["token"].as_str().unwrap().to_owned();
        let there = Client { token: Some(token), ..anybody.clone() };
        let change =
            |current: &str, new: &str| json!({"current_password": current, "new_password": new});

        anybody
            .problem(401, "PUT", "/account/password", change("correct horse", "better horse"))
            .await;
        let wrong =
            here.problem(422, "PUT", "/account/password", change("wrong", "better horse")).await;
        assert_eq!(wrong["errors"][0]["field"], "current_password");
        let short =
            here.problem(422, "PUT", "/account/password", change("correct horse", "short")).await;
        assert_eq!(short["errors"][0]["field"], "new_password");
        there.get("/account").await;

        here.ok(204, "PUT", "/account/password", change("correct horse", "better horse")).await;
        here.get("/account").await;
        bob.get("/account").await;
        there.problem(401, "GET", "/account", Value::Null).await;
        anybody
            .problem(401, "POST", "/auth/login", login("ann@example.org", "correct horse"))
            .await;
        anybody.ok(200, "POST", "/auth/login", login("ann@example.org", "better horse")).await;

        // A stolen token is no way to guess faster.
        for _ in 0..5 {
            there_guesses(&here).await;
        }
        here.problem(429, "PUT", "/account/password", change("better horse", "another horse"))
            .await;
    })
    .await;
}

async fn there_guesses(client: &Client) {
    let body = json!({"current_password": "a guess", "new_password": "another horse"});
    client.problem(422, "PUT", "/account/password", body).await;
}

#[tokio::test]
async fn all_sessions_end_at_once() {
    with_schema(async |schema| {
        let anybody = schema.ready().await;
        let here = anybody.log_in("ann@example.org").await;
        let bob = anybody.log_in("bob@example.org").await;
        anybody.ok(200, "POST", "/auth/login", login("ann@example.org", "correct horse")).await;
        anybody.problem(401, "DELETE", "/auth/sessions", Value::Null).await;
        here.ok(204, "DELETE", "/auth/sessions", Value::Null).await;
        here.problem(401, "GET", "/account", Value::Null).await;
        bob.get("/account").await;
        assert_eq!(schema.number("SELECT COUNT(*) FROM session").await, 1);
    })
    .await;
}
