//! The API's account, taken over: it cannot make the tool believe that a migration was
//! applied, and it still writes to every table that a change brings.

use mysql::prelude::Queryable as _;

use crate::gate::world::World;
use crate::hostile::demand;
use crate::support::Server;

#[test]
fn the_api_cannot_book_a_migration() {
    for kind in Server::ALL {
        let Some(world) = World::new(kind, "api_account") else { continue };
        let user = world.sandbox.schema.replacen("t_", "app_", 1);
        // As an earlier version of this tool gave the rights: on the whole schema.
        let mut app = world.sandbox.login(&user);
        app.query_drop("UPDATE _sqlx_migrations SET success = FALSE").unwrap();
        app.query_drop("UPDATE _sqlx_migrations SET success = TRUE").unwrap();
        drop(app);

        demand(&world.run(&["doctor", "--fix"]), 0, "doctor --fix");
        let mut app = world.sandbox.login(&user);
        app.query_drop("INSERT INTO busy (note) VALUES ('as before')").unwrap();
        for attack in [
            "UPDATE _sqlx_migrations SET success = FALSE",
            "DELETE FROM _sqlx_migrations",
            "INSERT INTO _sqlx_migrations SELECT version + 1, description, installed_on, success, \
             checksum, execution_time FROM _sqlx_migrations",
        ] {
            let error = app.query_drop(attack).expect_err(attack).to_string();
            assert!(error.contains("denied"), "{kind}: {attack}: {error}");
        }

        // A table that came since: the next change gives the right to write to it.
        world.sandbox.sql("CREATE TABLE late (id INT PRIMARY KEY)");
        assert!(app.query_drop("INSERT INTO late VALUES (1)").is_err(), "{kind}");
        let done = world.run(&["migrate"]);
        demand(&done, 0, "migrate");
        assert!(done.stderr.contains("may write to 1 table"), "{kind}: {}", done.stderr);
        let mut app = world.sandbox.login(&user);
        app.query_drop("INSERT INTO late VALUES (1)").unwrap();
        assert!(app.query_drop("DELETE FROM _sqlx_migrations").is_err(), "{kind}");
        demand(&world.run(&["doctor"]), 0, "doctor finds the rights exact");
    }
}
