//! Makes an earlier release live again, in four rounds of calls: the bucket's owner is asked for before the lock is taken in it
//! ([`check_bucket`]), everything else that has to be known is asked at once ([`Scene::look`]),
//! everything that has to change is written at once ([`PutBack::write`]), and then caches are told and the release is recorded
//! ([`PutBack::conclude`]).
//!
//! Nothing is built, and only what serves is touched: the aliases of functions go back to versions that are still published, files of the
//! site to versions of the objects that are still there. It is checked before the first write that they are. Unlike the reconciler it does
//! not look again afterwards: that an alias points somewhere, and that an object was copied, is what the answers to the writes say.

use super::{Action, Author, Live, Objects, Page, Record, Version, record::digests, store::list_and_read};
use crate::{
    aws::{Aws, Optional},
    engine::{self, Changes, Cloud, Error, Event, Id, Listener, Outcome, Owner, Report, Resource, Result, digest},
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

/// What there is to return to, and from where.
pub struct Scene {
    /// The releases, and the files of the site.
    pub objects: Objects,
    /// The newest release; `None` if there is none, or its record cannot be read.
    pub newest: Option<Record>,
    /// What the alias of each function serves, by logical name. Functions that do not exist are left out.
    pub serving: BTreeMap<String, Serving>,
    published: BTreeMap<String, BTreeMap<String, Published>>,
    /// The secret that the distribution sends to the functions.
    sent: Option<String>,
    bucket: String,
}

impl Scene {
    /// Looks at what serves, and at what served before. `functions` are the physical names by logical name. `None` without a bucket.
    ///
    /// It is an error if something of it is not this stack's.
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
            // Which of them is ours is found out while the rest is written.
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

    /// What has to be written for a release to be live again: its functions as far as they are wanted, and `with_pages` its pages. It is an
    /// error if something of it is not there any more, or if its record does not say what was recorded.
    pub fn put_back(self, record: &Record, is_wanted: impl Fn(&str) -> bool, with_pages: bool) -> Result<PutBack, Unfit> {
        // A record is an object that whoever may write to the bucket can change; its digest is in its name.
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
            // What the newest release had is what caches know, even if a run that was killed has put some of it back.
            let recorded = self.newest.iter().flat_map(|newest| &newest.site).filter(|(key, page)| !is_same(&record.site, key, page));
            changed = recorded.map(|(key, _)| key).chain(pages.keys()).chain(&removed).cloned().collect();
        }
        if !gone.is_empty() {
            return Err(Unfit::Gone(gone));
        }
        if !strange.is_empty() {
            return Err(Unfit::Strange(strange));
        }
        Ok(PutBack { scene: self, functions, pages, removed, changed, caches_differ: false, distribution: None })
    }

    /// Whether a function that is wanted serves a newer version than this release had: a run that failed, or was killed, did not record it.
    pub fn is_past(&self, record: &Record, is_wanted: impl Fn(&str) -> bool) -> bool {
        let number = |version: &str| version.parse::<u64>().unwrap_or_default();
        let is_later = |now: &Serving, then: &Version| number(&now.version) > number(&then.version);
        record.functions.iter().any(|(name, then)| is_wanted(name) && self.serving.get(name).is_some_and(|now| is_later(now, then)))
    }

    /// Whether the alias of a function that is wanted gives a share of the requests to another version.
    pub fn has_canary(&self, is_wanted: impl Fn(&str) -> bool) -> bool {
        self.serving.iter().any(|(name, serving)| is_wanted(name) && !serving.shares.is_empty())
    }

    /// What has to be written for canaries that nobody watches to be taken back: the versions that serve otherwise get all requests again.
    pub fn take_canaries_back(self, is_wanted: impl Fn(&str) -> bool) -> PutBack {
        let canaries = self.serving.iter().filter(|(name, serving)| is_wanted(name) && !serving.shares.is_empty());
        let stays = |serving: &Serving| Version { version: serving.version.clone(), release: serving.release.clone() };
        let functions = canaries.map(|(name, serving)| (name.clone(), stays(serving))).collect();
        let (pages, removed, changed) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        PutBack { scene: self, functions, pages, removed, changed, caches_differ: false, distribution: None }
    }
}

/// Why a release cannot be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// These parts of it are not there any more, in words.
    Gone(Vec<String>),
    /// Its record says something else than what was recorded, in words.
    Altered(String),
    /// These versions do not know the secret that the distribution sends.
    Strange(Vec<String>),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(parts) => write!(f, "gone is {}", parts.join(", ")),
            Self::Altered(how) => f.write_str(how),
            Self::Strange(parts) => {
                let parts = parts.join(", ");
                write!(f, "{parts} would not know CloudFront: the origin secret was replaced since; release the sources of then by `up`")
            }
        }
    }
}

/// Refuses a bucket that is not this stack's. Asked before the lock is taken, which is written to the bucket.
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

/// What has to be written for an earlier release to be live again.
pub struct PutBack {
    scene: Scene,
    /// The versions that aliases have to be moved to.
    functions: BTreeMap<String, Version>,
    /// The files that have to be as they were.
    pages: BTreeMap<String, Page>,
    /// The files that were not there.
    removed: BTreeSet<String>,
    /// The files that caches have otherwise.
    changed: BTreeSet<String>,
    /// Whether caches have another site than this, whoever has put it back; found while the rest is written.
    caches_differ: bool,
    /// Whose caches have to be told; found while the rest is written.
    distribution: Option<DistributionOutput>,
}

impl PutBack {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty() && !self.touches_pages()
    }

    /// What will be, one line each: `stats-api: version 9 → 8`, `pages: 3 as they were`.
    pub fn describe(&self) -> Vec<String> {
        let function = |(name, to): (&String, &Version)| {
            let from = &self.scene.serving[name];
            let canary = if from.shares.is_empty() { "" } else { ", and no canary" };
            format!("{name}: version {} → {}{canary}", from.version, to.version)
        };
        let pages = format!("pages: {} as they were", self.changed.len());
        self.functions.iter().map(function).chain(self.touches_pages().then_some(pages)).collect()
    }

    /// Writes it, all at once. What fails does not keep the rest from being written.
    pub async fn write(&mut self, aws: &Aws, declaration: &Declaration, tell: Listener<'_>) -> Report {
        let alias = async |(name, version): (&String, &Version)| {
            let point = self.scene.serving[name].point(aws, &version.version, &version.release);
            told(Id::new::<Alias>(name), tell, point.map_ok(|_| ()).boxed_local()).await
        };
        let pages = async {
            let (Some(bucket), true) = (&declaration.bucket, self.touches_pages()) else { return None };
            let versions = self.pages.iter().map(|(key, page)| (key.clone(), page.version.clone())).collect();
            let write = bucket.put_back(aws, &versions, digests(&self.site()), &self.removed).boxed_local();
            Some(told(id_of::<Bucket>(declaration)?, tell, write).await)
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
            // Its tags have just been asked for.
            let known = Distribution::known_content(aws, output).boxed_local().await;
            self.caches_differ = known.is_ok_and(|known| known.is_some_and(|known| known != expected));
        }
        for (id, result) in aliases.into_iter().chain(pages) {
            note(&mut report, id, result);
        }
        report
    }

    /// The distribution, if there is one. Known once it was written.
    pub fn distribution(&self) -> Option<&DistributionOutput> {
        self.distribution.as_ref()
    }

    /// Tells caches of the pages, and records what is live now, unless the newest release is just that. Returns the number of the release.
    pub async fn conclude(
        &self,
        aws: &Aws,
        declaration: &Declaration,
        action: Action,
        author: Author,
        report: &mut Report,
        tell: Listener<'_>,
    ) -> Result<Option<u64>> {
        let site = self.site();
        let caches = async {
            let distribution = declaration.distribution.as_ref().filter(|_| self.touches_pages() || self.caches_differ)?;
            let (output, id) = (self.distribution.as_ref()?, id_of::<Distribution>(declaration)?);
            // A run that was killed has put them back, and it is not known which.
            let all = site.keys().cloned().collect();
            let changed = if self.touches_pages() { &self.changed } else { &all };
            let told_of = distribution.tell_of(aws, output, changed, digest(&digests(&site))).boxed_local();
            Some(told(id, tell, told_of).await)
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

    /// The files as they are to be. The version of one that is put back is the old one that it is made from: it has the same content.
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

/// Changes a resource while whoever listens is told.
async fn told(id: Id, tell: Listener<'_>, change: impl Future<Output = Result<()>>) -> (Id, Result<()>) {
    let (action, began) = (engine::Action::Update, Instant::now());
    tell(Event::Started { id: &id, action, changes: &Changes::default() });
    let result = change.await;
    let outcome = result.as_ref().map_or_else(Outcome::Failed, |()| Outcome::Done);
    tell(Event::Ended { id: &id, action, outcome, seconds: began.elapsed().as_secs_f64() });
    (id, result)
}
