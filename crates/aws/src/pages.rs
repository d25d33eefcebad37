//! Reads lists page by page: the only place that follows continuation tokens.
//!
//! Services end a list in several ways: without a token, with an empty one (AWS publishes `"NextMarker": ""` as the end of `ListFunctions`),
//! with `IsTruncated: false`. Some emulators repeat a token for ever. [`Pages`] knows all of these, and stops at a limit.

use super::Aws;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use engine::{Error, Result};
use futures::future::FutureExt;
use std::{
    collections::HashSet,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
};

/// Limit of the pages of one list. The smallest pages hold 50 items (functions, log groups), so 100,000 items still fit: ten times more than an
/// account of 10,000 needs. An endless list is detected after some seconds locally, and after minutes on AWS.
pub const MAX_PAGES: usize = 2_000;

/// Place in a list where the next page begins.
pub trait Continuation: Clone + Hash {
    /// Returns `true` if the place is empty, which ends a list.
    fn is_empty(&self) -> bool;
}

impl Continuation for String {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

/// Key and version of an object, with which `ListObjectVersions` continues.
impl Continuation for (String, Option<String>) {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Progress through the pages of one list.
#[derive(Debug)]
pub struct Pages {
    operation: &'static str,
    read: usize,
    limit: usize,
    /// Digests of the tokens that were followed.
    followed: HashSet<u64>,
}

impl Pages {
    /// Starts a list of `operation` (`service:Operation`).
    pub fn new(operation: &'static str) -> Self {
        Self { operation, read: 0, limit: MAX_PAGES, followed: HashSet::new() }
    }

    /// Counts a page that was read.
    ///
    /// # Errors
    /// The list is longer than [`MAX_PAGES`].
    pub fn count(&mut self) -> Result<()> {
        self.read += 1;
        if self.read < self.limit {
            return Ok(());
        }
        let text = format!("the list did not end after {} pages, as every list of AWS does; check AWS_ENDPOINT_URL", self.read);
        Err(Error::refused(self.operation, text))
    }

    /// Returns the next token, or `None` at the end of the list: no token, an empty one, or one that was followed before.
    ///
    /// # Errors
    /// The list goes on, and is longer than [`MAX_PAGES`].
    pub fn next<T: Continuation>(&mut self, token: Option<T>) -> Result<Option<T>> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
        let mut hasher = DefaultHasher::new();
        token.hash(&mut hasher);
        if !self.followed.insert(hasher.finish()) {
            return Ok(None);
        }
        self.count()?;
        Ok(Some(token))
    }
}

impl Aws {
    /// Reads every page of a list. `send` requests the page at a token. `take` stores the content of a page and returns its next token (`None`
    /// for `IsTruncated: false`, or when enough was read).
    pub async fn pages<Page, T, E, F>(
        &self,
        operation: &'static str,
        send: impl Fn(Option<T>) -> F,
        mut take: impl FnMut(Page) -> Result<Option<T>>,
    ) -> Result<()>
    where
        T: Continuation,
        Page: RequestId,
        F: Future<Output = Result<Page, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let (mut pages, mut token) = (self.begin_pages(operation), None);
        loop {
            // Boxed, because nested futures are large and slow to compile.
            let page = self.read(operation, || send(token.clone())).boxed_local().await?;
            token = pages.next(take(page)?)?;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// Starts a list with pages that the caller reads.
    pub fn begin_pages(&self, operation: &'static str) -> Pages {
        Pages { limit: self.max_pages.get(), ..Pages::new(operation) }
    }

    /// Sets another limit than [`MAX_PAGES`], for tests of a list that reaches it.
    pub fn set_max_pages(&self, limit: usize) {
        self.max_pages.set(limit);
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_PAGES, Pages};

    /// Follows tokens until the list ends; returns the number of pages, or the error.
    fn follow(mut token_of: impl FnMut(usize) -> Option<&'static str>) -> Result<usize, String> {
        let mut pages = Pages::new("lambda:ListFunctions");
        for number in 1.. {
            match pages.next(token_of(number).map(str::to_owned)) {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(number),
                Err(error) => return Err(error.to_string()),
            }
        }
        unreachable!()
    }

    #[test]
    fn a_list_ends_without_a_token_with_an_empty_one_and_with_a_repeated_one() {
        assert_eq!(follow(|_| None), Ok(1));
        assert_eq!(follow(|_| Some("")), Ok(1));
        assert_eq!(follow(|number| ["a", "b", ""].get(number - 1).copied()), Ok(3));
        assert_eq!(follow(|_| Some("a")), Ok(2));
        assert_eq!(follow(|number| Some(["a", "b", "c"][number % 3])), Ok(4), "tokens in a circle");
    }

    #[test]
    fn a_list_that_never_ends_is_an_error_that_names_the_operation() {
        let mut pages = Pages::new("lambda:ListFunctions");
        let error = (0..=MAX_PAGES).find_map(|number| pages.next(Some(number.to_string())).err()).unwrap().to_string();
        assert!(error.contains("lambda:ListFunctions") && error.contains("2000 pages"), "{error}");
    }

    #[test]
    fn an_account_of_ten_thousand_functions_and_ten_times_that_is_listed() {
        // "ListFunctions returns a maximum of 50 items in each response" (Lambda API reference).
        let mut pages = Pages::new("lambda:ListFunctions");
        let full = (1..100_000 / 50).try_for_each(|number| pages.next(Some(number.to_string())).map(|_| ()));
        assert!(full.is_ok() && pages.next(None::<String>).unwrap().is_none());
    }

    #[test]
    fn a_key_and_its_version_are_one_place() {
        let mut pages = Pages::new("s3:ListObjectVersions");
        let place = |key: &str, version: &str| Some((key.to_owned(), Some(version.to_owned())));
        assert!(pages.next(place("a", "1")).unwrap().is_some());
        assert!(pages.next(place("a", "2")).unwrap().is_some());
        assert!(pages.next(place("a", "1")).unwrap().is_none());
        assert!(pages.next(place("", "3")).unwrap().is_none());
    }
}
