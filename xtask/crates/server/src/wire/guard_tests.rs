//! What an address, a way and the settings decide.

use super::*;

fn tcp(host: &str) -> Endpoint {
    Endpoint::Tcp { host: host.to_owned(), port: 3306 }
}

fn guard(host: &str, tls: &Tls) -> Guard {
    Guard::new(&tcp(host), &Reach::Explicit, tls)
}

#[test]
fn the_address_decides_where_nothing_is_set() {
    for host in ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST", "::ffff:127.0.0.1"] {
        let guard = guard(host, &Tls::default());
        assert!(guard.here && guard.when == When::Demanded, "{host}");
        assert!(guard.may_send_password(false), "{host}");
        assert_eq!(guard.link(), Link::Plain);
    }
    for host in ["10.0.0.1", "db.example.com", "localhost.example.com", "0.0.0.0", "172.17.0.1"] {
        let guard = guard(host, &Tls::default());
        assert!(!guard.here && guard.begins_with_tls() && guard.check.name, "{host}");
        assert!(!guard.may_send_password(false) && guard.may_send_password(true), "{host}");
    }
    let container = Reach::Published { container: "c".to_owned() };
    assert!(Guard::new(&tcp("127.0.0.1"), &container, &Tls::default()).here);
    assert!(!Guard::new(&tcp("192.168.1.2"), &container, &Tls::default()).here);
}

#[test]
fn a_container_is_here_only_over_its_bridge() {
    let place = tcp("172.17.0.2");
    let bridge: IpAddr = "172.17.0.1".parse().unwrap();
    let reach = |bridge| Reach::ContainerAddress { container: "c".to_owned(), bridge };
    let elsewhere = Guard::new(&place, &reach(None), &Tls::default());
    assert!(!elsewhere.here && elsewhere.check.name && elsewhere.begins_with_tls());
    assert!(!elsewhere.may_send_password(false));
    let address = Guard::new(&place, &reach(Some(bridge)), &Tls::default());
    let near = Guard::near(&place, bridge, &Tls::default());
    for guard in [&address, &near] {
        assert!(guard.here && !guard.begins_with_tls());
        assert!(guard.demand_bridge(&place, Some(bridge)).is_ok());
        for from in [None, Some("192.168.1.7".parse().unwrap())] {
            let stop = guard.demand_bridge(&place, from).unwrap_err();
            assert_eq!(stop.code, ExitCode::Server);
        }
    }
    assert!(address.may_send_password(false));
    // The shorter way never carries it, not even where the certificate is verified.
    let pinned = Tls { fingerprint: Some([7; 32]), ..Tls::default() };
    for near in [near, Guard::near(&place, bridge, &pinned)] {
        assert!(!near.may_send_password(false) && !near.may_send_password(true));
    }
}

#[test]
fn nothing_unverified_gets_a_password_elsewhere() {
    for mode in [Mode::Off, Mode::Preferred, Mode::Required] {
        let guard = guard("db", &Tls { mode: Some(mode), ..Tls::default() });
        assert!(!guard.may_send_password(false) && !guard.may_send_password(true), "{mode:?}");
        assert_eq!(guard.begins_with_tls(), mode != Mode::Off, "{mode:?}");
        assert!(matches!(guard.link(), Link::Not(_)), "{mode:?}");
    }
    let pinned = guard("db", &Tls { fingerprint: Some([7; 32]), ..Tls::default() });
    assert!(pinned.begins_with_tls() && pinned.may_send_password(true));
    assert!(!pinned.check.authority && matches!(pinned.link(), Link::Not(_)));
}

#[test]
fn a_socket_needs_no_tls() {
    let socket = Endpoint::Socket("/run/x.sock".into());
    let tls = Tls { mode: Some(Mode::VerifyIdentity), ..Tls::default() };
    let guard = Guard::new(&socket, &Reach::Explicit, &tls);
    assert!(guard.here && !guard.begins_with_tls() && !guard.may_try_tls());
}
