//! Principal of the credentials, in the form that IAM can simulate.

use crate::{
    aws::{Aws, Optional},
    engine::Result,
};

/// Principal that a policy simulation runs for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The account itself, which may do everything.
    Root,
    /// A user or a role, by its ARN.
    Entity(String),
    /// Caller that IAM cannot simulate.
    Other,
}

/// Finds the principal by the ARN that `GetCallerIdentity` returns. A session's ARN names its role without the role's path, so
/// IAM is asked for the role.
pub async fn principal(aws: &Aws, caller: &str) -> Result<Principal> {
    let Some(role) = role_of(caller) else { return Ok(of(caller)) };
    let answer = aws.read("iam:GetRole", || aws.iam.get_role().role_name(role).send()).await.optional()?;
    Ok(answer.and_then(|answer| answer.role).map_or(Principal::Other, |role| Principal::Entity(role.arn)))
}

/// The role of a session: `Admin` of `arn:aws:sts::123456789012:assumed-role/Admin/ada`.
fn role_of(caller: &str) -> Option<&str> {
    caller.split(':').nth(5)?.strip_prefix("assumed-role/")?.split('/').next()
}

fn of(caller: &str) -> Principal {
    match caller.split(':').nth(5) {
        Some("root") => Principal::Root,
        Some(entity) if entity.starts_with("user/") || entity.starts_with("role/") => Principal::Entity(caller.to_owned()),
        _ => Principal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Principal, of, role_of};

    #[test]
    fn a_session_is_turned_into_its_role() {
        assert_eq!(role_of("arn:aws:sts::123456789012:assumed-role/Admin/ada@example.com"), Some("Admin"));
        assert_eq!(role_of("arn:aws-cn:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0a1b/ada"), Some("AWSReservedSSO_Admin_0a1b"));
        assert_eq!(role_of("arn:aws:iam::123456789012:user/ada"), None);
    }

    #[test]
    fn what_iam_simulates_is_users_and_roles() {
        assert_eq!(of("arn:aws:iam::123456789012:root"), Principal::Root);
        let ada = "arn:aws:iam::123456789012:user/staff/ada";
        assert_eq!(of(ada), Principal::Entity(ada.to_owned()));
        assert_eq!(of("arn:aws:sts::123456789012:federated-user/ada"), Principal::Other);
        assert_eq!(of(""), Principal::Other);
    }
}
