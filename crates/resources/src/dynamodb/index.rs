//! The secondary indexes of a DynamoDB table.
//!
//! `UpdateTable` takes one global index at a time, and changes neither keys nor projection: such an index is deleted and made anew. Local indexes are made
//! with their table, and stay as they are for as long as it exists.

use super::keys::{KeyAttribute, Keys, incomplete, schema};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, CreateGlobalSecondaryIndexAction, DeleteGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexDescription, GlobalSecondaryIndexUpdate, KeyType, LocalSecondaryIndex, LocalSecondaryIndexDescription, Projection,
    ProjectionType,
};
use engine::Result;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Index {
    /// Partition key.
    pub partition_key: Keys,
    /// Sort key, an empty text in JSON if there is none.
    pub sort_key: Keys,
    /// Attributes that the index copies of each item.
    #[serde(flatten)]
    pub projected: Projected,
}

/// Attributes of each item that an index copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Projected {
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
    /// Attributes besides the keys, with `INCLUDE` only. The JSON leaves the field out where there are none, so that a table from before there were
    /// such indexes keeps its fingerprint.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub include: BTreeSet<String>,
}

impl Projected {
    fn declare(&self) -> Projection {
        let include = (!self.include.is_empty()).then(|| self.include.iter().cloned().collect());
        let projection = Projection::builder().projection_type(ProjectionType::from(self.projection.as_str()));
        projection.set_non_key_attributes(include).build()
    }

    fn of(projection: Option<&Projection>) -> Self {
        let include = projection.map(Projection::non_key_attributes).unwrap_or_default();
        Self {
            projection: projection.and_then(Projection::projection_type).map_or("", ProjectionType::as_str).to_owned(),
            include: include.iter().cloned().collect(),
        }
    }
}

impl Index {
    pub(super) fn declare(&self, name: &str) -> Result<GlobalSecondaryIndex> {
        let schema = schema(self.partition_key.iter(), self.sort_key.iter())?;
        let index = GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(schema));
        index.projection(self.projected.declare()).build().map_err(incomplete)
    }

    /// Returns an observed index with its name.
    pub(super) fn of(index: &GlobalSecondaryIndexDescription, definitions: &[AttributeDefinition]) -> (String, Self) {
        let key = |key_type| Keys::of(index.key_schema(), key_type, definitions);
        let (partition_key, sort_key, projected) = (key(&KeyType::Hash), key(&KeyType::Range), Projected::of(index.projection()));
        (index.index_name().unwrap_or_default().to_owned(), Self { partition_key, sort_key, projected })
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.partition_key.iter().chain(self.sort_key.iter())
    }
}

/// A local secondary index: the items of a partition key of the table, in another order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LocalIndex {
    /// Sort key; the partition key is the table's.
    pub sort_key: KeyAttribute,
    /// Attributes that the index copies of each item.
    #[serde(flatten)]
    pub projected: Projected,
}

impl LocalIndex {
    pub(super) fn declare(&self, name: &str, partition_key: &KeyAttribute) -> Result<LocalSecondaryIndex> {
        let schema = schema([partition_key], [&self.sort_key])?;
        let index = LocalSecondaryIndex::builder().index_name(name).set_key_schema(Some(schema));
        index.projection(self.projected.declare()).build().map_err(incomplete)
    }

    /// Returns an observed index with its name.
    pub(super) fn of(index: &LocalSecondaryIndexDescription, definitions: &[AttributeDefinition]) -> (String, Self) {
        let sort_key = KeyAttribute::of(index.key_schema(), &KeyType::Range, definitions).unwrap_or_else(KeyAttribute::unknown);
        (index.index_name().unwrap_or_default().to_owned(), Self { sort_key, projected: Projected::of(index.projection()) })
    }
}

/// Change of an index, as `UpdateTable` takes it.
pub(super) struct Step<'a> {
    pub(super) update: GlobalSecondaryIndexUpdate,
    /// Index that the change adds.
    pub(super) added: Option<&'a Index>,
}

/// Returns the next change towards the declared indexes. An index with different keys or another projection is deleted first.
pub(super) fn next<'a>(observed: &BTreeMap<String, Index>, declared: &'a BTreeMap<String, Index>) -> Result<Option<Step<'a>>> {
    if let Some((name, _)) = observed.iter().find(|(name, index)| declared.get(*name) != Some(index)) {
        let action = DeleteGlobalSecondaryIndexAction::builder().index_name(name).build().map_err(incomplete)?;
        return Ok(Some(Step { update: GlobalSecondaryIndexUpdate::builder().delete(action).build(), added: None }));
    }
    let Some((name, index)) = declared.iter().find(|(name, _)| !observed.contains_key(*name)) else { return Ok(None) };
    let declared = index.declare(name)?;
    let action = CreateGlobalSecondaryIndexAction::builder().index_name(name).set_key_schema(Some(declared.key_schema().to_vec()));
    let action = action.set_projection(declared.projection().cloned()).build().map_err(incomplete)?;
    Ok(Some(Step { update: GlobalSecondaryIndexUpdate::builder().create(action).build(), added: Some(index) }))
}
