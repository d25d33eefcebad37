//! Credentials that were fetched to find their account, kept for the calls that follow: fetching them can be a call itself.

use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, SharedCredentialsProvider, future},
};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// Time before their expiry at which credentials are fetched again.
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

/// Returns the account of an access key, as far as the key reveals it.
///
/// Since 2019, AWS derives ids of keys from the account. Behind `AKIA` or `ASIA`, the first 48 bits in Base32 are a one, the 40 bits of the
/// account number, and others ("A short note on AWS KEY ID", T. Be'ery, 2023). This was found by research and is not guaranteed. The local AWS
/// accepts the 12 digits of an account as a key.
pub(super) fn account_in(access_key_id: &str, is_elsewhere: bool) -> Option<String> {
    if is_elsewhere {
        let digits = access_key_id.len() == 12 && access_key_id.bytes().all(|byte| byte.is_ascii_digit());
        return digits.then(|| access_key_id.to_owned());
    }
    let id = access_key_id.strip_prefix("AKIA").or_else(|| access_key_id.strip_prefix("ASIA"))?;
    let bits = id.get(..10)?.bytes().try_fold(0u64, |bits, letter| {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => return None,
        };
        Some(bits << 5 | u64::from(value))
    })?;
    let is_of_this_kind = bits >> 49 == 1;
    is_of_this_kind.then(|| format!("{:012}", bits >> 9 & 0xff_ffff_ffff))
}

#[cfg(test)]
mod tests {
    use super::{Kept, MARGIN, account_in};
    use aws_credential_types::{
        Credentials,
        provider::{self, ProvideCredentials, SharedCredentialsProvider, future},
    };
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::{Duration, SystemTime},
    };

    /// Provider that returns new credentials each time, valid for this duration.
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

    #[test]
    fn keys_name_their_account_if_they_are_of_the_kind_that_does() {
        // The key and the account that the finding was published with.
        assert_eq!(account_in("ASIAQNZGKIQY56JQ7WML", false).as_deref(), Some("029608264753"));
        for nameless in ["AKIAIOSFODNN7EXAMPLE", "AKIA", "ASIAQNZ", "ASIAQNZGKIQ156JQ7WML", "AROAQNZGKIQY56JQ7WML", "test", "210000000001"]
        {
            assert_eq!(account_in(nameless, false), None, "{nameless}");
        }
        assert_eq!(account_in("210000000001", true).as_deref(), Some("210000000001"));
        assert_eq!(account_in("ASIAQNZGKIQY56JQ7WML", true), None);
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
