//! A transaction can be read from the log before its rows can be read.

use model::account::{Account, Role};
use mysql::prelude::Queryable as _;
use server::log::{self, Next, Options, Reader};
use server::{Endpoint, Reach, Session};

use super::held::{Held, demand_swapped};
use super::writers::TABLES;
use crate::faults::world::until;
use crate::support::{Checkout, Sandbox, Server, TestServer, Turn, Writer, own_mysql};

/// A commit waits behind the log for a replica that never answers.
const SEMI_SYNC: [&str; 3] = [
    "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'",
    "SET GLOBAL rpl_semi_sync_source_timeout = 300000, GLOBAL rpl_semi_sync_source_wait_for_replica_count = 1, \
     GLOBAL rpl_semi_sync_source_wait_no_replica = ON",
    "SET GLOBAL rpl_semi_sync_source_enabled = ON",
];

fn session(server: &TestServer, sandbox: &Sandbox, user: &str, role: Role) -> Session {
    let endpoint = Endpoint::Tcp { host: server.host.clone(), port: server.port };
    let password = match role {
        Role::Root => server.root_password.clone(),
        _ => sandbox.password(),
    };
    let account = Account { role, user: user.to_owned(), password: Some(password) };
    Session::open(&server::Server::new(endpoint, Reach::Explicit), &account, None).unwrap()
}

#[test]
fn what_is_in_the_log_and_cannot_be_seen_yet_is_not_missed() {
    let Some(own) = own_mysql("visible") else { return };
    let _turn = Turn::of(Checkout::Shape);
    let server = &own.server;
    let sandbox = Sandbox::new(server, &Server::Mysql.own("live_visible"));
    sandbox.base();
    sandbox.with_log();
    sandbox.sql(TABLES);
    // The first table in the order of their names: what is done to others commits, and would wait
    // for the same replica before this one is looked at.
    sandbox.sql("CREATE TABLE aa (id INT PRIMARY KEY, v INT)");
    let mut root = server.root();
    // With nothing written the copy would not have to follow.
    let writer =
        Writer::start(sandbox.root(), |n| format!("INSERT INTO busy (note) VALUES ('writer {n}')"));
    let held = Held::of(&sandbox, "gate.caught_up", &["--json"]);
    writer.end();
    let user = format!("log_{}", sandbox.schema.trim_start_matches("t_"));
    let mut all_seeing = session(server, &sandbox, "root", Role::Root);
    let keys = log::keys(&mut all_seeing, &sandbox.schema).unwrap();
    let mut log_session = session(server, &sandbox, &user, Role::Log);
    let from = log::state(&mut log_session).unwrap();
    for sql in SEMI_SYNC {
        root.query_drop(sql).unwrap();
    }
    let mut other = sandbox.root();
    let insert = std::thread::spawn(move || {
        other.query_drop("INSERT INTO aa VALUES (77, 78)").unwrap();
    });
    let options = Options::new(log::server_id("test", &sandbox.schema));
    let mut reader = Reader::open(&log_session, &from.position, &options).unwrap();
    let group = loop {
        if let Next::Group(group) = reader.next(&mut |table| keys.want(table)).unwrap()
            && group.tables.keys().any(|table| table.name == "aa")
        {
            break group;
        }
    };
    // Who reads the row because of what the log says finds none, and would be done with it.
    let mut sees = sandbox.root();
    let mut count =
        || -> Option<u64> { sees.query_first("SELECT COUNT(*) FROM aa WHERE id = 77").unwrap() };
    assert_eq!(count(), Some(0));
    assert!(!log::visible(&mut all_seeing, from.flavour).unwrap().has(&group));
    let run = held.release();
    // It goes on as far as it can: to the lock that the transaction is in the way of.
    let waits = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER LIKE 'restore%' \
                 AND (STATE LIKE 'Waiting for table%' OR STATE LIKE '%commit%' OR STATE LIKE '%ACK%')";
    until("the swap waits", || root.query_first::<u64, _>(waits).unwrap() > Some(0));
    assert_eq!(count(), Some(0));
    root.query_drop("SET GLOBAL rpl_semi_sync_source_enabled = OFF").unwrap();
    insert.join().unwrap();
    demand_swapped(&run.join());
    let found: Option<u64> = sandbox.root().query_first("SELECT v FROM aa WHERE id = 77").unwrap();
    assert_eq!(found, Some(78), "the write was lost");
    assert!(log::visible(&mut all_seeing, from.flavour).unwrap().has(&group));
}
