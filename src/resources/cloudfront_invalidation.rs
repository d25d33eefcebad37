//! Telling CloudFront's caches that the site's files have changed.
//!
//! What visitors fetched stays cached as long as its `Cache-Control` says. Invalidating ends that within a minute or so. That it
//! fails is no reason to fail: caches notice by themselves in time.

use super::{
    Distribution, DistributionOutput,
    cloudfront_config::{count, incomplete},
};
use crate::{
    aws::Aws,
    engine::{Live, Result, stamped},
};
use aws_sdk_cloudfront::types::{InvalidationBatch, Paths};
use futures::future::join;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::{collections::BTreeSet, time::SystemTime};

/// More changed files than this are invalidated as `/*`, which counts as one path: only 1,000 a month are free ("CloudFront pricing").
const PATHS: usize = 15;
/// What a URL's path carries as it is.
pub(super) const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl Distribution {
    /// Has caches drop what was published in this run, or everything if more than that may have changed.
    pub(super) async fn invalidate(&self, aws: &Aws, live: &Live<Self>) {
        let published = aws.published();
        // If caches were told of the site as it was before this run, what this run changed is all that they have to drop.
        let known = published.filter(|published| live.spec.content.as_ref() == Some(&published.before));
        let paths = known.map_or_else(|| vec!["/*".to_owned()], |known| self.paths(known.keys.iter().map(String::as_str)));
        aws.forget_published();
        drop_paths(aws, &live.output.id, paths).await;
    }

    /// Has caches drop these files, which were put back, and notes that they know the site as it now is, by the digest `content`.
    pub async fn tell_of(&self, aws: &Aws, output: &DistributionOutput, keys: &BTreeSet<String>, content: String) -> Result<()> {
        let marked = stamped(Self { content: Some(content), ..self.clone() });
        let paths = self.paths(keys.iter().map(String::as_str));
        join(drop_paths(aws, &output.id, paths), marked.write_tags(aws, output)).await.1
    }

    /// The paths under which visitors see these files.
    fn paths<'a>(&self, keys: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut paths = Vec::new();
        for key in keys {
            paths.push(format!("/{}", utf8_percent_encode(key, PLAIN)));
            if key == self.default_root_object {
                paths.push("/".to_owned());
            }
        }
        if paths.len() > PATHS { vec!["/*".to_owned()] } else { paths }
    }
}

async fn drop_paths(aws: &Aws, id: &str, paths: Vec<String>) {
    if paths.is_empty() {
        return;
    }
    let moment = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let paths = Paths::builder().quantity(count(paths.len())).set_items(Some(paths)).build();
    let batch = paths.and_then(|paths| InvalidationBatch::builder().paths(paths).caller_reference(moment.to_string()).build());
    let result = match batch.map_err(incomplete) {
        Ok(batch) => {
            let send = || aws.cloudfront.create_invalidation().distribution_id(id).invalidation_batch(batch.clone()).send();
            aws.write("cloudfront:CreateInvalidation", send).await.map(|_| ())
        }
        Err(error) => Err(error),
    };
    if let Err(error) = result {
        aws.warn(format!("caches were not told of the new files and may serve the old ones for some minutes: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{Distribution, PATHS};
    use crate::aws::Tags;
    use std::collections::BTreeMap;

    #[test]
    fn paths_are_what_visitors_ask_for() {
        let distribution = Distribution::serving("d", "index.html", Tags::default(), BTreeMap::new(), BTreeMap::new());
        let paths = |keys: &[&str]| distribution.paths(keys.iter().copied());
        assert_eq!(paths(&["a/b.js", "ü *.txt"]), ["/a/b.js", "/%C3%BC%20%2A.txt"]);
        assert_eq!(paths(&["index.html", "docs/index.html"]), ["/index.html", "/", "/docs/index.html"]);
        assert_eq!(paths(&["a"; PATHS]).len(), PATHS);
        assert_eq!(paths(&["a"; PATHS + 1]), ["/*"]);
        assert!(paths(&[]).is_empty());
    }
}
