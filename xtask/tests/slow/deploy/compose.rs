//! The service of `compose.yaml` as a target, with real containers.

use sys::fs;
use sys::proc::Cmd;

use super::{DEADLINE, json};
use crate::faults::demand_stop;
use crate::support::{
    Removed, Server, alone, copy_checkout, free_port, image_of, require, target_dir,
};

/// The service of `compose.yaml`, beside the database that `quickstart` makes there.
#[test]
fn a_service_of_compose_is_replaced_and_brought_back() {
    let Some(server) = require(Server::Mysql) else { return };
    let _alone = alone();
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy_checkout(folder.path());
    let (database, port) = (free_port(), free_port());
    let project = format!("streamflix_deploy_{database}");
    let _gone = Removed(project.clone());
    let image = image_of(&server);
    let images = || {
        let list = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", &project];
        let list = Cmd::new("docker").args(list).read(DEADLINE).unwrap();
        list.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let run = |args: &[&str]| {
        Cmd::new(env!("CARGO_BIN_EXE_xtask"))
            .args(args.iter().copied())
            .dir(folder.path())
            .env("XTASK_ROOT", folder.path().to_str().unwrap())
            .env("CARGO_TARGET_DIR", target_dir().to_str().unwrap())
            .env("XDG_CONFIG_HOME", home.path().to_str().unwrap())
            .env("DB_CONTAINER", &project)
            .env("DB_PORT", database.to_string())
            .env("COMPOSE_PROJECT_NAME", &project)
            .env("MYSQL_IMAGE", &image)
            .run(DEADLINE)
            .unwrap()
    };
    let policy = |more: &str| {
        let text = format!(
            "[deploy]\ntarget = \"docker\"\nsmoke_paths = [\"/readyz\", \"/content/movies\"{more}]\n\
             smoke_deadline_s = 30\n[deploy.targets.docker]\nkind = \"compose\"\nprofile = \"xtask\"\n\
             url = \"http://127.0.0.1:{port}\"\nbase = \"{image}\"\n\
             image = \"{project}\"\n"
        );
        fs::write_durably(&folder.path().join("xtask.toml"), text.as_bytes()).unwrap();
    };
    policy("");
    json(&run(&["quickstart", "--yes", "--on", "docker", "--json"]));
    let running = || {
        let api = format!("{project}-api-1");
        let image = Cmd::new("docker").args(["inspect", "--format", "{{.Image}}", &api]);
        image.read(DEADLINE).ok()
    };
    // Without one before it, a release that does not answer leaves no container.
    policy(", \"/nope\"");
    demand_stop(&run(&["deploy", "--yes"]), 32, &["GET /nope", "there was no previous one"]);
    assert_eq!(running(), None);
    policy("");
    let done = json(&run(&["deploy", "--yes", "--json"]));
    assert_eq!(done["outcome"], "done", "{done}");
    let first = running();
    assert!(first.is_some());
    // Another commit's program, so that the image is another one.
    let source = folder.path().join("api/src/main.rs");
    let text = fs::read_text(&source).unwrap();
    let text = text.replace("StreamFlix's service.", "StreamFlix's next service.");
    fs::write_durably(&source, text.as_bytes()).unwrap();
    policy(", \"/nope\"");
    demand_stop(&run(&["deploy", "--yes"]), 32, &["GET /nope", "again and is ready"]);
    assert_eq!(running(), first, "the image before it runs again");
    policy("");
    json(&run(&["deploy", "--yes", "--json"]));
    assert!(running().is_some() && running() != first);
    // The new one, the one before it, and the name that compose.yaml takes.
    assert_eq!(images().len(), 3, "{:?}", images());
}
