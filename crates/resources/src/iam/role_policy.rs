//! A policy embedded in a role.

use super::{ROLES, ROLES_BY_NAME, Role, RoleOutput, console, role::list_roles};
use aws::{
    Aws, Optional, Policy, Target, decode_policy,
    facts::{Call, Identity, Kind, Sweep, Task, Trail, Typical},
};
use engine::{Changes, DeleteOutcome, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;

/// An inline policy.
#[derive(Debug, Clone, Serialize)]
pub struct RolePolicy {
    /// The role's name.
    pub role: Ref<String>,
    /// The policy's name, unique in the role.
    pub name: String,
    /// Document of the policy.
    pub document: Policy,
    /// Number of roles that the stack declares: one call reads many, with their policies.
    #[serde(skip)]
    pub among: usize,
}

/// Output of a policy that exists: nothing else is known of it.
#[derive(Debug, Clone)]
pub struct RolePolicyOutput {
    /// The role's name.
    pub role: String,
}

const FACTS: Kind = Kind {
    name: RolePolicy::KIND,
    trail: Trail { source: "iam", is_global: true, operations: &["PutRolePolicy", "DeleteRolePolicy"] },
    typical: Typical::of_calls,
    pace: None,
    request_limits: &[],
    calls: &[
        Call::same("iam:DeleteRolePolicy", &ROLES, Task::REMOVING),
        Call::same("iam:GetRolePolicy", &ROLES_BY_NAME, Task::ALL),
        Call::same("iam:PutRolePolicy", &ROLES, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let (path, logical, names) = (stack.names.role_path(), stack.logical(), stack.names.clone());
        let policy = move |role: &str| names.policy(role);
        graph.sweep(move |aws: &Aws| Box::pin(RolePolicy::sweep(aws, path.clone(), logical.clone(), policy.clone())));
    }),
    quota: None,
    billable: None,
};

impl Resource for RolePolicy {
    type Cloud = Aws;
    const KIND: &'static str = "iam.role_policy";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    const GOES_ALONG: bool = false;
    type Output = RolePolicyOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, _: Option<&RolePolicyOutput>) -> Identity {
        let Ok(role) = self.role.get() else { return Identity::default() };
        Identity { console: Some(console(target, &role)), names: vec![role], also: Vec::new() }
    }

    async fn observe(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        let role = self.role.get()?;
        if from == ReadFrom::Lists
            && let Some(reported) = aws.reported_role(&role, self.among).await
            && let Some(policy) = reported.role_policy_list().iter().find(|policy| policy.policy_name() == Some(&self.name))
            && let Some(document) = policy.policy_document()
        {
            return Ok(Some(self.observed(role, Policy::parse(&decode_policy(document))).as_reported()));
        }
        // Shared, because the sweep reads it as well.
        let document = aws
            .shared("iam", &format!("policy/{role}/{}", self.name), || async {
                let read = aws.read("iam:GetRolePolicy", || aws.iam.get_role_policy().role_name(&role).policy_name(&self.name).send());
                Ok(read.await.optional()?.map(|answer| Policy::parse(&decode_policy(answer.policy_document()))))
            })
            .await?;
        Ok((*document).clone().map(|document| self.observed(role, document)))
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<RolePolicyOutput>> {
        let role = self.role.get()?;
        let document = self.document.document();
        aws.write("iam:PutRolePolicy", || {
            aws.iam.put_role_policy().role_name(&role).policy_name(&self.name).policy_document(&document).send()
        })
        .await?;
        Ok(WriteOutcome::Complete(RolePolicyOutput { role }))
    }

    async fn update(&self, aws: &Aws, _observed: &Observed<Self>, _changes: &Changes) -> Result<WriteOutcome<RolePolicyOutput>> {
        self.create(aws).await
    }

    async fn delete(&self, aws: &Aws, output: &RolePolicyOutput) -> Result<DeleteOutcome> {
        aws.write("iam:DeleteRolePolicy", || aws.iam.delete_role_policy().role_name(&output.role).policy_name(&self.name).send())
            .await
            .optional()?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl RolePolicy {
    fn observed(&self, role: String, document: Policy) -> Observed<Self> {
        Observed::part(Self { role: role.clone().into(), name: self.name.clone(), document, among: 0 }, RolePolicyOutput { role })
    }

    /// Finds the policies that the roles under the stack's path could have. `logical` gives the logical name of a role, if it could be ours, and
    /// `policy` the name of its policy.
    pub async fn sweep(
        aws: &Aws,
        path: String,
        logical: impl Fn(&str) -> Option<String>,
        policy: impl Fn(&str) -> String,
    ) -> Result<Vec<Orphan<Aws>>> {
        let roles = list_roles(aws, &path).await?;
        let orphan = |role: &RoleOutput| {
            let logical = logical(&role.name)?;
            let wish = Self { role: role.name.clone().into(), name: policy(&logical), document: Policy::default(), among: 0 };
            let output = RolePolicyOutput { role: role.name.clone() };
            Some(Orphan::part(Id::new::<Role>(&logical), &logical, wish, output).unproven())
        };
        Ok(roles.iter().filter_map(orphan).collect())
    }
}
