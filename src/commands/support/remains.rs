//! Resources that AWS keeps after `down`, with the commands that remove them. Each is reported only for stacks that it
//! concerns.

use crate::{
    aws::Aws,
    engine::{Graph, Id, Resource},
    resources::{RestApi, Table, logging_role_removal},
    stack::{Names, Stack},
};
use serde::Serialize;

/// Resource that stays after `down`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Remains {
    /// Name of the resource.
    what: String,
    /// Reason for its existence.
    why: &'static str,
    /// Days until AWS removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<u32>,
    /// Command that removes it; `None` if no command can.
    remove: Option<String>,
}

impl Remains {
    /// Builds the event. `kept` is true if the resource stays here, false if it would stay on AWS only.
    pub(in crate::commands) fn event(&self, kept: bool) -> WriteCache<'_> {
        WriteCache { remains: self, kept }
    }

    /// Formats the line `  log group /aws/apigateway/welcome: …; to remove it: …`.
    pub(in crate::commands) fn text(&self) -> String {
        let Self { what, why, days, remove } = self;
        let goes = days.map(|days| format!("; it goes by itself after {days} days")).unwrap_or_default();
        let remove = match remove {
            Some(command) => format!("; to remove it: {command}"),
            None => "; it cannot be removed before".to_owned(),
        };
        format!("  {what}: {why}{goes}{remove}")
    }
}

/// Event of `down --format json` for one [`Remains`].
#[derive(Serialize)]
#[serde(tag = "event", rename = "remains")]
pub(in crate::commands) struct WriteCache<'a> {
    #[serde(flatten)]
    remains: &'a Remains,
    /// False on the local AWS, which keeps none of it.
    kept: bool,
}

/// Lists the remains of a stack whose resources `leaving` are removed. Called before the removal, because the API's id
/// disappears with the API.
pub(in crate::commands) fn of(stack: &Stack, names: &Names, graph: &Graph<Aws>, leaving: &[Id]) -> Vec<Remains> {
    let mut remains = Vec::new();
    for (name, table) in &stack.tables {
        if table.point_in_time_recovery && leaving.contains(&Id::new::<Table>(name)) {
            remains.push(backup(&names.table(name)));
        }
    }
    let api = graph.entries().iter().find(|entry| entry.id.kind() == RestApi::KIND && leaving.contains(&entry.id));
    if let Some(api) = api {
        let id = api.output::<RestApi>().map(|api| api.id);
        remains.extend(of_api(names, &stack.region, id.as_deref()));
    }
    remains
}

/// Returns the system backup of a deleted table, which AWS keeps for 35 days at no cost ("Point-in-time recovery for
/// DynamoDB").
fn backup(table: &str) -> Remains {
    Remains {
        what: format!("DynamoDB backup {table}$DeletedTableBackup"),
        why: "DynamoDB makes one, free of charge, when a table with point-in-time recovery is deleted",
        days: Some(35),
        remove: None,
    }
}

/// Returns the log groups of the API. Functions leave none, because their permissions never include creating one.
fn of_api(names: &Names, region: &str, id: Option<&str>) -> Vec<Remains> {
    let delete_group = |group: &str| Some(format!("aws logs delete-log-group --log-group-name {group} --region {region}"));
    let execution_log = id.map(|id| names.api_log_group(id)).map(|group| Remains {
        remove: delete_group(&group),
        what: format!("log group {group}"),
        why: "API Gateway makes it again if it writes what it has left to write",
        days: None,
    });
    let welcome = "/aws/apigateway/welcome";
    let others = [
        Remains {
            what: format!("API Gateway's setting for logs in {region}, with its role"),
            why: "all APIs of the account in this region share it, so no stack takes it away",
            days: None,
            remove: Some(logging_role_removal(region)),
        },
        Remains {
            what: format!("log group {welcome}"),
            why: "API Gateway makes it when the setting for logs is made",
            days: None,
            remove: delete_group(welcome),
        },
        Remains {
            what: "role AWSServiceRoleForAPIGateway".to_owned(),
            why: "API Gateway makes it with the first API of an account, for all of them",
            days: None,
            remove: Some("aws iam delete-service-linked-role --role-name AWSServiceRoleForAPIGateway".to_owned()),
        },
    ];
    execution_log.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::{Remains, of};
    use crate::{
        aws::Target,
        engine::Id,
        stack::{Content, Stack, declare},
    };

    /// Returns the remains after removing all of these sections.
    fn of_all(sections: &str) -> Vec<Remains> {
        let text = format!("project: shop\nregion: eu-west-1\nenvironments: {{ dev: {{}} }}\n{sections}");
        let stack = Stack::parse(&text, "stack.yaml", &test_support::workspace(), None, None).unwrap();
        let graph = declare(&stack, &Target::aws("aws", "eu-west-1", "123456789012"), &Content::default()).graph;
        let leaving: Vec<Id> = graph.entries().iter().map(|entry| entry.id.clone()).collect();
        of(&stack, &stack.names("123456789012"), &graph, &leaving)
    }

    #[test]
    fn a_stack_is_told_of_what_concerns_it_and_no_more() {
        let key = "partition_key: { name: id, type: S }";
        assert_eq!(of_all(&format!("tables: {{ notes: {{ {key}, point_in_time_recovery: false }} }}\n")), []);
        let backup = of_all(&format!("tables: {{ notes: {{ {key}, point_in_time_recovery: true }} }}\n"));
        let [backup] = backup.as_slice() else { panic!("{backup:?}") };
        assert!(
            backup.text().contains("shop-notes-dev$DeletedTableBackup") && backup.text().contains("after 35 days"),
            "{}",
            backup.text()
        );
        let api = of_all("functions: { hello: { source: lambdas/stats-api, route: GET /hello } }\n");
        let told: Vec<&str> = api.iter().map(|remains| remains.what.as_str()).collect();
        assert_eq!(
            told,
            [
                "API Gateway's setting for logs in eu-west-1, with its role",
                "log group /aws/apigateway/welcome",
                "role AWSServiceRoleForAPIGateway"
            ]
        );
        assert!(api.iter().all(|remains| remains.remove.as_ref().is_some_and(|command| command.starts_with("aws "))));
    }
}
