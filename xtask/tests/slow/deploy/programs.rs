//! A target of programs of one's own.

use super::{DEADLINE, Shop};
use crate::faults::demand_stop;
use sys::fs;
use sys::proc::Cmd;

/// A target of programs, at the address of the process that runs.
pub(super) fn commands(shop: &Shop) {
    let target = |start: &str, undo: &str| {
        let target = format!(
            "[deploy.targets.far]\nkind = \"command\"\nurl = \"http://127.0.0.1:{}\"\n\
             start = {start}\nundo = {undo}\n",
            shop.port
        );
        shop.policy(shop.port, &[], &target);
        shop.xtask(&["deploy", "--target", "far", "--yes"])
    };
    let trail = shop.sandbox.path().join("trail.txt");
    let script = format!(
        "#!/bin/sh\necho \"$1 $XTASK_DEPLOY_TARGET $DB_APP_PASSWORD\" >> '{}'\nexit \"$2\"\n",
        trail.display()
    );
    shop.sandbox.write("ci/step", &script);
    Cmd::new("chmod").arg("+x").arg(shop.sandbox.path().join("ci/step")).read(DEADLINE).unwrap();
    let step = |name: &str, code: u8| format!("[\"./ci/step\", \"{name}\", \"{code}\"]");
    let done = target(&step("start", 0), &step("undo", 0));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    demand_stop(&target(&step("start", 3), &step("undo", 0)), 32, &["code 3", "ready as before"]);
    let stuck = target(&step("start", 3), &step("undo", 4));
    demand_stop(
        &stuck,
        33,
        &["program: NOT rolled back", "code 4", "To bring back the previous release"],
    );
    assert_eq!(
        fs::read_text(&trail).unwrap(),
        "start far \nstart far \nundo far \nstart far \nundo far \n",
        "each was run once, without a password"
    );
}
