//! Names of tables and views on a server that keeps them in lower case.

use std::collections::BTreeSet;

use super::compare::Expected;
use model::inventory::{Inventory, ObjectKind};

impl Expected {
    /// The same with the names that the server made of those in the dump: `Film` became
    /// `film`. Where two of the dump's would be one, both stay.
    #[must_use]
    pub fn named_as_in(mut self, inventory: &Inventory) -> Self {
        let tables: Vec<&String> = self.tables.keys().collect();
        let tables = renamed(&tables, |name| inventory.tables.contains_key(name));
        for (old, new) in tables {
            if let Some(table) = self.tables.remove(&old) {
                self.tables.insert(new, table);
            }
        }
        let view = |name: &str| (ObjectKind::View, name.to_owned());
        let views: Vec<&String> = self
            .programs
            .iter()
            .filter(|(kind, _)| *kind == ObjectKind::View)
            .map(|(_, name)| name)
            .collect();
        let views = renamed(&views, |name| inventory.programs.contains_key(&view(name)));
        for (old, new) in views {
            self.programs.remove(&view(&old));
            self.programs.insert(view(&new));
        }
        self
    }
}

/// Each name that is there only in lower case, with that.
fn renamed(names: &[&String], there: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut once = BTreeSet::new();
    let twice: BTreeSet<String> = names
        .iter()
        .map(|name| name.to_lowercase())
        .filter(|lower| !once.insert(lower.clone()))
        .collect();
    names
        .iter()
        .map(|name| ((*name).clone(), name.to_lowercase()))
        .filter(|(name, lower)| name != lower && !twice.contains(lower))
        .filter(|(name, lower)| !there(name) && there(lower))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_server_unless_two_would_be_one() {
        let names: Vec<String> = ["Film", "a", "Twin", "tWIN", "Gone"].map(str::to_owned).into();
        let there = |name: &str| ["film", "a", "twin"].contains(&name);
        let all = renamed(&names.iter().collect::<Vec<_>>(), there);
        assert_eq!(all, [("Film".to_owned(), "film".to_owned())]);
    }
}
