//! The closed world: every kind that a stack can ever have made is listed, whether this stack.yaml declares any of it or not.
//!
//! The order is that of deletion: what uses something goes before what it uses.

use super::Declaring;
use crate::{
    aws::Aws,
    resources::{
        Alarm, Alias, Bucket, Distribution, Function, LogGroup, OriginAccessControl, Permission, RestApi, Role, RolePolicy, Table,
        sweep_rest_api_parts,
    },
    stack::{API_LOG_GROUP, LIVE_ALIAS, Names, log_group_of},
};

impl Declaring<'_> {
    /// `snapshot` is the digest of the declared deployment, if there is one.
    pub(super) fn sweeps(&mut self, snapshot: Option<String>) {
        let graph = &mut self.graph;
        let (names, stage) = (self.names.clone(), self.names.stage());
        let api = names.api();
        if let Some(snapshot) = snapshot {
            // All of it goes with the API, if that goes.
            let (api, stage) = (api.clone(), stage.clone());
            graph.sweep_parts(move |aws: &Aws| {
                let (api, stage, snapshot) = (api.clone(), stage.clone(), snapshot.clone());
                Box::pin(async move { sweep_rest_api_parts(aws, &api, "api", &snapshot, &stage).await })
            });
        }
        let thing = |names: &Names| {
            let names = names.clone();
            move |name: &str| names.owns(name).map(str::to_owned)
        };
        let logical = thing(&names);
        graph.sweep_parts(move |aws: &Aws| Box::pin(Permission::sweep(aws, LIVE_ALIAS, logical.clone())));
        let logical = thing(&names);
        graph.sweep_parts(move |aws: &Aws| Box::pin(Alias::sweep(aws, LIVE_ALIAS, logical.clone())));
        let logical = thing(&names);
        graph.sweep(move |aws: &Aws| Box::pin(Function::sweep(aws, logical.clone())));
        let name = names.distribution();
        graph.sweep(move |aws: &Aws| Box::pin(Distribution::sweep(aws, name.clone(), "static")));
        let name = names.origin_access_control();
        graph.sweep(move |aws: &Aws| Box::pin(OriginAccessControl::sweep(aws, name.clone(), "static")));
        let rest_api = api.clone();
        graph.sweep(move |aws: &Aws| {
            let rest_api = rest_api.clone();
            Box::pin(async move { RestApi::sweep(aws, &rest_api, "api").await })
        });
        let (path, logical, of_role) = (names.role_path(), thing(&names), names.clone());
        let policy = move |role: &str| of_role.policy(role);
        graph.sweep(move |aws: &Aws| Box::pin(RolePolicy::sweep(aws, path.clone(), logical.clone(), policy.clone())));
        let (path, logical) = (names.role_path(), thing(&names));
        graph.sweep(move |aws: &Aws| Box::pin(Role::sweep(aws, path.clone(), logical.clone())));
        let (family, logical) = (names.alarm_family(), thing(&names));
        graph.sweep(move |aws: &Aws| Box::pin(Alarm::sweep(aws, family.clone(), logical.clone())));
        let (family, of_group) = (names.function_log_group_family(), names.clone());
        let logical = move |name: &str| of_group.owns(name.strip_prefix("/aws/lambda/")?).map(|function| log_group_of(function).to_owned());
        graph.sweep(move |aws: &Aws| Box::pin(LogGroup::sweep(aws, family.clone(), logical.clone())));
        let family = names.api_log_group_family();
        graph.sweep(move |aws: &Aws| Box::pin(LogGroup::sweep_api(aws, family.clone(), stage.clone(), api.clone(), API_LOG_GROUP)));
        let logical = thing(&names);
        graph.sweep(move |aws: &Aws| Box::pin(Table::sweep(aws, logical.clone())));
        // The lock lies in it.
        let bucket = names.bucket();
        graph.sweep(move |aws: &Aws| Box::pin(Bucket::sweep(aws, bucket.clone(), "static")));
    }
}
