//! File locks that admit one process at a time to a directory of `.liveinsight`.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(25);

/// Takes the lock at `path`. The system frees it when the file is dropped or its holder ends, however it ends.
///
/// Calls `waiting` once if another process holds the lock. Polls instead of blocking, so that Ctrl-C works.
pub(crate) async fn lock(path: &Path, waiting: impl Fn()) -> std::io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {
                if !std::mem::replace(&mut told, true) {
                    waiting();
                }
                tokio::time::sleep(POLL).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = lock(&path, || panic!("nobody has it")).await.unwrap();
        let told = AtomicUsize::new(0);
        let second = lock(&path, || {
            told.fetch_add(1, Ordering::Relaxed);
        });
        let ends_first = async {
            tokio::time::sleep(POLL * 3).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, ends_first);
        assert!(second.is_ok());
        assert_eq!(told.load(Ordering::Relaxed), 1);
    }
}
