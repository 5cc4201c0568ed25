//! Files that a test may spoil.

use std::{fs, path::PathBuf};

use crate::{permits::random_hex, support::seed};

/// A copy of the small catalogue that a test may spoil; removed when dropped.
pub(crate) struct Copy(pub PathBuf);

#[expect(clippy::disallowed_methods, reason = "scratch files of a test need no durability")]
impl Copy {
    pub(crate) fn new() -> Self {
        let dir = std::env::temp_dir().join(format!("apitest-{}", random_hex(6)));
        fs::create_dir_all(&dir).unwrap();
        for entry in fs::read_dir(seed()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, dir.join(path.file_name().unwrap())).unwrap();
        }
        Self(dir)
    }

    pub(crate) fn append(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        let old = fs::read(&path).unwrap();
        fs::write(path, [old.as_slice(), text.as_bytes()].concat()).unwrap();
    }

    pub(crate) fn replace(&self, file: &str, old: &str, new: &str) {
        let path = self.0.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(old));
        fs::write(path, text.replace(old, new)).unwrap();
    }

    /// Writes a file and returns where it is.
    pub(crate) fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.0.join(file);
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.0.join(file)).unwrap();
    }
}

impl Drop for Copy {
    #[expect(clippy::disallowed_methods, reason = "scratch files of a test")]
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
