//! Makes an earlier release live again, in four rounds of calls. The first verifies the bucket's owner before its lock is taken
//! ([`check_bucket`]). The second reads everything else at once ([`Scene::look`]). The third writes all changes at once
//! ([`PutBack::write`]). The last invalidates caches and records the release ([`PutBack::conclude`]).
//!
//! Nothing is built, and only live content changes: aliases of functions return to versions that are still published, files of
//! the site to object versions that still exist. Their existence is checked before the first write. Unlike the reconciler, this
//! does not observe again afterwards: the answers to the writes confirm each alias and each copied object.

use super::{Action, Author, Live, Objects, Page, Record, Version, record::digests, store::list_and_read};
use crate::{
    aws::{Aws, Optional},
    engine::{self, Changes, Cloud, Error, Event, Id, Outcome, Owner, Report, Resource, Result, Subscriber, digest},
    resources::{
        Alias, Bucket, Distribution, DistributionOutput, Published, Serving, function_owner, is_of_another, list_distributions,
        published_versions,
    },
    stack::{Declaration, LIVE_ALIAS},
};
use futures::future::{FutureExt, TryFutureExt, join, join_all, join3, try_join_all};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Instant,
};

/// Releases to return to, and the current state.
pub struct Scene {
    /// Releases, and the files of the site.
    pub objects: Objects,
    /// Newest release; `None` if there is none, or its record cannot be read.
    pub newest: Option<Record>,
    /// Version behind the alias of each function, by logical name. Functions that do not exist are left out.
    pub serving: BTreeMap<String, Serving>,
    published: BTreeMap<String, BTreeMap<String, Published>>,
    /// Origin secret that the distribution sends to the functions.
    sent: Option<String>,
    bucket: String,
}

impl Scene {
    /// Reads the current state and the earlier releases. `functions` are the physical names by logical name. `None` without a
    /// bucket.
    ///
    /// Fails if a resource is not this stack's.
    pub async fn look(aws: &Aws, declaration: &Declaration, functions: &BTreeMap<String, String>) -> Result<Option<Self>> {
        aws.refresh();
        let Some(bucket) = &declaration.bucket else { return Ok(None) };
        let function = async |(logical, name): (&String, &String)| {
            let versions = async { Ok(published_versions(aws, name).await.optional()?.unwrap_or_default()) };
            let (owner, serving, versions) = futures::try_join!(function_owner(aws, name), Serving::read(aws, name, LIVE_ALIAS), versions)?;
            Ok::<_, Error>((logical.clone(), (name.clone(), owner), serving, versions))
        };
        let name = declaration.distribution.as_ref().map(|distribution| distribution.name.as_str());
        let (found, objects, sent, all) = futures::try_join!(
            bucket.find(aws).boxed_local(),
            list_and_read(aws, &bucket.name).boxed_local(),
            // The distribution's owner is determined during the writes.
            list_distributions(aws, name).boxed_local(),
            try_join_all(functions.iter().map(|named| function(named).boxed_local())),
        )?;
        let (Some(found), Some(objects)) = (found, objects) else { return Ok(None) };
        ours(&bucket.name, Some(&found.owner))?;
        let (mut serving, mut published) = (BTreeMap::new(), BTreeMap::new());
        for (logical, (name, owner), serves, versions) in all {
            ours(&name, owner.as_ref())?;
            serving.extend(serves.map(|serves| (logical.clone(), serves)));
            published.insert(logical, versions);
        }
        let bucket = bucket.name.clone();
        let newest = match objects.releases.last() {
            Some(newest) => objects.read(aws, &bucket, newest).await?,
            None => None,
        };
        Ok(Some(Self { objects, newest, serving, published, sent, bucket }))
    }

    /// Determines the writes that make a release live again: for the wanted functions, and with `with_pages` for its pages.
    /// Fails if a part of the release no longer exists, or if its record was altered.
    pub fn put_back(self, record: &Record, is_wanted: impl Fn(&str) -> bool, with_pages: bool) -> Result<PutBack, Unfit> {
        // Any client with write access to the bucket can change a record. The digest in its name reveals that.
        let digest = Live { functions: record.functions.clone(), site: digests(&record.site) }.digest();
        if !self.objects.releases.iter().any(|stored| stored.digest == digest) {
            return Err(Unfit::Altered("its record was altered: it is not what its name says".to_owned()));
        }
        let (mut gone, mut strange) = (Vec::new(), Vec::new());
        let mut functions = BTreeMap::new();
        for (name, version) in record.functions.iter().filter(|(name, _)| is_wanted(name)) {
            let Some(own) = self.published.get(name).and_then(|published| published.get(&version.version)) else {
                gone.push(format!("version {} of {name}", version.version));
                continue;
            };
            if is_of_another(&own.description, &version.release) {
                let text = format!("its record was altered: version {} of {name} was published for another release", version.version);
                return Err(Unfit::Altered(text));
            }
            if self.sent.as_ref().is_some_and(|sent| !own.knows(sent)) {
                strange.push(format!("version {} of {name}", version.version));
            }
            if self.serving.get(name).is_some_and(|serving| !serves(serving, version)) {
                functions.insert(name.clone(), version.clone());
            }
        }
        let (mut pages, mut removed, mut changed) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        if with_pages && !record.site.is_empty() {
            for (key, page) in record.site.iter().filter(|(key, page)| !is_same(&self.objects.site, key, page)) {
                if !self.objects.versions.contains(&(key.clone(), page.version.clone())) {
                    gone.push(format!("page {key}"));
                }
                pages.insert(key.clone(), page.clone());
            }
            removed = self.objects.site.keys().filter(|key| !record.site.contains_key(*key)).cloned().collect();
            // Caches know the newest release, even if a killed run has restored a part of an earlier one.
            let recorded = self.newest.iter().flat_map(|newest| &newest.site).filter(|(key, page)| !is_same(&record.site, key, page));
            changed = recorded.map(|(key, _)| key).chain(pages.keys()).chain(&removed).cloned().collect();
        }
        if !gone.is_empty() {
            return Err(Unfit::Missing(gone));
        }
        if !strange.is_empty() {
            return Err(Unfit::Strange(strange));
        }
        Ok(PutBack { scene: self, functions, pages, removed, changed, caches_differ: false, distribution: None })
    }

    /// Returns true if a wanted function serves a newer version than this release had: a run that failed or was killed did not
    /// record it.
    pub fn is_past(&self, record: &Record, is_wanted: impl Fn(&str) -> bool) -> bool {
        let number = |version: &str| version.parse::<u64>().unwrap_or_default();
        let is_later = |now: &Serving, then: &Version| number(&now.version) > number(&then.version);
        record.functions.iter().any(|(name, then)| is_wanted(name) && self.serving.get(name).is_some_and(|now| is_later(now, then)))
    }

    /// Returns true if the alias of a wanted function gives a share of the requests to another version.
    pub fn has_canary(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        self.serving.iter().any(|(name, serving)| is_wanted(name) && !serving.shares.is_empty())
    }

    /// Determines the writes that end abandoned canaries: the main versions get all requests again.
    pub fn take_canaries_back(self, is_wanted: impl Fn(&str) -> bool) -> PutBack {
        let canaries = self.serving.iter().filter(|(name, serving)| is_wanted(name) && !serving.shares.is_empty());
        let stays = |serving: &Serving| Version { version: serving.version.clone(), release: serving.release.clone() };
        let functions = canaries.map(|(name, serving)| (name.clone(), stays(serving))).collect();
        let (pages, removed, changed) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        PutBack { scene: self, functions, pages, removed, changed, caches_differ: false, distribution: None }
    }
}

/// Reason that a release cannot be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// Parts of it that no longer exist, in words.
    Missing(Vec<String>),
    /// Difference between its record and the recorded digest, in words.
    Altered(String),
    /// Versions that do not know the secret that the distribution sends.
    Strange(Vec<String>),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(parts) => {
                let verb = if parts.len() == 1 { "no longer exists" } else { "no longer exist" };
                write!(f, "{} {verb}", parts.join(", "))
            }
            Self::Altered(how) => f.write_str(how),
            Self::Strange(parts) => {
                let parts = parts.join(", ");
                write!(f, "{parts} would not know CloudFront: the origin secret was replaced since; release the sources of then by `up`")
            }
        }
    }
}

/// Refuses a bucket that is not this stack's. Called before the lock is taken, because the lock is written to the bucket.
pub async fn check_bucket(aws: &Aws, declaration: &Declaration) -> Result<()> {
    let Some(bucket) = &declaration.bucket else { return Ok(()) };
    let found = bucket.find(aws).await?;
    ours(&bucket.name, found.as_ref().map(|found| &found.owner))
}

fn ours(name: &str, owner: Option<&Owner>) -> Result<()> {
    match owner.and_then(Owner::foreign) {
        Some(whose) => Err(Error::refused("rollback", format!("{name} is not this stack's ({whose})"))),
        None => Ok(()),
    }
}

fn serves(serving: &Serving, version: &Version) -> bool {
    serving.version == version.version && serving.release == version.release && serving.shares.is_empty()
}

/// Writes that make an earlier release live again.
pub struct PutBack {
    scene: Scene,
    /// Versions that aliases will move to.
    functions: BTreeMap<String, Version>,
    /// Files to restore.
    pages: BTreeMap<String, Page>,
    /// Files to remove, which did not exist then.
    removed: BTreeSet<String>,
    /// Files that caches have in another version.
    changed: BTreeSet<String>,
    /// Set if caches have another site than this one, whichever run changed it; determined during the writes.
    caches_differ: bool,
    /// Distribution with caches to invalidate; determined during the writes.
    distribution: Option<DistributionOutput>,
}

impl PutBack {
    /// Returns true if there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && !self.touches_pages()
    }

    /// Describes the changes, one line each: `stats-api: version 9 → 8`, `pages: 3 as they were`.
    pub fn describe(&self) -> Vec<String> {
        let function = |(name, to): (&String, &Version)| {
            let from = &self.scene.serving[name];
            let canary = if from.shares.is_empty() { "" } else { ", and no canary" };
            format!("{name}: version {} → {}{canary}", from.version, to.version)
        };
        let pages = format!("pages: {} as they were", self.changed.len());
        self.functions.iter().map(function).chain(self.touches_pages().then_some(pages)).collect()
    }

    /// Makes all writes at once. A failure does not stop the others.
    pub async fn write(&mut self, aws: &Aws, declaration: &Declaration, emit: Subscriber<'_>) -> Report {
        let alias = async |(name, version): (&String, &Version)| {
            let point = self.scene.serving[name].point(aws, &version.version, &version.release);
            emitting(Id::new::<Alias>(name), emit, point.map_ok(|_| ()).boxed_local()).await
        };
        let pages = async {
            let (Some(bucket), true) = (&declaration.bucket, self.touches_pages()) else { return None };
            let versions = self.pages.iter().map(|(key, page)| (key.clone(), page.version.clone())).collect();
            let write = bucket.put_back(aws, &versions, digests(&self.site()), &self.removed).boxed_local();
            Some(emitting(id_of::<Bucket>(declaration)?, emit, write).await)
        };
        let distribution = async {
            match &declaration.distribution {
                Some(distribution) => distribution.find(aws).boxed_local().await,
                None => Ok(None),
            }
        };
        let expected = digest(&digests(&self.site()));
        let (aliases, pages, distribution) = join3(join_all(self.functions.iter().map(alias)), pages, distribution).await;
        let mut report = Report::default();
        match distribution {
            Ok(found) => self.distribution = found.filter(|found| found.owner == Owner::Us).map(|found| found.output),
            Err(error) => aws.warn(format!("caches may serve the pages from before for some minutes: {error}")),
        }
        if let Some(output) = &self.distribution {
            // The distribution's tags were read just before.
            let known = Distribution::known_content(aws, output).boxed_local().await;
            self.caches_differ = known.is_ok_and(|known| known.is_some_and(|known| known != expected));
        }
        for (id, result) in aliases.into_iter().chain(pages) {
            note(&mut report, id, result);
        }
        report
    }

    /// Returns the distribution, if there is one. Known after the writes.
    pub fn distribution(&self) -> Option<&DistributionOutput> {
        self.distribution.as_ref()
    }

    /// Invalidates caches of the pages and records the live state, unless it is the newest release. Returns the number of the
    /// release.
    pub async fn conclude(
        &self,
        aws: &Aws,
        declaration: &Declaration,
        action: Action,
        author: Author,
        report: &mut Report,
        emit: Subscriber<'_>,
    ) -> Result<Option<u64>> {
        let site = self.site();
        let caches = async {
            let distribution = declaration.distribution.as_ref().filter(|_| self.touches_pages() || self.caches_differ)?;
            let (output, id) = (self.distribution.as_ref()?, id_of::<Distribution>(declaration)?);
            // A killed run has restored the pages, and which of them is unknown.
            let all = site.keys().cloned().collect();
            let changed = if self.touches_pages() { &self.changed } else { &all };
            let site_change = distribution.invalidate_files(aws, output, changed, digest(&digests(&site))).boxed_local();
            Some(emitting(id, emit, site_change).await)
        };
        let mut functions: BTreeMap<String, Version> = BTreeMap::new();
        for (name, serving) in &self.scene.serving {
            let now = Version { version: serving.version.clone(), release: serving.release.clone() };
            functions.insert(name.clone(), self.functions.get(name).cloned().unwrap_or(now));
        }
        let live = Live { functions, site: digests(&site) };
        let record = self.scene.objects.append(aws, &self.scene.bucket, (live, site.clone()), action, author).boxed_local();
        let (caches, number) = join(caches, record).await;
        if let Some((id, result)) = caches {
            note(report, id, result);
        }
        number
    }

    fn touches_pages(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Returns the restored files. The version of a restored file is the old one that it was copied from, which has the same
    /// content.
    fn site(&self) -> BTreeMap<String, Page> {
        let stays = self.scene.objects.site.iter().filter(|(key, _)| !self.removed.contains(*key));
        stays.chain(&self.pages).map(|(key, page)| (key.clone(), page.clone())).collect()
    }
}

fn is_same(site: &BTreeMap<String, Page>, key: &str, page: &Page) -> bool {
    site.get(key).is_some_and(|other| other.md5 == page.md5)
}

fn id_of<R: Resource<Cloud = Aws>>(declaration: &Declaration) -> Option<Id> {
    declaration.graph.entries().iter().map(|entry| &entry.id).find(|id| id.kind() == R::KIND).cloned()
}

fn note(report: &mut Report, id: Id, result: Result<()>) {
    match result {
        Ok(()) => drop(report.done.insert(id, engine::Action::Update)),
        Err(error) => drop(report.failed.insert(id, error)),
    }
}

/// Changes a resource, and emits events about it.
async fn emitting(id: Id, emit: Subscriber<'_>, change: impl Future<Output = Result<()>>) -> (Id, Result<()>) {
    let (action, began) = (engine::Action::Update, Instant::now());
    emit(Event::Started { id: &id, action, changes: &Changes::default() });
    let result = change.await;
    let outcome = result.as_ref().map_or_else(Outcome::Failed, |()| Outcome::Done);
    emit(Event::Ended { id: &id, action, outcome, seconds: began.elapsed().as_secs_f64() });
    (id, result)
}
