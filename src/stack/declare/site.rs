//! The site: a private bucket with the pages, and a distribution that serves them and, under `/api/`, the API.

use super::{Declaring, DeclaredApi, distribution_url};
use crate::{
    build::SiteFile,
    engine::digest,
    resources::{Bucket, BucketPolicy, Distribution, OriginAccessControl, PublicAccessBlock, SiteObject},
    stack::Site,
};
use std::{collections::BTreeMap, rc::Rc};

/// Where the pages lie in the bucket: the only part that CloudFront may read.
pub(super) const PREFIX: &str = "site/";

impl Declaring<'_> {
    pub(super) fn site(&mut self, site: &Site, files: Option<&[SiteFile]>, api: Option<&DeclaredApi>) {
        let physical = self.names.bucket();
        self.output("bucket", physical.clone().into());
        let published = files.map(|files| files.iter().map(|file| (file.key.clone(), file.md5_hex.clone())).collect::<BTreeMap<_, _>>());
        let content = published.as_ref().map(digest);
        let bucket = self.graph.add(
            "static",
            Bucket {
                versioning: true,
                encryption: "AES256".to_owned(),
                object_ownership: "BucketOwnerEnforced".to_owned(),
                site: published,
                site_prefix: PREFIX.to_owned(),
                files: files.into_iter().flatten().map(|file| (file.key.clone(), object(file))).collect(),
                tags: self.tags(&physical),
                name: physical,
            },
        );
        self.graph.add_part(
            &bucket,
            "static",
            PublicAccessBlock {
                bucket: bucket.name(),
                block_public_acls: true,
                ignore_public_acls: true,
                block_public_policy: true,
                restrict_public_buckets: true,
            },
        );
        let access = self.graph.add("static", OriginAccessControl::for_s3(self.names.origin_access_control(), &self.names.stack_tag()));
        let distribution = self.distribution(site, &bucket, &access, api, content);
        let distribution = self.graph.add("static", distribution);
        if let Some(api) = api {
            // Disabling a distribution takes minutes; the API need not wait for it.
            self.graph.delete_freely(&distribution, &api.rest_api);
        }
        let policy = BucketPolicy::reader(bucket.name(), distribution.arn(), PREFIX);
        let policy = self.graph.add_part(&bucket, "static", policy);
        self.graph.delete_freely(&policy, &distribution);
        self.output("distribution_id", distribution.id());
        let address = distribution_url(&distribution, self.place);
        self.output("dashboard_url", address.map(|address| format!("{address}/")));
        for (name, page) in &site.outputs {
            let page = page.clone();
            self.output(name, address.map(move |address| format!("{address}/{page}")));
        }
    }
}

fn object(file: &SiteFile) -> SiteObject {
    SiteObject {
        bytes: Rc::from(&file.bytes[..]),
        md5: file.md5_hex.clone(),
        content_type: file.content_type.clone(),
        cache_control: file.cache_control.clone(),
    }
}
