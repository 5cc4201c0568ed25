//! Field checks of request bodies; all complaints of a request go out together.

use crate::problem::{FieldError, Problem};

#[derive(Debug, Default)]
pub(crate) struct Checks(Vec<FieldError>);

impl Checks {
    /// Complains about `field` unless `fine`.
    pub(crate) fn that(&mut self, fine: bool, field: &'static str, message: impl Into<String>) {
        if !fine {
            self.0.push(FieldError { field, message: message.into() });
        }
    }

    /// Trims `value` and checks its length in characters; no control characters.
    pub(crate) fn text(
        &mut self,
        field: &'static str,
        value: &str,
        min: usize,
        max: usize,
    ) -> String {
        let value = value.trim();
        let fine =
            (min..=max).contains(&value.chars().count()) && !value.chars().any(char::is_control);
        self.that(
            fine,
            field,
            format!("must have {min} to {max} characters, none of them control"),
        );
        value.to_owned()
    }

    /// The page asked for: 20 items by default, 100 at most.
    pub(crate) fn page(&mut self, limit: Option<u32>, offset: Option<u32>) -> Page {
        let limit = limit.unwrap_or(20);
        self.that((1..=100).contains(&limit), "limit", "must be from 1 to 100");
        Page { limit, offset: offset.unwrap_or(0) }
    }

    pub(crate) fn done(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0)) }
    }
}

/// A slice of a list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub limit: u32,
    pub offset: u32,
}
