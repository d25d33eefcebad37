//! What the stack's resources carry: the handlers' packages and the pages.

use super::{Context, session::Session};
use crate::{
    build::{Builder, Package, Target, read_site},
    engine::Id,
    error::CliError,
    resources,
    stack::{Content, Function, Stack},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// What to do about handlers whose package is not current.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Packages {
    /// Build them.
    Build,
    /// Refuse to go on.
    MustBeCurrent,
    /// Leave their code out of the comparison.
    IfCurrent,
}

/// Reads the pages, and builds or finds the packages, of all functions or of those in `only`.
pub(super) async fn gather(
    context: &Context,
    session: &Session,
    wanted: Packages,
    only: Option<&BTreeSet<Id>>,
) -> Result<Content, CliError> {
    let root = &session.stack.root;
    let site = match &session.stack.site {
        Some(site) => Some(Content::site_of(read_site(&root.join(&site.source), &site.index)?)),
        None => None,
    };
    let progress = context.progress.clone();
    let builder = Builder::new(root, move |event| progress.build(&event));
    let mut packages = BTreeMap::new();
    for (target, crates) in targets(&session.stack, session.place.functions_on_host, only) {
        if wanted == Packages::Build {
            packages.extend(builder.build(&crates, target).await?);
            continue;
        }
        let (current, stale) = split(builder.cached(&crates, target).await?);
        packages.extend(current);
        if stale.is_empty() {
            continue;
        }
        let stale = stale.join(", ");
        if wanted == Packages::MustBeCurrent {
            let message = format!("no package built from the sources as they are: {stale}");
            return Err(CliError::failed(message).hint("run it without --no-build"));
        }
        context.ui.note(&format!("the code of {stale} is not compared: it changed since it was last built, or never was"));
    }
    context.progress.step_done();
    Ok(Content { packages, site })
}

/// The directories of all crates that the functions are made from, as far as the last build showed.
pub(super) fn crates(session: &Session) -> BTreeSet<PathBuf> {
    let builder = Builder::new(&session.stack.root, |_| ());
    let targets = targets(&session.stack, session.place.functions_on_host, None);
    targets.into_iter().flat_map(|(target, crates)| builder.crates(&crates, target)).collect()
}

fn split(packages: BTreeMap<String, Option<Package>>) -> (BTreeMap<String, Package>, Vec<String>) {
    let mut stale = Vec::new();
    let mut current = BTreeMap::new();
    for (function, package) in packages {
        match package {
            Some(package) => drop(current.insert(function, package)),
            None => stale.push(function),
        }
    }
    (current, stale)
}

/// The functions by what they are built for. `on_host` says that they run on this machine.
pub(super) fn targets_of(stack: &Stack, on_host: bool) -> Vec<(Target, Vec<String>)> {
    let targets = targets(stack, on_host, None).into_iter();
    targets.map(|(target, crates)| (target, crates.into_keys().collect())).collect()
}

/// The functions by what they are built for, each with its crate's directory.
fn targets(stack: &Stack, on_host: bool, only: Option<&BTreeSet<Id>>) -> Vec<(Target, BTreeMap<String, PathBuf>)> {
    let of = |function: &Function| if on_host { Target::Host } else { Target::Lambda(function.architecture) };
    let wanted = |name: &str| only.is_none_or(|only| only.contains(&Id::new::<resources::Function>(name)));
    let functions: Vec<(&String, &Function)> = stack.functions.iter().filter(|(name, _)| wanted(name)).collect();
    let targets: BTreeSet<Target> = functions.iter().map(|(_, function)| of(function)).collect();
    let crates = |target: Target| {
        let built = functions.iter().filter(|(_, function)| of(function) == target);
        built.map(|(name, function)| ((*name).clone(), function.source.clone())).collect()
    };
    targets.into_iter().map(|target| (target, crates(target))).collect()
}
