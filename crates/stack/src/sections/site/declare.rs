//! The site: a private bucket with the pages, and a distribution that serves them and, under `/api/`, the API.

use super::Site;
use crate::names::script_output;
use crate::sections::api::DeclaredApi;
use crate::sections::reference::Address;
use crate::sections::{Content, Declaring};
use aws::Target;
use engine::{Handle, Ref, digest};
use resources::{
    Behavior, Bucket, BucketPolicy, Distribution, ErrorPage, HEADERS_TAG, Origin, OriginAccessControl, PublicAccessBlock,
    ResponseHeadersPolicy, RestApi, SITE_PREFIX, Verify,
};
use shared::edge::ORIGIN_VERIFY;
use std::collections::BTreeMap;

/// Logical name of all resources of the site.
const NAME: &str = "static";

/// Prefix of the paths that lead from the site's address to the API.
pub const API_PATH: &str = "/api/";

/// Suffix of a script's address in a tag with `integrity`. A browser that cached the script for a tag without `crossorigin` has it without
/// `Access-Control-Allow-Origin`, and refuses it for as long as it caches it (seen in Chromium 156). To browsers this is another address; to
/// CloudFront the same, as AWS's policy `CachingOptimized` leaves queries out.
const CROSS_ORIGIN: &str = "?cors";

/// Declares the site, if there is one.
pub(crate) fn declare(declaring: &mut Declaring<'_>, content: &Content, api: Option<&DeclaredApi>) {
    if let Some(site) = &declaring.stack.site {
        declaring.site(site, content, api);
    }
}

impl Declaring<'_> {
    fn site(&mut self, site: &Site, content: &Content, api: Option<&DeclaredApi>) {
        let (files, integrity) = (content.site.as_ref(), &content.integrity);
        let physical = self.names.bucket();
        self.output("bucket", physical.clone().into());
        let published = files.map(|files| files.iter().map(|(key, file)| (key.clone(), file.md5.clone())).collect::<BTreeMap<_, _>>());
        let content = published.as_ref().map(digest);
        let bucket = Bucket {
            versioning: true,
            encryption: "AES256".to_owned(),
            object_ownership: "BucketOwnerEnforced".to_owned(),
            site: published,
            files: files.cloned().unwrap_or_default(),
            tags: self.tags(&physical),
            name: physical.clone(),
        };
        self.bucket = Some(bucket.clone());
        let bucket = self.graph.add(NAME, bucket);
        self.graph.add_part(&bucket, NAME, PublicAccessBlock::all(Bucket::name_of(&bucket)));
        let access = OriginAccessControl::for_s3(self.names.origin_access_control(), &self.names.stack_tag(), &self.stack.region);
        let access = self.graph.add(NAME, access);

        let path = format!("/{}", SITE_PREFIX.trim_end_matches('/'));
        // Caches are invalidated only once the files of a release are there.
        let pages =
            Origin::bucket(bucket.known("regional_domain", self.target.bucket_host(&physical)), &path, OriginAccessControl::id_of(&access));
        let mut origins = BTreeMap::from([("site".to_owned(), pages)]);
        let (mut default, mut tags) = (Behavior::files("site", self.target.viewers_https), self.tags(&self.names.distribution()));
        if !site.headers.is_empty() {
            let name = self.names.response_headers_policy();
            tags = tags.with(HEADERS_TAG, name.clone());
            let policy = ResponseHeadersPolicy::for_site(name, &self.names.stack_tag(), &self.stack.region, &site.headers);
            default.headers_policy = ResponseHeadersPolicy::id_of(&self.graph.add(NAME, policy));
        }
        let mut behaviors = BTreeMap::from([("default".to_owned(), default)]);
        if let Some(api) = api {
            origins.insert("api".to_owned(), self.api_origin(api));
            let also = self.stack.api.headers_to_pass_on();
            behaviors.insert(format!("{API_PATH}*"), Behavior::api("api", self.target.viewers_https).passing_on(&also));
            let taking_data = self.stack.patterns_taking_data().into_iter();
            let behavior = Behavior::api_taking_data("api", self.target.viewers_https).passing_on(&also);
            behaviors.extend(taking_data.map(|pattern| (pattern, behavior.clone())));
        }
        let name = self.names.distribution();
        let mut distribution = Distribution::serving(&name, &site.index, tags, origins, behaviors);
        distribution.content = content;
        if let Some(page) = &site.error_page {
            let page = ErrorPage { page: format!("/{page}"), status: "404".to_owned(), cached_seconds: 10 };
            // Status 403 also hides the API's own refusals behind the site's address: declared only where there is no other way.
            let statuses = if self.target.denies_missing { vec![403, 404] } else { vec![404] };
            distribution.error_pages.extend(statuses.into_iter().map(|status| (status, page.clone())));
        }
        self.distribution = Some(distribution.clone());
        let distribution = self.graph.add(NAME, distribution);
        if let Some(api) = api {
            // Disabling a distribution takes minutes; the API need not wait for it.
            self.graph.delete_freely(&distribution, &api.rest_api);
        }
        let policy = BucketPolicy::reader(Bucket::name_of(&bucket), Distribution::arn_of(&distribution), SITE_PREFIX);
        // The local AWS has no TLS, and refuses every request that a policy refuses.
        let policy = BucketPolicy { tls_only: self.target.viewers_https, ..policy };
        let policy = self.graph.add_part(&bucket, NAME, policy);
        self.graph.delete_freely(&policy, &distribution);
        // It holds the lock, which has to last as long as any resource does.
        self.graph.delete_last(&bucket);

        self.output("distribution_id", Distribution::id_of(&distribution));
        let address = distribution_url(&distribution, self.target);
        self.addresses.insert(Address::Site, address.clone());
        self.output("dashboard_url", address.map(|address| format!("{address}/")));
        for (name, page) in &site.outputs {
            let page = page.clone();
            let (script, digest) = (script_output(name, &page), integrity.get(&page));
            let address = address.map(move |address| format!("{address}/{page}"));
            if let Some(tag) = script.filter(|tag| !site.outputs.contains_key(tag)) {
                // A script that changes under its name has no digest in its tag, which is pasted once and has to match later releases, too.
                let rest = digest.map(|digest| format!("{CROSS_ORIGIN}\" integrity=\"{digest}\" crossorigin=\"anonymous"));
                let rest = rest.unwrap_or_default();
                self.output(&tag, address.map(move |address| format!("<script defer src=\"{address}{rest}\"></script>")));
            }
            self.output(name, address);
        }
    }

    /// Returns the secret that the distribution sends to the API: the engine's own, or the first of the secrets that a function declares. The
    /// functions accept several, so that they know a new one before the distribution sends it.
    pub(crate) fn verify(&self) -> Verify {
        if let Some(secret) = &self.origin_secret {
            return Verify::Made(secret.clone());
        }
        let routed = self.stack.functions.iter().filter(|(_, function)| function.is_routed());
        let mut secrets = routed.filter_map(|(name, _)| self.stack.variables(name, &self.names).remove(ORIGIN_VERIFY));
        let first = secrets.find_map(|secrets| Some(secrets.split(',').next()?.trim().to_owned()).filter(|secret| !secret.is_empty()));
        first.map_or(Verify::Kept, Verify::Set)
    }

    fn api_origin(&self, api: &DeclaredApi) -> Origin {
        let (id, stage) = (RestApi::id_of(&api.rest_api), self.names.stage());
        let (hosts, paths) = (self.target.clone(), self.target.clone());
        let host = id.map(move |id| hosts.api_host(&id));
        let server = Origin::server(host, id.map(move |id| paths.api_path(&id, &stage)), self.target.api_http_port);
        Origin { verify: self.verify(), ..server }
    }
}

/// Returns the address of a distribution.
fn distribution_url(distribution: &Handle<Distribution>, target: &Target) -> Ref<String> {
    let target = target.clone();
    Distribution::domain_of(distribution).map(move |domain| target.distribution_url(&domain))
}
