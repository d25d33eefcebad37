//! How long things usually take, for those who wait.

use crate::engine::{Action, Id};

/// `(kind, action, how long)`. Only what regularly takes longer than a few seconds. CloudFront: AWS says "within 5 minutes"
/// and others measured 156 to 217 s; tables and roles: durations that the Terraform provider's tests and users report.
const USUAL: &[(&str, Action, &str)] = &[
    ("cloudfront.distribution", Action::Create, "3 to 5 minutes"),
    ("cloudfront.distribution", Action::Update, "3 to 5 minutes"),
    ("cloudfront.distribution", Action::Delete, "5 to 10 minutes"),
    ("dynamodb.table", Action::Create, "10 to 30 s"),
    ("dynamodb.table", Action::Update, "seconds, or up to 17 minutes for a new index"),
    ("dynamodb.table", Action::Delete, "5 to 30 s"),
    ("lambda.function", Action::Create, "up to 15 s, until the role is known everywhere"),
    ("apigateway.rest_api", Action::Delete, "up to 30 s: AWS allows one such deletion in 30 s"),
];

/// Returns how long this usually takes, if it is long enough to mention.
pub(super) fn usually(id: &Id, action: Action) -> Option<&'static str> {
    USUAL.iter().find(|(kind, what, _)| *kind == id.kind() && *what == action).map(|(_, _, time)| *time)
}
