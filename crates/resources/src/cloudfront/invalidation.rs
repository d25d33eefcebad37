//! Invalidation of CloudFront's caches after the site's files have changed.
//!
//! Files that visitors fetched stay cached as long as their `Cache-Control` allows. Invalidating ends that within a minute or so. A failed
//! invalidation does not fail the run: caches notice by themselves in time.

use super::{
    Distribution, DistributionOutput,
    config::{count, incomplete},
};
use aws::Aws;
use aws_sdk_cloudfront::types::{InvalidationBatch, Paths};
use engine::{Class, Observed, Result, with_fingerprint};
use futures::future::join;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::{collections::BTreeSet, time::SystemTime};

/// Most changed files that are invalidated one by one. More are invalidated as `/*`, which counts as one path: only 1,000 a month are free
/// ("CloudFront pricing").
const PATHS: usize = 15;
/// Path of all files that the site may have.
const EVERYTHING: &str = "/*";
/// Characters that RFC 1738 calls unsafe. CloudFront requires the URL encoding of these and of non-ASCII characters, and of no other ("What you
/// need to know when invalidating files"). The tilde is not among them: CloudFront refuses it as it is, and takes `%7E` without effect
/// (aws/aws-sdk#525, reported).
const UNSAFE: &str = " <>\"#%{}|\\^[]`";

impl Distribution {
    /// Has caches drop the files that this run published, or everything if more than that may have changed.
    pub(super) async fn invalidate(&self, aws: &Aws, observed: &Observed<Self>) {
        let published = aws.published();
        // If caches knew the site as it was before this run, they have to drop only the files that this run changed.
        let known = published.filter(|published| observed.spec.content.as_ref() == Some(&published.before));
        let paths = known.map_or_else(|| vec![EVERYTHING.to_owned()], |known| self.paths(known.keys.iter().map(String::as_str)));
        aws.forget_published();
        drop_paths(aws, &observed.output.id, paths).await;
    }

    /// Has caches drop these files, which were put back, and records in the tag that they know the site with the digest `content`.
    pub async fn invalidate_files(&self, aws: &Aws, output: &DistributionOutput, keys: &BTreeSet<String>, content: String) -> Result<()> {
        let marked = with_fingerprint(Self { content: Some(content), ..self.clone() });
        let paths = self.paths(keys.iter().map(String::as_str));
        join(drop_paths(aws, &output.id, paths), marked.write_tags(aws, output)).await.1
    }

    /// Returns the paths under which visitors see these files.
    fn paths<'a>(&self, keys: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut paths = BTreeSet::new();
        for key in keys {
            paths.insert(path(key));
            if key == self.default_root_object {
                paths.insert("/".to_owned());
            }
        }
        if paths.len() > PATHS || paths.contains(EVERYTHING) { vec![EVERYTHING.to_owned()] } else { paths.into_iter().collect() }
    }
}

/// Returns the path of one file as CloudFront takes it. Some characters cannot be written so that CloudFront is certain to understand them: `~`,
/// `*`, `?`, and others that some clients encode and some do not. From the first of them on, a wildcard stands for the rest.
fn path(key: &str) -> String {
    let mut path = "/".to_owned();
    for c in key.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.') {
            path.push(c);
        } else if !c.is_ascii() || UNSAFE.contains(c) {
            path.extend(utf8_percent_encode(c.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC));
        } else {
            path.push('*');
            break;
        }
    }
    path
}

/// Has caches drop these paths, or everything if CloudFront refuses the paths. An error is only reported: caches notice by themselves in time.
async fn drop_paths(aws: &Aws, id: &str, paths: Vec<String>) {
    if paths.is_empty() {
        return;
    }
    let everything = vec![EVERYTHING.to_owned()];
    let mut result = invalidate(aws, id, paths.clone()).await;
    if matches!(&result, Err(error) if error.class() == Some(Class::Refused)) && paths != everything {
        result = invalidate(aws, id, everything).await;
    }
    if let Err(error) = result {
        aws.warn(format!("the caches were not invalidated and may serve old files for some minutes: {error}"));
    }
}

async fn invalidate(aws: &Aws, id: &str, paths: Vec<String>) -> Result<()> {
    let moment = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let paths = Paths::builder().quantity(count(paths.len())).set_items(Some(paths)).build().map_err(incomplete)?;
    let batch = InvalidationBatch::builder().paths(paths).caller_reference(moment.to_string()).build().map_err(incomplete)?;
    let send = || aws.cloudfront.create_invalidation().distribution_id(id).invalidation_batch(batch.clone()).send();
    aws.write("cloudfront:CreateInvalidation", send).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::{Distribution, PATHS, path};
    use aws::Tags;
    use std::collections::BTreeMap;

    #[test]
    fn paths_are_what_visitors_ask_for() {
        let distribution = Distribution::serving("d", "index.html", Tags::default(), BTreeMap::new(), BTreeMap::new());
        let paths = |keys: &[&str]| distribution.paths(keys.iter().copied());
        assert_eq!(paths(&["index.html", "docs/index.html"]), ["/", "/docs/index.html", "/index.html"]);
        assert_eq!(paths(&["docs", "docs/"]), ["/docs", "/docs/"]);
        let many: Vec<String> = (0..=PATHS).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(paths(&many[..PATHS]).len(), PATHS);
        assert_eq!(paths(&many), ["/*"]);
        assert_eq!(paths(&["a~b", "a~c"]), ["/a*"]);
        assert_eq!(paths(&["a.js", "~b.js"]), ["/*"]);
        assert!(paths(&[]).is_empty());
    }

    #[test]
    fn what_cannot_be_written_in_a_path_is_a_wildcard() {
        for (key, expected) in [
            ("a/b-c_d.js", "/a/b-c_d.js"),
            ("ü b.txt", "/%C3%BC%20b.txt"),
            ("100%.txt", "/100%25.txt"),
            ("test[1].html", "/test%5B1%5D.html"),
            ("a<\">#{}|\\^`b", "/a%3C%22%3E%23%7B%7D%7C%5C%5E%60b"),
            ("runtime~main.js", "/runtime*"),
            ("img/logo@2x.png", "/img/logo*"),
            ("a*b.txt", "/a*"),
            ("what?.html", "/what*"),
            ("c++.html", "/c*"),
            ("~ada/index.html", "/*"),
            ("a'b", "/a*"),
        ] {
            assert_eq!(path(key), expected, "{key}");
        }
    }
}
