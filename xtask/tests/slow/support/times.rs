//! How long each test takes, for `cargo xtask ci`, which shows the slowest: stable Rust's
//! test programs do not say it.

use std::cell::OnceCell;
use std::io::Write as _;
use std::time::Instant;

use sys::{env, fs};

/// Names the file that gets a line for each test: seconds and name.
const VARIABLE: &str = "XTASK_TEST_TIMES";

struct Running(Instant);

thread_local! {
    static RUNNING: OnceCell<Running> = const { OnceCell::new() };
}

/// The test of this thread has begun. Its time is written when the thread ends.
pub(super) fn begun() {
    RUNNING.with(|running| {
        running.get_or_init(|| Running(Instant::now()));
    });
}

impl Drop for Running {
    fn drop(&mut self) {
        let thread = std::thread::current();
        let (Some(path), Some(name)) = (env::var_os(VARIABLE), thread.name()) else { return };
        let line = format!("{:.1} {name}\n", self.0.elapsed().as_secs_f64());
        // One write: other tests append as well. A time that is lost fails no test.
        fs::append_private(path.as_ref())
            .and_then(|mut file| Ok(file.write_all(line.as_bytes())?))
            .ok();
    }
}
