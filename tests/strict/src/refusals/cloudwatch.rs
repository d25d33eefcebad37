//! CloudWatch: tags count when an alarm is created, and are ignored when it is changed.

use super::Before;
use crate::{
    cbor,
    message::{Request, Response},
    operation::Operation,
};
use std::collections::HashSet;

#[derive(Debug, Default)]
pub(crate) struct Alarms(HashSet<String>);

impl Alarms {
    pub(super) fn before(&mut self, operation: &Operation, request: &mut Request) -> Before {
        let is_known = || cbor::text(&request.body, "AlarmName").is_some_and(|name| self.0.contains(&name));
        if operation.name == "PutMetricAlarm"
            && cbor::has(&request.body, "Tags")
            && is_known()
            && let Some(body) = cbor::without(&request.body, "Tags")
        {
            request.body = body;
        }
        if operation.name == "DeleteAlarms" {
            // From here on, a change may come too late and create the alarm anew.
            for name in cbor::texts(&request.body, "AlarmNames") {
                self.0.remove(&name);
            }
        }
        Before::Pass
    }

    pub(super) fn after(&mut self, operation: &Operation, request: &Request, response: &Response) -> &'static str {
        if operation.name == "PutMetricAlarm" && response.is_success() {
            self.0.extend(cbor::text(&request.body, "AlarmName"));
        }
        ""
    }
}
