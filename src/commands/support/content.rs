//! Content of the stack's resources: the handlers' packages and the pages.

use super::{context::Context, session::Session};
use crate::{
    build,
    build::{BuildTarget, Builder, SiteFiles, integrity, prebuilt, read_site},
    child::BuildEnvironment,
    engine::Id,
    error::{CliError, Exit},
    stack::{API_PATH, Code, Content, Crate, Function, Package, Site, Stack},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Treatment of handlers without a current package.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Packages {
    /// Build the outdated packages.
    Build,
    /// Fail if a package is outdated.
    MustBeCurrent,
    /// Leave the code of outdated packages out of the comparison.
    IfCurrent,
}

/// Reads the pages, and builds or finds the packages of all functions or of those in `only`.
pub(in crate::commands) async fn gather(
    context: &Context,
    session: &Session,
    wanted: Packages,
    only: Option<&BTreeSet<Id>>,
) -> Result<Content, CliError> {
    let root = &session.stack.root;
    let api = session.stack.has_api().then(|| API_PATH.trim_matches('/'));
    let site = session.stack.site.as_ref().map(|site| pages(root, site, api)).transpose()?;
    let (site, left_out) = site.map_or((None, Vec::new()), |site| (Some(build::site_objects(site.files)), site.left_out));
    let progress = context.progress.clone();
    let environment = BuildEnvironment { secrets: session.stack.secrets(), shown: session.stack.build_environment.clone() };
    let builder = Builder::new(root, move |event| progress.build(&event)).within(environment);
    let mut packages = BTreeMap::new();
    let chosen = only.map(|only| functions_of(&session.stack, only));
    let is_chosen = |function: &str| chosen.as_ref().is_none_or(|chosen| chosen.contains(function));
    let mut missing = Vec::new();
    for (name, function) in session.stack.functions.iter().filter(|(name, _)| is_chosen(name)) {
        let Some(package) = function.code.prebuilt() else { continue };
        if wanted == Packages::IfCurrent && !root.join(&package.path).is_file() {
            missing.push(name.as_str());
        } else {
            packages.insert(name.clone(), prebuilt(root, name, package)?);
        }
    }
    if !missing.is_empty() {
        context.ui.note(&format!("the code of {} is not compared: its package is not here", missing.join(", ")));
    }
    for (target, sources) in targets(&session.stack, session.target.functions_on_host) {
        if !sources.keys().any(|function| is_chosen(function)) {
            continue;
        }
        if wanted == Packages::Build {
            packages.extend(builder.build(&sources, chosen.as_ref(), target).await?);
            continue;
        }
        let (current, stale) = split(builder.cached(&sources, chosen.as_ref(), target).await?);
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
    Ok(Content { packages, site, left_out, integrity: integrity_of(&session.stack) })
}

/// Returns the data on the site's scripts that outputs contain, without building or publishing anything.
pub(in crate::commands) fn scripts(stack: &Stack) -> Content {
    Content { integrity: integrity_of(stack), ..Content::default() }
}

/// Returns the values of `integrity` for the pages that `outputs` names. A file that is missing here, for example after a
/// checkout without the built site, has none.
fn integrity_of(stack: &Stack) -> BTreeMap<String, String> {
    let Some(site) = &stack.site else { return BTreeMap::new() };
    let directory = stack.root.join(&site.source);
    let digest = |page: &String| Some((page.clone(), integrity(page, &std::fs::read(directory.join(page)).ok()?)?));
    site.outputs.values().filter_map(digest).collect()
}

/// Reads the pages, and checks that those named in stack.yaml exist.
fn pages(root: &Path, site: &Site, api: Option<&str>) -> Result<SiteFiles, CliError> {
    let files = read_site(&root.join(&site.source), &site.index, api)?;
    let is_published = |page: &str| files.files.iter().any(|file| file.key == page);
    match site.error_page.iter().chain(site.outputs.values()).find(|page| !is_published(page)) {
        None => Ok(files),
        Some(page) => {
            let text = format!("stack.yaml names the page {page}, and no file of that name is published from {}", site.source.display());
            Err(CliError::new(Exit::Stack, text).hint("docs/stack.md says which files are left out; rename it, or correct stack.yaml"))
        }
    }
}

/// Returns everything the functions were made from, according to the last build: directories, and single files outside them.
pub(in crate::commands) fn inputs(session: &Session) -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
    let builder = Builder::new(&session.stack.root, |_| ());
    let targets = targets(&session.stack, session.target.functions_on_host).into_iter();
    let packages = session.stack.functions.values().filter_map(|function| function.code.prebuilt());
    let packages = packages.map(|package| session.stack.root.join(&package.path)).filter(|path| path.is_file()).collect();
    targets.map(|(target, sources)| builder.inputs(&sources, target)).fold(
        (BTreeSet::new(), packages),
        |(mut directories, mut files), more| {
            directories.extend(more.0);
            files.extend(more.1);
            (directories, files)
        },
    )
}

/// Returns the functions among chosen resources.
fn functions_of(stack: &Stack, only: &BTreeSet<Id>) -> BTreeSet<String> {
    let is_chosen = |name: &&String| only.contains(&Id::new::<resources::Function>(name));
    stack.functions.keys().filter(is_chosen).cloned().collect()
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

/// Groups the functions by build target. With `on_host`, they run on this machine.
pub(in crate::commands) fn targets_of(stack: &Stack, on_host: bool) -> Vec<(BuildTarget, Vec<String>)> {
    let targets = targets(stack, on_host).into_iter();
    targets.map(|(target, sources)| (target, sources.into_keys().collect())).collect()
}

/// Groups the functions that are built by target, each with its crate and program.
fn targets(stack: &Stack, on_host: bool) -> Vec<(BuildTarget, BTreeMap<String, Crate>)> {
    let target = |function: &Function| if on_host { BuildTarget::Host } else { BuildTarget::Lambda(function.architecture) };
    let mut targets: BTreeMap<BuildTarget, BTreeMap<String, Crate>> = BTreeMap::new();
    for (name, function) in &stack.functions {
        if let Code::Crate(source) = &function.code {
            targets.entry(target(function)).or_default().insert(name.clone(), source.clone());
        }
    }
    targets.into_iter().collect()
}
