//! Names that command a terminal, proxies, destinations that fill the memory, options
//! that switch protection off, secrets that children see, and values that are masked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mysql::prelude::Queryable as _;
use serde_json::Value;
use sys::fs;
use sys::proc::{Cmd, Finished};

use crate::copies::world::World;
use crate::faults::demand_stop;
use crate::support::object_store::require_s3;
use crate::support::{Listener, Sandbox, Server, require};

/// Sets the title, clears the screen, turns the direction of reading.
const NAME: &str = "t\u{1b}]0;pwned\u{7}\u{1b}[2J\u{202e}\u{7f}\nerror: x";
const SHOWN: &str = "t⟨U+001B⟩]0;pwned⟨U+0007⟩⟨U+001B⟩[2J⟨U+202E⟩⟨U+007F⟩";
const LONG: Duration = Duration::from_secs(300);

/// Nothing that a terminal obeys is in the output.
#[track_caller]
fn demand_visible(finished: &Finished) {
    for text in [&finished.stdout, &finished.stderr] {
        let hidden = |c: char| {
            (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}')
        };
        let bad = text.lines().find(|line| line.chars().any(hidden));
        assert!(bad.is_none(), "{bad:?}");
        // No line of ours is begun by a name.
        assert!(!text.contains("\nerror: x"), "{text}");
    }
}

#[test]
fn a_name_commands_no_terminal() {
    for kind in Server::ALL {
        let Some(server) = require(kind) else { continue };
        let sandbox = Sandbox::new(&server, "at_escapes");
        let sql = |text: &str| sandbox.root().query_drop(text).unwrap();
        sql(&format!("CREATE TABLE `{NAME}` (id INT PRIMARY KEY)"));
        sql(&format!("INSERT INTO `{NAME}` VALUES (1)"));
        let toml = format!("[verify]\nmin_tables = 1\napi_paths = []\ncore_tables = [{NAME:?}]\n");
        // Rust and TOML spell what cannot be seen alike, but for the braces.
        let toml = toml.replace("\\u{1b}", "\\u001b").replace("\\u{7}", "\\u0007");
        let toml = toml.replace("\\u{202e}", "\\u202e").replace("\\u{7f}", "\\u007f");
        sandbox.write("xtask.toml", &toml);
        let backup = sandbox.xtask(&["db-backup", "--verbose"]);
        assert_eq!(backup.code, Some(0), "{}", backup.stderr);
        demand_visible(&backup);
        sql(&format!("DELETE FROM `{NAME}`"));
        let live = sandbox.xtask(&["db-verify", "--live"]);
        assert_eq!(live.code, Some(21), "{}", live.stderr);
        assert!(live.stdout.contains(SHOWN), "{}", live.stdout);
        demand_visible(&live);
        for args in [
            &["db-list"][..],
            &["db-verify", "latest", "--level", "restore", "--verbose"],
            &["db-restore", "latest", "--yes", "--verbose"],
            &["db-verify", "--live"],
        ] {
            let done = sandbox.xtask(args);
            assert_eq!(done.code, Some(0), "{}", done.stderr);
            demand_visible(&done);
        }
        // The same in JSON: its strings mean what they did.
        let json = sandbox.xtask(&["db-verify", "--live", "--json"]);
        demand_visible(&json);
        let document: Value = serde_json::from_str(&json.stdout).unwrap();
        let names: Vec<&str> = document["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|it| it["name"].as_str())
            .collect();
        assert!(names.iter().any(|name| name.ends_with(NAME)), "{names:?}");
        files_with_such_names(&sandbox);
    }
}

/// Names in a file: one that loads, one that the server refuses, one that the guard refuses.
fn files_with_such_names(sandbox: &Sandbox) {
    let good = format!(
        "CREATE TABLE `{NAME}` (`id` int NOT NULL, PRIMARY KEY (`id`));\n-- Dump completed\n"
    );
    let unknown = format!("CREATE TABLE `t` (`id` int NOT NULL, PRIMARY KEY (`{NAME}`));\n");
    let refused = format!("CREATE USER `{NAME}`;\n");
    for (text, code) in [(good, 0), (unknown, 40), (refused, 40)] {
        sandbox.write("foreign.sql", &text);
        let done = sandbox.xtask(&["db-verify", "foreign.sql", "--verbose"]);
        demand_visible(&done);
        assert_eq!(done.code == Some(0), code == 0, "{}", done.stderr);
        if code != 0 {
            let said = format!("{}{}", done.stdout, done.stderr);
            assert!(said.contains("⟨U+001B⟩]0;pwned"), "{said}");
        }
    }
    let name = format!("{}_backup_20260101_000000.sql", "x\u{1b}[2J");
    fs::create_private_dir(&sandbox.backups()).unwrap();
    fs::write_durably(&sandbox.backups().join(name.replace(".sql", ".json")), b"{}").unwrap();
    let list = sandbox.xtask(&["db-list"]);
    assert!(list.stdout.contains("x⟨U+001B⟩[2J"), "{}", list.stdout);
    demand_visible(&list);
}

fn through(command: Cmd, proxy: &Listener) -> Cmd {
    let url = proxy.url("");
    ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .fold(command, |command, name| command.env(name, url.clone()))
        .env("NO_PROXY", "")
        .env("no_proxy", "")
}

#[test]
fn no_proxy_answers_for_this_machine() {
    let Some(server) = require(Server::Mariadb) else { return };
    let (api, proxy) = (Listener::new(), Listener::new());
    let mut world = World::new(&server, "at_proxy");
    world.sandbox.write("xtask.toml", "[verify]\nmin_tables = 1\ncore_tables = []\n");
    let live = world.sandbox.command(&["db-verify", "--live"]).env("API_URL", api.url(""));
    through(live, &proxy).run(LONG).unwrap();
    assert!(!api.take().is_empty(), "the API was not asked");
    assert_eq!(proxy.take(), [], "a proxy was asked for this machine");
    // An object store on this machine.
    let Some(store) = require_s3() else { return };
    world.with_bucket("near", store.port, "encrypt = false");
    let label = world.backup();
    for args in [&["db-copy", label.as_str()][..], &["db-list", "--from", "near"]] {
        let done = through(world.sandbox.command(args), &proxy).run(LONG).unwrap();
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert_eq!(proxy.take(), [], "a proxy was asked for this machine");
    }
}

/// Files of a copy's manifest that are large and cost nothing.
fn sparse_manifests(folder: &Path, schema: &str, n: usize) {
    for day in 1..=n {
        let name = format!("{schema}_backup_202601{day:02}_000000.json");
        fs::create_private(&folder.join(name)).unwrap().set_len(63 << 20).unwrap();
    }
}

#[test]
fn a_destination_cannot_fill_the_memory() {
    const MOST: u64 = 250 << 20;
    let Some(server) = require(Server::Mariadb) else { return };
    let mut world = World::new(&server, "at_memory");
    let drive = world.with_folder("drive", "");
    fs::create_private_dir(&drive).unwrap();
    sparse_manifests(&drive, &world.sandbox.schema, 20);
    let listed = |name: &str, world: &World| {
        let command = world.sandbox.command(&["db-list", "--from", name, "--json"]);
        let measured = command.measured(None, None, LONG).unwrap();
        assert!(measured.ok(), "{}", measured.why());
        let peak = measured.peak_memory.unwrap_or(0);
        assert!(peak < MOST, "{} MiB", peak >> 20);
        measured.stderr.matches("cannot be used: its manifest").count()
    };
    assert_eq!(listed("drive", &world), 20);
    // In the backups folder itself.
    fs::create_private_dir(&world.sandbox.backups()).unwrap();
    sparse_manifests(&world.sandbox.backups(), &world.sandbox.schema, 20);
    let command = world.sandbox.command(&["db-list"]);
    let measured = command.measured(None, None, LONG).unwrap();
    assert!(measured.peak_memory.unwrap_or(0) < MOST, "{:?}", measured.peak_memory);
    let Some(store) = require_s3() else { return };
    world.with_bucket("bucket", store.port, "");
    let folder = store.data().join("bucket");
    fs::create_private_dir(&folder).unwrap();
    sparse_manifests(&folder, &world.sandbox.schema, 8);
    assert_eq!(listed("bucket", &world), 8);
    // The program that carries them.
    let names: Vec<String> = fs::names(&folder).unwrap();
    let small = store.command("bucket", &["small"]).stdin(names.join("\n"));
    let measured = small.measured(None, Some(tempfile::tempfile().unwrap()), LONG).unwrap();
    assert!(measured.ok(), "{}", measured.why());
    assert!(measured.peak_memory.unwrap_or(0) < MOST, "{:?}", measured.peak_memory);
}

#[test]
fn protection_is_not_switched_off_in_passing() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = Sandbox::new(&server, "at_options");
    let destination = |options: &str| {
        let toml = format!("[[destination]]\nname = \"far\"\nurl = \"s3://bucket/x\"\n{options}\n");
        sandbox.write("xtask.toml", &toml);
    };
    for option in ["sas_key", "access_key_id", "secret_access_key", "token", "password"] {
        destination(&format!("options = {{ {option} = \"x\" }}"));
        let variable = format!("COPY_FAR_{}", option.to_uppercase());
        demand_stop(&sandbox.xtask(&["db-list"]), 10, &[option, ".env", &variable]);
    }
    destination("options = { proxy_url = \"http://name:word@proxy\" }");
    let refused = sandbox.xtask(&["db-list"]);
    demand_stop(&refused, 10, &["contains credentials", "COPY_FAR_PROXY_URL"]);
    assert!(!refused.stderr.contains("word"), "{}", refused.stderr);
    let weak = [
        "allow_http = \"true\"",
        "allow_http = \"true\", endpoint = \"http://127.0.0.1.example\"",
        "aws_allow_http = \"1\"",
        "allow_invalid_certificates = \"true\"",
        "proxy_url = \"http://proxy:3128\"",
    ];
    for options in weak {
        destination(&format!("options = {{ {options} }}"));
        demand_stop(&sandbox.xtask(&["db-list"]), 10, &["insecure", "insecure = true"]);
    }
    // From the environment as well: the two halves may stand in two places.
    destination("options = { endpoint = \"http://far.example\" }");
    let command = sandbox.command(&["db-list"]).env("COPY_FAR_ALLOW_HTTP", "true");
    demand_stop(&command.run(LONG).unwrap(), 10, &["allow_http"]);
    // On this machine nothing needs protection; elsewhere it is said aloud.
    destination("options = { endpoint = \"http://127.0.0.1:9\", allow_http = \"true\" }");
    assert_eq!(sandbox.xtask(&["db-list"]).code, Some(0));
    destination("insecure = true\noptions = { allow_http = \"true\" }");
    assert_eq!(sandbox.xtask(&["db-list"]).code, Some(0));
    let doctor = sandbox.xtask(&["doctor"]);
    assert!(
        doctor.stdout.contains("INSECURE because of its options: allow_http"),
        "{}",
        doctor.stdout
    );
    let status = sandbox.xtask(&["db-status", "--offline"]);
    assert!(status.stdout.contains("insecure:far"), "{}", status.stdout);
}

#[test]
#[cfg(unix)]
fn a_readable_env_is_said_by_every_command() {
    use std::os::unix::fs::PermissionsExt;
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = Sandbox::new(&server, "at_env");
    let path = sandbox.path().join(".env");
    let set =
        |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    for args in [&["db-list"][..], &["db-backup", "--quiet"], &["db-status", "--offline", "--json"]]
    {
        set(0o644);
        let open = sandbox.xtask(args);
        let words = format!("(mode 0644): `chmod 600 {}`", path.display());
        assert_eq!(open.stderr.matches(&words).count(), 1, "{}", open.stderr);
        set(0o600);
        assert!(!sandbox.xtask(args).stderr.contains("chmod"));
    }
}

/// Writes its environment down, and fails.
#[cfg(unix)]
fn tell_tale(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_private_dir(path.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\nenv >> \"$TELL_TALE\"\nexit 1\n";
    fs::write_durably(path, script.as_bytes()).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
#[cfg(unix)]
fn children_hold_no_secret_of_ours() {
    let Some(server) = require(Server::Mariadb) else { return };
    let sandbox = Sandbox::new(&server, "at_children");
    let programs: PathBuf = sandbox.path().join("programs");
    for name in ["git", "docker"] {
        tell_tale(&programs.join(name));
    }
    tell_tale(&sandbox.path().join("build.sh"));
    sandbox.write("api/migrations/20260101000000_first.sql", "SELECT 1;\n");
    sandbox.write(
        "xtask.toml",
        "[deploy.targets.far]\nkind = \"command\"\nurl = \"http://127.0.0.1:9\"\n\
         build = [\"./build.sh\"]\nstart = [\"./build.sh\"]\nundo = [\"./build.sh\"]\n",
    );
    let secrets = [
        "DB_ROOT_PASSWORD",
        "DB_BACKUP_PASSWORD",
        "DB_DRILL_PASSWORD",
        "COPY_FAR_SECRET_ACCESS_KEY",
        "BACKUP_AGE_IDENTITY",
        "NOTIFY_WEBHOOK_URL",
        "NOTIFY_SLACK_URL",
        "HEARTBEAT_URL",
        "OFFSITE_SECRETS",
        "MYSQL_PWD",
    ];
    let path = format!("{}:{}", programs.display(), sys::env::var("PATH").unwrap());
    for (args, mark) in [
        (&["db-backup"][..], "PATH="),
        (&["doctor"], "PATH="),
        (&["deploy", "--target", "far", "--yes"], "XTASK_DEPLOY_TARGET=far"),
    ] {
        let told = sandbox.path().join("told");
        fs::write_durably(&told, b"").unwrap();
        let command = sandbox.command(args).env("PATH", path.clone());
        let command = command.env("TELL_TALE", told.display().to_string());
        let value = |name: &str| match name {
            "DB_BACKUP_PASSWORD" => sandbox.password().reveal().to_owned(),
            "DB_ROOT_PASSWORD" => server.root_password.reveal().to_owned(),
            _ => format!("canary-{name}"),
        };
        let command = secrets.iter().fold(command, |command, name| command.env(name, value(name)));
        let done = command.run(LONG).unwrap();
        let seen = fs::read_text(&told).unwrap();
        assert!(seen.contains(mark), "{args:?} started no child: {}", done.stderr);
        let found = seen.lines().find(|line| secrets.iter().any(|name| line.starts_with(name)));
        assert!(found.is_none() && !seen.contains("canary"), "{args:?}: {found:?}");
    }
}

/// The community server takes a policy's name in a column's definition, and has no component
/// to read it: whoever selects the column gets an error instead of masks. What the tool
/// decides by is the definition, and that is the same.
#[test]
fn masked_columns_are_not_backed_up() {
    let Some(server) = require(Server::Mysql) else { return };
    let sandbox = Sandbox::new(&server, "at_masked");
    sandbox.sql(
        "CREATE TABLE plain (id INT PRIMARY KEY COMMENT 'MASKING POLICY');
         CREATE TABLE member (id INT PRIMARY KEY, card VARCHAR(20) MASKING POLICY hide_card,
             seen TIMESTAMP NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP MASKING POLICY hide)",
    );
    for args in
        [&["db-backup"][..], &["db-backup", "--dry-run"], &["db-backup", "--engine", "mysqldump"]]
    {
        let refused = sandbox.xtask(args);
        let words = ["`member.card`, `member.seen`", "no backup was made", "masking policy"];
        demand_stop(&refused, 40, &words);
    }
    sandbox.sql("ALTER TABLE member DROP COLUMN card, DROP COLUMN seen");
    assert_eq!(sandbox.xtask(&["db-backup"]).code, Some(0));
}
