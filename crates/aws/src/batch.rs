//! Gathers deletions that are requested at about the same time into one request.

use super::{Aws, Optional};
use engine::Result;
use std::{cell::RefCell, rc::Rc, time::Duration};
use tokio::sync::OnceCell;

/// Batch that is being gathered, if there is one.
#[derive(Default)]
pub(super) struct Gathering(RefCell<Option<Rc<Batch>>>);

/// Names that are deleted in one request, with the outcome.
#[derive(Default)]
struct Batch {
    names: RefCell<Vec<String>>,
    outcome: OnceCell<Result<()>>,
}

/// Time during which the first deletion waits for others; short beside the time of a request.
const GATHER: Duration = Duration::from_millis(20);

/// Limit of alarms in one request: 100 ("CloudWatch API reference, `DeleteAlarms`").
const MOST: usize = 100;

impl Aws {
    /// Deletes an alarm, together with those that other callers delete at the same time. `DeleteAlarms` takes 100 names, and 3 requests a second.
    pub async fn delete_alarm(&self, name: &str) -> Result<()> {
        let batch = self.alarms_to_delete.0.borrow_mut().get_or_insert_default().clone();
        batch.names.borrow_mut().push(name.to_owned());
        // The first caller sends the request; the others wait for the outcome.
        let send = async || {
            tokio::time::sleep(GATHER).await;
            self.alarms_to_delete.0.take();
            let mut outcome = Ok(());
            for names in batch.names.take().chunks(MOST) {
                let deleted = self
                    .write("cloudwatch:DeleteAlarms", || self.cloudwatch.delete_alarms().set_alarm_names(Some(names.to_vec())).send())
                    .await;
                outcome = outcome.and(deleted.optional().map(drop));
            }
            outcome
        };
        batch.outcome.get_or_init(send).await.clone()
    }
}
