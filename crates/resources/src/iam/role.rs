//! An IAM role that one AWS service may assume.
//!
//! Its propagation is the longest wait of a first `up`, so nothing precedes it. `GetRole` returns the trust policy percent-encoded. Before a role
//! is deleted, its inline policies have to be deleted and its managed policies detached.

use aws::{
    Aws, Optional, Policy, Tags, Target, decode_policy,
    facts::{Call, Guard, Identity, Kind, Names, Quota, Scope, Sweep, Task, Trail, Typical, Used, encoded},
    not_aws,
};
use aws_sdk_iam::types::{AttachedPermissionsBoundary, Tag};
use engine::{Changes, DeleteOutcome, Error, Handle, Observed, Orphan, Owner, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::{collections::BTreeMap, rc::Rc};

/// Desired state of an IAM role.
#[derive(Debug, Clone, Serialize)]
pub struct Role {
    /// Physical name of the role.
    pub name: String,
    /// Path, with slashes at both ends; all roles of a stack share one, and the sweep finds them by it.
    pub path: String,
    /// Policy that names the services that may assume the role.
    pub trust: Policy,
    /// ARN of the policy that bounds the role's permissions. `None` is none, and removes an existing one. The JSON leaves the field out where there
    /// is none, so that a role from before there were boundaries keeps its fingerprint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// Additions by others. None is declared, and only an [audit](Aws::audit) looks for them. The JSON leaves the field out where there is none.
    #[serde(skip_serializing_if = "RoleOthers::is_empty")]
    pub others: RoleOthers,
    /// Name of the inline policy that the role is declared with.
    #[serde(skip)]
    pub policy: String,
    /// Tags, the ownership tag included.
    pub tags: Tags,
    /// Number of roles that the stack declares: one call reads many.
    #[serde(skip)]
    pub among: usize,
}

/// Additions by others to a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RoleOthers {
    /// Managed policies by name, with their ARNs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub managed_policies: BTreeMap<String, String>,
    /// Inline policies by name, with their documents.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inline_policies: BTreeMap<String, String>,
}

impl RoleOthers {
    fn is_empty(&self) -> bool {
        self.managed_policies.is_empty() && self.inline_policies.is_empty()
    }
}

/// Output of a role that exists.
#[derive(Debug, Clone)]
pub struct RoleOutput {
    /// Physical name of the role.
    pub name: String,
    /// ARN of the role.
    pub arn: String,
}

/// Roles under the stack's path.
pub(crate) const ROLES: Scope = Scope::of("Roles", |target, names, _| vec![under_path(target, names)]).guarded(|action, is_bounded| {
    // Actions that widen a role, or create one.
    let widens = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"].contains(&action);
    if is_bounded && widens { Guard::Bounded } else { Guard::None }
});

/// All roles of the account in one call, which saves a stack with many functions two calls about each. Only this call is granted on all roles, and
/// a run does without it where it is denied. IAM has no narrower resource for the call.
pub const ALL_ROLES: Scope = Scope::of("AllRoles", |_, _, _| vec!["*".to_owned()]);

/// Roles in calls about roles that may not exist: IAM knows no path of those.
pub(super) const ROLES_BY_NAME: Scope = Scope::of("RolesByName", |target, names, _| {
    vec![under_path(target, names), target.global_arn("iam", &format!("role/{}", names.pattern()))]
});

/// Scope of roles under the stack's path for `iam:PassRole` to Lambda.
pub(crate) const ROLES_FOR_LAMBDA: Scope =
    Scope::of("RolesForLambda", |target, names, _| vec![under_path(target, names)]).passed_to("lambda.amazonaws.com");

fn under_path(target: &Target, names: &Names) -> String {
    target.global_arn("iam", &format!("role{}*", names.role_path()))
}

const FACTS: Kind = Kind {
    name: Role::KIND,
    trail: Trail {
        source: "iam",
        is_global: true,
        operations: &["CreateRole", "UpdateRole", "UpdateAssumeRolePolicy", "DeleteRole", "TagRole", "UntagRole"],
    },
    typical: Typical::of_calls,
    pace: None,
    request_limits: &[],
    calls: &[
        Call::takes("iam:CreateRole", &[("iam:CreateRole", &ROLES), ("iam:TagRole", &ROLES)], Task::UP),
        Call::same("iam:DeleteRole", &ROLES, Task::REMOVING),
        Call::same("iam:DeleteRolePermissionsBoundary", &ROLES, Task::UP),
        Call::same("iam:DetachRolePolicy", &ROLES, Task::REMOVING),
        Call::same("iam:GetAccountAuthorizationDetails", &ALL_ROLES, Task::UP),
        Call::same("iam:GetAccountSummary", &Scope::EVERYTHING, Task::DOCTOR),
        Call::same("iam:GetRole", &ROLES_BY_NAME, Task::ALL),
        Call::same("iam:ListAttachedRolePolicies", &ROLES, Task::ALL),
        Call::same("iam:ListRolePolicies", &ROLES, Task::ALL),
        Call::same("iam:ListRoles", &Scope::EVERYTHING, Task::ALL),
        Call::same("iam:PutRolePermissionsBoundary", &ROLES, Task::UP),
        Call::same("iam:TagRole", &ROLES, Task::UP),
        Call::same("iam:UntagRole", &ROLES, Task::UP),
        Call::same("iam:UpdateAssumeRolePolicy", &ROLES, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let (path, logical) = (stack.names.role_path(), stack.logical());
        graph.sweep(move |aws: &Aws| Box::pin(Role::sweep(aws, path.clone(), logical.clone())));
    }),
    quota: Some(Quota { of: "IAM roles", used: |aws| Box::pin(count(aws)) }),
    billable: None,
};

/// Time until Lambda can assume a new role: "usually about 2 s" (pulumi/pulumi-aws#2411), 5 to 10 s (aws/aws-cli#7700).
pub const ROLE_KNOWN: Typical = Typical::seconds(2.0, 10.0);

/// Returns the address of a role's page in AWS's console.
pub(super) fn console(target: &Target, name: &str) -> String {
    target.global_console("iam", &format!("/roles/details/{}", encoded(name)))
}

/// Reads the account's own limit.
async fn count(aws: &Aws) -> Result<Used> {
    let answer = aws.read("iam:GetAccountSummary", || aws.iam.get_account_summary().send()).await?;
    let of = |name: &str| {
        let found = answer.summary_map().and_then(|map| map.iter().find(|(key, _)| key.as_str() == name));
        found.and_then(|(_, number)| u64::try_from(*number).ok())
    };
    let known = of("Roles").zip(of("RolesQuota"));
    known.map(|(used, limit)| Used { used, limit, is_of_account: true }).ok_or_else(|| not_aws("iam:GetAccountSummary"))
}

impl Resource for Role {
    type Cloud = Aws;
    const KIND: &'static str = "iam.role";
    const FACTS: &'static Kind = &FACTS;
    const EARLY: bool = true;
    const FIXED: &'static [&'static str] = &["path"];
    type Output = RoleOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, _: Option<&RoleOutput>) -> Identity {
        Identity { console: Some(console(target, &self.name)), names: vec![self.name.clone()], also: Vec::new() }
    }

    fn set_fingerprint(&mut self, fingerprint: &str) {
        self.tags.set_fingerprint(fingerprint);
    }

    async fn observe(&self, aws: &Aws, from: ReadFrom) -> Result<Option<Observed<Self>>> {
        // The account's list has the policies as well; an audit reads IAM itself, because that list can be out of date.
        if from == ReadFrom::Lists
            && !aws.audits()
            && let Some(role) = aws.reported_role(&self.name, self.among).await
            && let (Some(path), Some(arn)) = (role.path(), role.arn())
        {
            let (trust, boundary) = (role.assume_role_policy_document(), role.permissions_boundary());
            return Ok(Some(Self::of(aws, (&self.name, path, arn), trust, boundary, role.tags()).as_reported()));
        }
        // Shared, because its policy reads it as well.
        let get = || async { aws.read("iam:GetRole", || aws.iam.get_role().role_name(&self.name).send()).await.optional() };
        let answer = aws.shared("iam", &format!("role/{}", self.name), get).await?;
        let Some(role) = answer.as_ref().as_ref().and_then(|answer| answer.role()) else { return Ok(None) };
        let (name, path, boundary) = (role.role_name(), role.path(), role.permissions_boundary());
        let mut observed = Self::of(aws, (name, path, role.arn()), role.assume_role_policy_document(), boundary, role.tags());
        if aws.audits() && observed.owner == Owner::Us {
            observed.spec.others = self.others_on(aws).await?;
        }
        Ok(Some(observed))
    }

    async fn locate(&self, aws: &Aws) -> Result<Option<RoleOutput>> {
        Ok(list_roles(aws, &self.path).await?.iter().find(|role| role.name == self.name).cloned())
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<RoleOutput>> {
        let tags = sdk_tags(&self.tags)?;
        let answer = aws
            .write("iam:CreateRole", || {
                let request = aws.iam.create_role().role_name(&self.name).path(&self.path);
                let request = request.set_permissions_boundary(self.permissions_boundary.clone());
                request.assume_role_policy_document(self.trust.document()).set_tags(Some(tags.clone())).send()
            })
            .await?;
        let arn = answer.role().map(|role| role.arn().to_owned()).unwrap_or_default();
        aws.note_role(&arn);
        Ok(WriteOutcome::Complete(RoleOutput { name: self.name.clone(), arn }))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, changes: &Changes) -> Result<WriteOutcome<RoleOutput>> {
        // First, because a deployer bound by a boundary may change a role's permissions only where that boundary is on it.
        if changes.touch("permissions_boundary") {
            self.write_boundary(aws).await?;
        }
        if changes.touch("others") {
            self.remove_others(aws, &observed.spec.others).await?;
        }
        if changes.touch("trust") {
            aws.write("iam:UpdateAssumeRolePolicy", || {
                aws.iam.update_assume_role_policy().role_name(&self.name).policy_document(self.trust.document()).send()
            })
            .await?;
        }
        if changes.touch("tags") {
            let tags = sdk_tags(&self.tags)?;
            let tag = async || {
                aws.write("iam:TagRole", || aws.iam.tag_role().role_name(&self.name).set_tags(Some(tags.clone())).send()).await?;
                Ok(())
            };
            let untag = async |keys: Vec<String>| {
                aws.write("iam:UntagRole", || aws.iam.untag_role().role_name(&self.name).set_tag_keys(Some(keys.clone())).send()).await?;
                Ok(())
            };
            aws.sync_tags(&observed.output.arn, &observed.spec.tags, &self.tags, tag, untag).await?;
        }
        Ok(WriteOutcome::Complete(observed.output.clone()))
    }

    async fn delete(&self, aws: &Aws, _output: &RoleOutput) -> Result<DeleteOutcome> {
        let delete = || async { aws.write("iam:DeleteRole", || aws.iam.delete_role().role_name(&self.name).send()).await.optional() };
        match delete().await {
            Err(Error::NotYet { .. }) => {}
            other => return other.map(|_| DeleteOutcome::Deleted),
        }
        // Policies that are not declared (any more) block the deletion; managed ones that others attached outlive the role.
        for (_, arn) in self.attached_policies(aws).await? {
            self.detach(aws, &arn).await?;
        }
        for policy in self.inline_policies(aws).await? {
            self.delete_inline(aws, &policy).await?;
        }
        delete().await?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl Role {
    async fn write_boundary(&self, aws: &Aws) -> Result<()> {
        if let Some(boundary) = &self.permissions_boundary {
            let put = || aws.iam.put_role_permissions_boundary().role_name(&self.name).permissions_boundary(boundary).send();
            aws.write("iam:PutRolePermissionsBoundary", put).await?;
        } else {
            let delete = || aws.iam.delete_role_permissions_boundary().role_name(&self.name).send();
            aws.write("iam:DeleteRolePermissionsBoundary", delete).await.optional()?;
        }
        Ok(())
    }

    /// Reads a role from its name, path and ARN, its percent-encoded trust policy, its boundary and its tags.
    fn of(
        aws: &Aws,
        (name, path, arn): (&str, &str, &str),
        trust: Option<&str>,
        boundary: Option<&AttachedPermissionsBoundary>,
        tags: &[Tag],
    ) -> Observed<Self> {
        let tags: Tags = tags.iter().map(|tag| (tag.key(), tag.value())).collect();
        let (owner, applied) = (aws.owner(&tags), tags.applied());
        let trust = Policy::parse(&decode_policy(trust.unwrap_or_default()));
        let permissions_boundary = boundary.and_then(|boundary| boundary.permissions_boundary_arn()).map(str::to_owned);
        let output = RoleOutput { name: name.to_owned(), arn: arn.to_owned() };
        Observed {
            spec: Self {
                name: name.to_owned(),
                path: path.to_owned(),
                trust,
                permissions_boundary,
                others: RoleOthers::default(),
                policy: String::new(),
                tags,
                among: 0,
            },
            output,
            busy: None,
            failed: None,
            owner,
            applied,
        }
    }

    /// Reads the undeclared policies on the role: two calls, and one for each further inline policy.
    async fn others_on(&self, aws: &Aws) -> Result<RoleOthers> {
        let read = || async {
            let (attached, inline) = futures::join!(self.attached_policies(aws), self.inline_policies(aws));
            let mut inline_policies = BTreeMap::new();
            for policy in inline?.into_iter().filter(|policy| *policy != self.policy) {
                let get = || aws.iam.get_role_policy().role_name(&self.name).policy_name(&policy).send();
                let document = aws.read("iam:GetRolePolicy", get).await.optional()?;
                let document = document.map(|answer| decode_policy(answer.policy_document())).unwrap_or_default();
                inline_policies.insert(policy, document);
            }
            Ok(RoleOthers { managed_policies: attached?.into_iter().collect(), inline_policies })
        };
        Ok((*aws.shared("iam", &format!("others/{}", self.name), read).await?).clone())
    }

    async fn remove_others(&self, aws: &Aws, others: &RoleOthers) -> Result<()> {
        for arn in others.managed_policies.values() {
            self.detach(aws, arn).await?;
        }
        for policy in others.inline_policies.keys() {
            self.delete_inline(aws, policy).await?;
        }
        Ok(())
    }

    async fn detach(&self, aws: &Aws, arn: &str) -> Result<()> {
        let detach = || aws.iam.detach_role_policy().role_name(&self.name).policy_arn(arn).send();
        aws.write("iam:DetachRolePolicy", detach).await.optional()?;
        Ok(())
    }

    async fn delete_inline(&self, aws: &Aws, policy: &str) -> Result<()> {
        let delete = || aws.iam.delete_role_policy().role_name(&self.name).policy_name(policy).send();
        aws.write("iam:DeleteRolePolicy", delete).await.optional()?;
        Ok(())
    }

    /// Lists the managed policies attached to the role, by name and ARN; none if it does not exist.
    async fn attached_policies(&self, aws: &Aws) -> Result<Vec<(String, String)>> {
        let mut policies = Vec::new();
        let send = |marker| aws.iam.list_attached_role_policies().role_name(&self.name).set_marker(marker).send();
        let listed = aws.pages("iam:ListAttachedRolePolicies", send, |page| {
            let attached = page.attached_policies.into_iter().flatten();
            policies.extend(attached.filter_map(|policy| Some((policy.policy_name.unwrap_or_default(), policy.policy_arn?))));
            Ok(page.marker.filter(|_| page.is_truncated))
        });
        listed.await.optional()?;
        Ok(policies)
    }

    /// Lists the names of the policies in the role; none if it does not exist.
    async fn inline_policies(&self, aws: &Aws) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let send = |marker| aws.iam.list_role_policies().role_name(&self.name).set_marker(marker).send();
        let listed = aws.pages("iam:ListRolePolicies", send, |page| {
            names.extend(page.policy_names);
            Ok(page.marker.filter(|_| page.is_truncated))
        });
        listed.await.optional()?;
        Ok(names)
    }

    /// Finds the roles under the stack's path that could be ours: their tags show whether they are. `logical` gives the logical name of a physical
    /// one.
    pub async fn sweep(aws: &Aws, path: String, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Orphan<Aws>>> {
        let roles = list_roles(aws, &path).await?;
        let orphan = |role: &RoleOutput| {
            let wish = Self {
                name: role.name.clone(),
                path: path.clone(),
                trust: Policy::default(),
                permissions_boundary: None,
                others: RoleOthers::default(),
                policy: String::new(),
                tags: Tags::default(),
                among: 0,
            };
            Some(Orphan::new(&logical(&role.name)?, wish, role.clone()).unproven())
        };
        Ok(roles.iter().filter_map(orphan).collect())
    }
}

/// Returns all roles under a path.
pub(super) async fn list_roles(aws: &Aws, path: &str) -> Result<Rc<Vec<RoleOutput>>> {
    aws.shared("iam", &format!("roles{path}"), || async {
        let mut roles = Vec::new();
        let send = |marker| aws.iam.list_roles().path_prefix(path).set_marker(marker).send();
        aws.pages("iam:ListRoles", send, |page| {
            // An emulator may list roles beyond the prefix; those are not ours.
            let under = page.roles.into_iter().filter(|role| role.path() == path);
            roles.extend(under.map(|role| RoleOutput { name: role.role_name, arn: role.arn }));
            Ok(page.marker.filter(|_| page.is_truncated))
        })
        .await?;
        Ok(roles)
    })
    .await
}

impl Role {
    /// Name of the role; a resource that refers to it waits for the role.
    pub fn name_of(handle: &Handle<Self>) -> Ref<String> {
        handle.output("name", |output| output.name.clone())
    }
}

fn sdk_tags(tags: &Tags) -> Result<Vec<Tag>> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build().map_err(|error| Error::refused("iam:TagRole", error.to_string())))
        .collect()
}
