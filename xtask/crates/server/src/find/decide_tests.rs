//! Every trouble, and the order of the ways.

use std::path::PathBuf;

use super::*;
use crate::local::State;
use model::facts::Flavour;

const NAME: &str = "data_processing_mysql";

fn container(status: &str) -> Container {
    Container {
        id: "c0ffee".to_owned(),
        status: status.to_owned(),
        health: None,
        image: "mysql:9.7".to_owned(),
        published: Some(("127.0.0.1".to_owned(), 3306)),
        address: Some("172.17.0.2".to_owned()),
        gateway: Some("172.17.0.1".to_owned()),
        started: None,
        project: None,
        exposes: true,
    }
}

fn facts(status: &str) -> Facts {
    let engine = Engine::Running("20.10".to_owned());
    Facts { engine, container: Some(container(status)), ..Facts::default() }
}

fn local() -> Status {
    Status::Running(State {
        flavour: Flavour::Mariadb,
        version: "10.11.19".to_owned(),
        program: PathBuf::from("/usr/sbin/mariadbd"),
        port: 4000,
        socket: None,
        pid: Some(1),
    })
}

fn message(facts: &Facts, answers: &[Answer]) -> String {
    let reach = || Reach::Published { container: NAME.to_owned() };
    let tried: Vec<_> = answers.iter().map(|answer| (reach(), answer.clone())).collect();
    let trouble = trouble(ReachChoice::Auto, NAME, facts, &tried);
    assert_eq!(trouble.stop.code, ExitCode::Server);
    trouble.stop.message
}

#[test]
fn the_container_comes_before_the_private_server() {
    let facts = Facts { local: local(), ..facts("running") };
    let ways = |choice| -> Vec<String> {
        candidates(choice, NAME, &facts).iter().map(|(reach, _)| reach.to_string()).collect()
    };
    let all = ways(ReachChoice::Auto);
    assert_eq!(
        all.first().map(String::as_str),
        Some("the port of container data_processing_mysql")
    );
    assert_eq!(all.last().map(String::as_str), Some("the private local server"));
    assert_eq!(ways(ReachChoice::DockerExec), ["docker exec into data_processing_mysql"]);
    assert_eq!(ways(ReachChoice::Local), ["the private local server"]);
    assert!(!ways(ReachChoice::Docker).contains(&"the private local server".to_owned()));
}

#[test]
fn an_engine_elsewhere_is_reached_through_exec_only() {
    let facts = Facts { engine_is_here: false, ..facts("running") };
    let ways = candidates(ReachChoice::Auto, NAME, &facts);
    assert!(matches!(ways.as_slice(), [(Reach::DockerExec { .. }, None)]), "{ways:?}");
}

#[test]
fn a_bridge_is_where_connections_begin_at_the_gateway() {
    let bridge = |gateway: Option<&str>, source: Option<&str>| {
        let gateway = gateway.map(str::to_owned);
        let container = Some(Container { gateway, ..container("running") });
        let source = source.map(|source| source.parse().unwrap());
        let facts = Facts { container, source, ..facts("running") };
        let ways = candidates(ReachChoice::Docker, NAME, &facts);
        let found = super::bridge(&facts);
        let named = ways.into_iter().find_map(|(reach, _)| match reach {
            Reach::ContainerAddress { bridge, .. } => Some(bridge),
            _ => None,
        });
        assert_eq!(named, cfg!(target_os = "linux").then_some(found));
        found.map(|address| address.to_string())
    };
    let gateway = Some("172.17.0.1");
    assert_eq!(bridge(gateway, gateway).as_deref(), gateway);
    // By the default gateway, or not at all.
    assert_eq!(bridge(gateway, Some("192.168.1.7")), None);
    assert_eq!(bridge(gateway, None), None);
    // A network whose gateway is not known, or makes no sense.
    assert_eq!(bridge(None, gateway), None);
    assert_eq!(bridge(Some(""), gateway), None);
}

#[test]
fn a_container_of_another_checkout_is_named_and_not_used() {
    let facts = Facts {
        container: None,
        elsewhere: Some("/srv/other".to_owned()),
        local: local(),
        ..facts("running")
    };
    let ways = candidates(ReachChoice::Auto, NAME, &facts);
    assert!(matches!(ways.as_slice(), [(Reach::Local, Some(_))]), "{ways:?}");
    let said = message(&Facts { local: Status::Absent, ..facts }, &[]);
    assert!(said.contains("belongs to another checkout, /srv/other"), "{said}");
}

#[test]
fn docker_troubles() {
    let nothing = message(&Facts::default(), &[]);
    assert!(nothing.contains("Docker is not installed"), "{nothing}");
    let down = Engine::NotRunning("Cannot connect to the Docker daemon".to_owned());
    let down = message(&Facts { engine: down, ..Facts::default() }, &[]);
    assert!(down.contains("engine is not running"), "{down}");
    let denied = Engine::NotRunning("permission denied while trying to connect".to_owned());
    let denied = message(&Facts { engine: denied, ..Facts::default() }, &[]);
    assert!(denied.contains("is not allowed to use"), "{denied}");
}

#[test]
fn container_troubles() {
    let engine = Engine::Running("20.10".to_owned());
    let missing = message(&Facts { engine, ..Facts::default() }, &[]);
    assert_eq!(missing, "there is no container `data_processing_mysql`");
    let exited = message(&facts("exited"), &[]);
    assert_eq!(exited, "container `data_processing_mysql` is not running (exited)");
    assert!(message(&facts("paused"), &[]).contains("is paused"));
    assert!(message(&facts("restarting"), &[]).contains("keeps restarting"));
}

#[test]
fn a_container_that_is_something_else() {
    let other = Container {
        image: "nginx:1".to_owned(),
        exposes: false,
        published: None,
        ..container("running")
    };
    let silent = Answer::Silent("connection refused".to_owned());
    let other = Facts { container: Some(other), ..facts("running") };
    let said = message(&other, std::slice::from_ref(&silent));
    assert!(said.contains("image nginx:1") && said.contains("not a MySQL"), "{said}");
    let http = Answer::NotMysql("it starts with \"HTTP\"".to_owned());
    let said = message(&facts("running"), &[http]);
    assert!(said.contains("not the MySQL protocol"), "{said}");
    let mysql = message(&facts("running"), &[silent]);
    assert!(mysql.contains("no server answers in it"), "{mysql}");
    let blocked = Answer::Refuses(1129, "Host '172.17.0.1' is blocked".to_owned());
    assert!(message(&facts("running"), &[blocked]).contains("blocks this host"));
}

#[test]
fn a_server_on_its_way_up_is_waited_for() {
    let with = |health: Option<&str>, log: &str| {
        let container = Container { health: health.map(str::to_owned), ..container("running") };
        Facts { container: Some(container), log: log.to_owned(), ..facts("running") }
    };
    assert!(starting(&with(Some("starting"), "")));
    assert!(!starting(&with(Some("healthy"), "")));
    let preparing = "[Note] [Entrypoint]: Starting temporary server\n\
        /usr/sbin/mysqld: ready for connections. Version: '9.7.4'  socket: 's'  port: 0  MySQL";
    assert!(starting(&with(None, preparing)));
    let up = format!(
        "{preparing}\nmysqld (mysqld 9.7.4) starting as process 1\n\
        mysqld: ready for connections. Version: '9.7.4'  socket: 's'  port: 3306"
    );
    assert!(!starting(&with(None, &up)));
    let second = std::time::Duration::from_secs(1);
    let fresh = |up| Facts { up: Some(up), start_may_take: second * 60, ..with(None, "") };
    assert!(starting(&fresh(second)) && !starting(&fresh(second * 61)));
    let trouble = trouble(ReachChoice::Auto, NAME, &with(Some("starting"), ""), &[]);
    assert!(trouble.starting && trouble.stop.message.contains("still starting"));
}

#[test]
fn an_explicit_address_is_the_only_one() {
    let endpoint = Endpoint::Tcp { host: "db".to_owned(), port: 3306 };
    let stop = nothing_explicit(&endpoint, &Answer::Silent("connection refused".to_owned()));
    assert_eq!(stop.message, "no MySQL server answers at db:3306: connection refused");
    assert!(stop.hints[0].contains("nothing else was tried"));
}
