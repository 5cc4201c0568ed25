//! What every command is given.

use crate::config::Settings;
use crate::ui::Ui;

/// The settings of this run and the terminal.
#[derive(Debug)]
pub struct Ctx {
    /// What is true for this run.
    pub settings: Settings,
    /// What the person sees.
    pub ui: Ui,
}
