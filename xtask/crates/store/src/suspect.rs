//! Which backups are suspect: they lost something that nothing explains.

use std::collections::BTreeMap;

use super::ledger::Ledger;
use super::{Backup, Store};
use model::facts::Flavour;
use model::label::Label;
use model::loss::Loss;
use model::manifest::Manifest;
use plan::loss::{Holdings, Watch};

impl Store {
    /// The suspect ones of these backups, with what each lost.
    pub fn suspects(&self, backups: &[Backup], ledger: &Ledger) -> BTreeMap<Label, Loss> {
        self.suspects_among(
            &backups.iter().filter_map(Backup::manifest).collect::<Vec<_>>(),
            ledger,
        )
    }

    /// The same of backups that need not be here.
    pub fn suspects_among(&self, usable: &[&Manifest], ledger: &Ledger) -> BTreeMap<Label, Loss> {
        let mut all = BTreeMap::new();
        let usable = || usable.iter().copied();
        let mut schemas: Vec<&str> = usable().map(|it| it.schema.as_str()).collect();
        schemas.sort_unstable();
        schemas.dedup();
        for schema in schemas {
            let own: Vec<&Manifest> = usable().filter(|it| it.schema == schema).collect();
            let watch = Watch::new(schema, &own, &ledger.entries, &self.loss);
            all.extend(watch.suspects().clone());
        }
        all
    }

    /// What a state lost that is not in the ledger yet.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn loss_of(
        &self,
        schema: &str,
        server: (Flavour, &str),
        now: &Holdings<'_>,
    ) -> anyhow::Result<Option<Loss>> {
        let backups = self.list()?;
        let ledger = self.known();
        let own = backups.iter().filter_map(Backup::manifest).filter(|it| it.schema == schema);
        let own: Vec<&Manifest> = own.collect();
        Ok(Watch::new(schema, &own, &ledger.entries, &self.loss).judge(server, now))
    }
}
