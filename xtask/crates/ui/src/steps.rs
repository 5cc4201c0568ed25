//! The steps of long work, counted over the whole command.

/// A step that a command can declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A database is there (quickstart).
    Database,
    /// What is pending is applied, by whatever that takes.
    Migrate,
    /// Sample rows come in.
    Sample,
    /// A backup, as one step.
    Backup,
    /// Its proof, as one step.
    Proof,
    /// A release is built.
    Build,
    /// A copy is fetched from a destination.
    Fetch,
    /// A file is read and compared with its manifest.
    Read,
    /// Migrations are tried on the structure alone.
    Structure,
    /// A backup is written.
    Dump,
    /// A backup is loaded into a schema of its own.
    Load,
    /// What was loaded is compared.
    Compare,
    /// The change runs on the copy.
    Rehearse,
    /// Whether something wrote in the meantime.
    Writes,
    /// A copy follows what others write.
    Follow,
    /// The change, or the copy, goes live.
    Live,
    /// The release starts.
    Start,
    /// The release is asked whether it works.
    Smoke,
    /// A backup is copied elsewhere.
    Copy,
}

/// Which steps there are, and which one it is.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    all: Vec<Step>,
    /// How many have begun.
    begun: usize,
}

impl Steps {
    /// The first to declare counts: what a command runs inside itself is a part of its steps.
    pub(crate) fn declare(&mut self, all: &[Step]) {
        if self.all.is_empty() {
            self.all = all.to_vec();
        }
    }

    /// Goes on to a step; gives its number, where it was declared and did not pass.
    pub(crate) fn enter(&mut self, step: Step) -> Option<(usize, usize)> {
        let from = self.begun.saturating_sub(1);
        let ahead = self.all.get(from..)?.iter().position(|it| *it == step)?;
        self.begun = from + ahead + 1;
        self.now()
    }

    /// Ends the numbering where a step is not a part of it.
    pub(crate) fn end_unless(&mut self, step: Step) {
        if !self.all.contains(&step) {
            *self = Self::default();
        }
    }

    /// The number of the step; a command of one step needs none.
    pub(crate) fn now(&self) -> Option<(usize, usize)> {
        let (begun, all) = (self.begun, self.all.len());
        (begun > 0 && all > 1).then_some((begun, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_numbering_for_the_whole_command() {
        let mut steps = Steps::default();
        assert_eq!(steps.enter(Step::Load), None, "nothing is declared");
        steps.declare(&[Step::Dump, Step::Load, Step::Compare, Step::Copy]);
        assert_eq!(steps.now(), None);
        assert_eq!(steps.enter(Step::Dump), Some((1, 4)));
        // What runs inside declares its own.
        steps.declare(&[Step::Load, Step::Compare]);
        assert_eq!(steps.enter(Step::Load), Some((2, 4)));
        assert_eq!(steps.enter(Step::Load), Some((2, 4)));
        // One that is not a step of this command is a part of the present one.
        assert_eq!(steps.enter(Step::Rehearse), None);
        assert_eq!(steps.now(), Some((2, 4)));
        assert_eq!(steps.enter(Step::Copy), Some((4, 4)));
        assert_eq!(steps.enter(Step::Dump), None, "it passed");
        steps.end_unless(Step::Copy);
        assert_eq!(steps.now(), Some((4, 4)));
        steps.end_unless(Step::Smoke);
        assert_eq!(steps.now(), None);
    }

    #[test]
    fn one_step_needs_no_number() {
        let mut steps = Steps::default();
        steps.declare(&[Step::Dump]);
        assert_eq!(steps.enter(Step::Dump), None);
        assert_eq!(steps.now(), None);
    }
}
