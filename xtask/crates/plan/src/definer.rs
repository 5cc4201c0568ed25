//! Whose the programs are that a swap makes: the locked account's, not the one's that swaps.

use model::ident::{qualified, quote};
use model::inventory::{Inventory, ObjectKind, Program};

/// Who becomes the definer of what a swap makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    Swapper,
    /// This one, as a DEFINER clause takes it; what is equal in the live schema is left
    /// alone and keeps its own.
    Locked(&'a str),
    /// This one, also of what is equal in the live schema: a known event or view of a
    /// strong account could call what the file brings, as that account.
    LockedAll(&'a str),
    /// This one, but of views: in a schema where it has no right, a view that reads another
    /// one could not even be made.
    LockedButViews(&'a str),
}

impl Owner<'_> {
    /// The account, as a DEFINER clause takes it; `None` where it needs none.
    pub fn definer(&self) -> Option<&str> {
        match self {
            Self::Swapper => None,
            Self::Locked(definer) | Self::LockedAll(definer) | Self::LockedButViews(definer) => {
                Some(definer)
            }
        }
    }

    /// The inventory with this definer in every program's statement.
    pub fn own(&self, inventory: &Inventory) -> Inventory {
        let mut owned = inventory.clone();
        if let Some(definer) = self.definer() {
            let spared = |kind| kind == ObjectKind::View && matches!(self, Self::LockedButViews(_));
            let programs = owned.programs.iter_mut().filter(|((kind, _), _)| !spared(*kind));
            for (_, program) in programs {
                program.ddl = with_definer(&program.ddl, definer);
            }
        }
        owned
    }

    /// Whether a live program may stay as it is, where `new` is to be in its place.
    pub fn keeps(&self, live: &Program, new: &Program) -> bool {
        let same = Program { definer: new.definer.clone(), ..live.clone() } == *new;
        match self {
            Self::LockedAll(definer) => same && live.definer == *definer,
            Self::Swapper | Self::Locked(_) | Self::LockedButViews(_) => same,
        }
    }
}

/// The inventory with the definer that each program has in its statement.
pub fn as_before(inventory: &Inventory) -> Inventory {
    let mut own = inventory.clone();
    for program in own.programs.values_mut().filter(|it| !it.definer.is_empty()) {
        program.ddl = with_definer(&program.ddl, &program.definer);
    }
    own
}

/// A definition as the server shows it, with the definer in its place: behind the
/// algorithm of a view, in front of everything else.
fn with_definer(ddl: &str, definer: &str) -> String {
    let rest = ddl.strip_prefix("CREATE ").unwrap_or(ddl);
    match rest.strip_prefix("ALGORITHM=").and_then(|it| it.split_once(' ')) {
        Some((algorithm, rest)) => {
            format!("CREATE ALGORITHM={algorithm} DEFINER={definer} {rest}")
        }
        None => format!("CREATE DEFINER={definer} {rest}"),
    }
}

/// Lets an event run. An ALTER makes its sender the definer unless it names one.
pub fn enabling(owner: &Owner<'_>, name: &str, schema: Option<&str>) -> String {
    let definer = owner.definer().map_or_else(String::new, |it| format!("DEFINER={it} "));
    let event = schema.map_or_else(|| quote(name), |schema| qualified(schema, name));
    format!("ALTER {definer}EVENT {event} ENABLE")
}

/// The names of programs that one schema has and another has not, or not just so.
pub fn brought(live: &Inventory, staged: &Inventory) -> Vec<(ObjectKind, String, bool)> {
    let new = |(key, program): (&(ObjectKind, String), &Program)| {
        let there = live.programs.get(key);
        let same = there.is_some_and(|it| {
            (&it.ddl, &it.sql_mode, &it.collation, &it.time_zone)
                == (&program.ddl, &program.sql_mode, &program.collation, &program.time_zone)
        });
        (!same).then(|| (key.0, key.1.clone(), there.is_some()))
    };
    staged.programs.iter().filter_map(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definer_stands_where_the_grammar_wants_it() {
        let with = |ddl| with_definer(ddl, "`p`@`%`");
        assert_eq!(
            with("CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` AS select 1"),
            "CREATE ALGORITHM=UNDEFINED DEFINER=`p`@`%` SQL SECURITY DEFINER VIEW `v` AS select 1"
        );
        for (ddl, wanted) in [
            ("CREATE PROCEDURE `p`() SELECT 1", "CREATE DEFINER=`p`@`%` PROCEDURE `p`() SELECT 1"),
            ("CREATE AGGREGATE FUNCTION f", "CREATE DEFINER=`p`@`%` AGGREGATE FUNCTION f"),
            ("CREATE EVENT `e` ON", "CREATE DEFINER=`p`@`%` EVENT `e` ON"),
        ] {
            assert_eq!(with(ddl), wanted);
        }
        assert_eq!(
            enabling(&Owner::Locked("`p`@`%`"), "a`b", None),
            "ALTER DEFINER=`p`@`%` EVENT `a``b` ENABLE"
        );
    }

    #[test]
    fn what_comes_back_belongs_to_whom_it_belonged() {
        let mut live = Inventory::default();
        let name = |name: &str| (ObjectKind::Trigger, name.to_owned());
        live.programs.insert(name("a"), trigger("`root`@`%`"));
        live.programs.insert(name("b"), trigger("`p`@`%`"));
        let own = as_before(&live);
        let of = |it: &str| own.programs[&name(it)].ddl.clone();
        assert!(of("a").starts_with("CREATE DEFINER=`root`@`%` TRIGGER"));
        assert!(of("b").starts_with("CREATE DEFINER=`p`@`%` TRIGGER"));
    }

    fn trigger(definer: &str) -> Program {
        Program {
            ddl: "CREATE TRIGGER `t` AFTER INSERT ON `m` FOR EACH ROW SET @a = 1".to_owned(),
            definer: definer.to_owned(),
            sql_mode: None,
            charset_client: String::new(),
            collation: String::new(),
            time_zone: None,
            table: Some("m".to_owned()),
            database_collation: None,
            columns: Vec::new(),
        }
    }

    #[test]
    fn what_is_equal_stays_unless_its_owner_is_too_strong() {
        let program = |definer: &str| Program {
            ddl: "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY ENABLE DO CALL p()".to_owned(),
            definer: definer.to_owned(),
            sql_mode: None,
            charset_client: String::new(),
            collation: String::new(),
            time_zone: None,
            table: None,
            database_collation: None,
            columns: Vec::new(),
        };
        let (root, locked, new) = (program("`root`@`%`"), program("`p`@`%`"), program("`d`@`%`"));
        assert!(Owner::Locked("`p`@`%`").keeps(&root, &new));
        assert!(!Owner::LockedAll("`p`@`%`").keeps(&root, &new));
        assert!(Owner::LockedAll("`p`@`%`").keeps(&locked, &new));
    }
}
