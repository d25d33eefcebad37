//! Prunes what no reachable release needs: old records, versions of functions, versions of the site's files.

use super::store::{Stored, list, read};
use crate::{
    aws::{Aws, Optional},
    engine::{Owner, Result},
    resources::{SITE_PREFIX, delete_objects, function_owner, published_versions},
};
use aws_sdk_s3::types::ObjectIdentifier;
use futures::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet};

/// Number of releases that `rollback` can return to.
pub const KEPT: usize = 30;
/// Number of releases between two prunings, because pruning reads every record that stays.
const EVERY: u64 = 10;

/// Returns true if pruning is due after this release.
pub fn is_due(number: u64) -> bool {
    number.is_multiple_of(EVERY)
}

/// Removes what the newest `kept` releases do not need; `functions` are the physical names by logical name.
///
/// If a reachable record cannot be read, nothing is removed, because its needs are unknown.
pub async fn prune(aws: &Aws, bucket: &str, functions: &BTreeMap<String, String>, kept: usize) -> Result<()> {
    let objects = list(aws, bucket).await?.unwrap_or_default();
    let Some(surplus) = objects.releases.len().checked_sub(kept) else { return Ok(()) };
    let (old, stay) = objects.releases.split_at(surplus);
    let records = try_join_all(stay.iter().map(|stored| read(aws, bucket, stored))).await?;
    let records: Option<Vec<_>> = records.into_iter().map(|release| release.record).collect();
    let Some(records) = records else { return Ok(()) };
    for (logical, name) in functions {
        let needed: BTreeSet<&str> = records.iter().filter_map(|record| Some(record.functions.get(logical)?.version.as_str())).collect();
        // A name proves no ownership: another stack's function can have it.
        if function_owner(aws, name).await?.as_ref() == Some(&Owner::Us) {
            prune_function(aws, name, &needed).await?;
        }
    }
    let needed: BTreeSet<(&str, &str)> = records
        .iter()
        .flat_map(|record| &record.site)
        .chain(&objects.site)
        .map(|(key, page)| (key.as_str(), page.version.as_str()))
        .collect();
    let files = objects.versions.iter().filter(|(key, version)| !needed.contains(&(key.as_str(), version.as_str())));
    let files = files.map(|(key, version)| ObjectIdentifier::builder().key(format!("{SITE_PREFIX}{key}")).version_id(version));
    // The records are deleted last, so that a later run can repeat the deletion.
    let records = old.iter().map(|Stored { key, version, .. }| (key, version));
    let records = objects.replaced.iter().map(|(key, version)| (key, version)).chain(records);
    let records = records.map(|(key, version)| ObjectIdentifier::builder().key(key).version_id(version));
    delete_objects(aws, bucket, files.chain(records)).await
}

/// Deletes the versions of a function that are older than all needed ones and have no alias.
async fn prune_function(aws: &Aws, name: &str, needed: &BTreeSet<&str>) -> Result<()> {
    let number = |version: &str| version.parse::<u64>().ok();
    let Some(oldest) = needed.iter().filter_map(|version| number(version)).min() else { return Ok(()) };
    let versions = published_versions(aws, name).await?;
    for version in versions.keys().filter(|version| number(version).is_some_and(|number| number < oldest)) {
        // AWS refuses to delete a version with an alias, so it stays.
        let deleted = aws
            .write("lambda:DeleteFunction", || aws.lambda.delete_function().function_name(name).qualifier(version).send())
            .await
            .optional();
        if let Err(error) = deleted {
            aws.warn(format!("version {version} of {name} stays, though no release needs it: {error}"));
        }
    }
    Ok(())
}
