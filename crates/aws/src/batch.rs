//! Deletes that are wanted at about the same time, sent as one request.

use super::{Aws, Optional};
use engine::Result;
use std::{cell::RefCell, rc::Rc, time::Duration};
use tokio::sync::OnceCell;

/// The batch that is being gathered, if one is.
#[derive(Default)]
pub(super) struct Gathering(RefCell<Option<Rc<Batch>>>);

/// Names that go together, and what became of them.
#[derive(Default)]
struct Batch {
    names: RefCell<Vec<String>>,
    outcome: OnceCell<Result<()>>,
}

/// Time during which the first lookup waits for others; little beside one request's time.
const GATHER: Duration = Duration::from_millis(20);

/// "CloudWatch API reference, `DeleteAlarms`": up to 100 alarms a request.
const MOST: usize = 100;

impl Aws {
    /// Deletes an alarm, together with those that others delete at the same time: `DeleteAlarms` takes 100 names, and 3 requests a second.
    pub async fn delete_alarm(&self, name: &str) -> Result<()> {
        let batch = self.alarms_to_delete.0.borrow_mut().get_or_insert_default().clone();
        batch.names.borrow_mut().push(name.to_owned());
        // Whoever comes first sends; the others wait for the outcome.
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
