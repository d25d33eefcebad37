//! Resources of tables.

use crate::names::table_output;
use crate::sections::Declaring;
use resources::{Index, KeyAttribute, LocalIndex, Projected, Table};

/// Declares all tables.
pub(crate) fn declare(declaring: &mut Declaring<'_>) {
    for (name, table) in &declaring.stack.tables {
        declaring.table(name, table);
    }
}

impl Declaring<'_> {
    fn table(&mut self, name: &str, table: &super::Table) {
        let key = |key: &super::Key| KeyAttribute { name: key.name.clone(), kind: key.kind.as_str().to_owned() };
        let projected =
            |projection: &super::Projection| Projected { projection: projection.as_str().to_owned(), include: projection.included() };
        let index = |index: &super::Index| Index {
            partition_key: index.partition_key.iter().map(key).collect(),
            sort_key: index.sort_key.iter().map(key).collect(),
            projected: projected(&index.projection),
        };
        let local = |index: &super::LocalIndex| LocalIndex { sort_key: key(&index.sort_key), projected: projected(&index.projection) };
        let physical = self.names.table(name);
        self.output(&table_output(name), physical.clone().into());
        self.graph.add(
            name,
            Table {
                billing_mode: "PAY_PER_REQUEST".to_owned(),
                partition_key: key(&table.partition_key),
                sort_key: table.sort_key.as_ref().map(key),
                indexes: table.indexes.iter().map(|(name, declared)| (name.clone(), index(declared))).collect(),
                local_indexes: table.local_indexes.iter().map(|(name, declared)| (name.clone(), local(declared))).collect(),
                time_to_live: table.ttl.clone().into(),
                point_in_time_recovery: table.point_in_time_recovery,
                deletion_protection: self.stack.protect.then_some(true),
                restore_days: table.point_in_time_recovery.then(|| i32::try_from(table.restore_days).unwrap_or(i32::MAX)),
                max_read_units: table.max_read_units.map(i64::from),
                max_write_units: table.max_write_units.map(i64::from),
                class: table.class.as_str().to_owned(),
                tags: self.tags(&physical),
                name: physical,
            },
        );
    }
}
