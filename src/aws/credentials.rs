//! Credentials that were fetched to see whose account they name, kept for the calls that follow: fetching them can be a call itself.

use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, future},
};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// How long before their end they are fetched anew.
const MARGIN: Duration = Duration::from_mins(5);

#[derive(Debug)]
pub(super) struct Kept {
    source: SharedCredentialsProvider,
    kept: Mutex<Option<Credentials>>,
}

impl Kept {
    pub(super) fn new(source: SharedCredentialsProvider) -> Self {
        Self { source, kept: Mutex::default() }
    }

    fn valid(&self) -> Option<Credentials> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let valid = kept.expiry().is_none_or(|expiry| SystemTime::now() + MARGIN < expiry);
        valid.then_some(kept)
    }

    async fn fetch(&self) -> provider::Result {
        if let Some(kept) = self.valid() {
            return Ok(kept);
        }
        let fetched = self.source.provide_credentials().await?;
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(fetched.clone());
        Ok(fetched)
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.fetch())
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, MARGIN};
    use aws_credential_types::{
        Credentials,
        provider::{self, ProvideCredentials, SharedCredentialsProvider, future},
    };
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::{Duration, SystemTime},
    };

    /// New ones each time, that last so long.
    #[derive(Debug)]
    struct Source(Duration, AtomicU32);

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let key = self.1.fetch_add(1, Ordering::Relaxed).to_string();
            let result: provider::Result = Ok(Credentials::new(key, "secret", None, Some(SystemTime::now() + self.0), "test"));
            future::ProvideCredentials::ready(result)
        }
    }

    #[tokio::test]
    async fn they_are_fetched_once_until_they_end() {
        for (lasting, keys) in [(MARGIN * 2, ["0", "0"]), (MARGIN / 2, ["0", "1"])] {
            let kept = Kept::new(SharedCredentialsProvider::new(Source(lasting, AtomicU32::default())));
            for key in keys {
                assert_eq!(kept.provide_credentials().await.unwrap().access_key_id(), key);
            }
        }
    }
}
