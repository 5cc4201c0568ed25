//! Health, readiness, the API description, and a real port.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use api::{app::App, migrate::MIGRATOR, serve::serve};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot};

use crate::support::with_schema;

#[tokio::test]
async fn readiness_follows_the_migrations() {
    with_schema(async |schema| {
        let client = schema.client();
        assert_eq!(client.get("/healthz").await, json!({"status": "ok"}));
        client.problem(503, "GET", "/readyz", Value::Null).await;
        schema.migrate().await;
        assert_eq!(client.get("/readyz").await, json!({"status": "ready", "migrations": 6}));
        MIGRATOR.undo(&mut schema.connect().await, 20_261_122_090_500).await.unwrap();
        let problem = client.problem(503, "GET", "/readyz", Value::Null).await;
        assert_eq!(problem["detail"], "Migrations are missing: 1.");
        schema.migrate().await;
        client.get("/readyz").await;
        schema.run("UPDATE _sqlx_migrations SET success = FALSE WHERE version = 20261122090300").await;
        let problem = client.problem(503, "GET", "/readyz", Value::Null).await;
        assert_eq!(problem["detail"], "A migration failed half-way.");
        schema.run("UPDATE _sqlx_migrations SET success = TRUE, checksum = 'x' WHERE version = 20261122090300").await;
        client.problem(503, "GET", "/readyz", Value::Null).await;
    })
    .await;
}

#[tokio::test]
async fn without_a_database_it_lives_but_is_not_ready() {
    with_schema(async |mut schema| {
        schema.database.socket = None;
        schema.database.host = "127.0.0.1".into();
        schema.database.port = 1;
        schema.pool = api::db::pool(&schema.database);
        let client = schema.client();
        client.get("/healthz").await;
        client.problem(503, "GET", "/readyz", Value::Null).await;
        client.problem(503, "GET", "/content/movies", Value::Null).await;
    })
    .await;
}

#[tokio::test]
async fn every_described_operation_is_there() {
    with_schema(async |schema| {
        let client = schema.ready().await;
        let document = client.get("/openapi.json").await;
        let mut seen = 0;
        for (path, operations) in document["paths"].as_object().unwrap() {
            let real = path.replace("{id}", "1").replace("{movie}", "1").replace("{series}", "1");
            for (method, operation) in operations.as_object().unwrap() {
                if method == "parameters" {
                    continue;
                }
                let (status, _, _) = client.raw(&method.to_uppercase(), &real, String::new()).await;
                let locked = operation.get("security").is_some();
                assert_eq!(status.as_u16() == 401, locked, "{method} {path}: {status}");
                assert!(
                    status.as_u16() != 405 && status.as_u16() < 500,
                    "{method} {path}: {status}"
                );
                seen += 1;
            }
        }
        assert_eq!(seen, 30);
        // Every reference leads somewhere.
        let text = document.to_string();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_real_port_answers_and_stops() {
    with_schema(async |schema| {
        schema.ready().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let app = App::new(schema.pool.clone());
        let server = tokio::spawn(serve(listener, app, async {
            stopped.await.unwrap();
        }));
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream
                .write_all(b"GET /content/genres HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        })
        .await
        .unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("Science Fiction"), "{answer}");
        stop.send(()).unwrap();
        server.await.unwrap().unwrap();
        assert!(TcpStream::connect(address).is_err(), "the port is free again");
    })
    .await;
}
