//! Permissions of the functions in the shipped stack.yaml, by the policies that `up` would write.

use liveinsight::{
    aws::Target,
    engine::Field,
    stack::{Content, Stack, declare},
};

/// Policy statement that allows something.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    /// IAM actions that the statement allows.
    pub actions: Vec<String>,
    /// ARNs of the resources, or patterns of them.
    pub resources: Vec<String>,
    /// Patterns of partition keys; empty for any.
    pub keys: Vec<String>,
}

/// Reads the policy of a function's role.
///
/// # Panics
/// If the shipped stack.yaml cannot be read, has no such function, or has a condition that is not about keys: then the permissions are not known.
pub fn statements(function: &str) -> Vec<Statement> {
    statements_with_parameters(function, &[])
}

/// Reads the policy of a function's role, if parameters hold these of its secrets.
///
/// # Panics
/// In the same cases as [`statements`].
pub fn statements_with_parameters(function: &str, secrets: &[&str]) -> Vec<Statement> {
    let (mut stack, target) = shipped();
    stack.functions.get_mut(function).expect("the stack has the function").parameters =
        secrets.iter().map(|secret| (*secret).to_owned()).collect();
    let declaration = declare(&stack, &target, &Content::default());
    let id = format!("iam.role_policy/{function}");
    let entry = declaration.graph.entries().iter().find(|entry| entry.id.as_str() == id).expect("the function is declared");
    let mut statements = std::collections::BTreeMap::<String, Statement>::new();
    for (path, field) in entry.desired().iter() {
        let Some((sid, part)) = path.strip_prefix("document.").and_then(|path| path.split_once('.')) else { continue };
        let Field::Known(value) = field else { panic!("{path} is not known") };
        let texts = || value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect();
        let statement = statements.entry(sid.to_owned()).or_default();
        match part {
            "Action" => statement.actions = texts(),
            "Resource" => statement.resources = texts(),
            "Effect" => assert_eq!(value, "Allow"),
            "Condition.ForAllValues:StringLike.dynamodb:leadingkeys" => statement.keys = texts(),
            other => panic!("a test does not know what {other} means"),
        }
    }
    statements.into_values().collect()
}

/// Returns the ARN of a table of the shipped stack.yaml.
///
/// # Panics
/// If the shipped stack.yaml cannot be read.
pub fn table_arn(table: &str) -> String {
    let (stack, target) = shipped();
    target.arn("dynamodb", &format!("table/{}", stack.names(&target.account).table(table)))
}

/// Returns the ARN of the parameter of a secret in the shipped stack.yaml, as its service describes it.
///
/// # Panics
/// If the shipped stack.yaml cannot be read.
pub fn parameter_arn(secret: &str) -> String {
    let (_, Target { region, account, .. }) = shipped();
    format!("arn:aws:ssm:{region}:{account}:parameter/liveinsight/dev/{secret}")
}

fn shipped() -> (Stack, Target) {
    let stack = Stack::read(&crate::workspace().join("stack.yaml"), Some("dev"), None).expect("the shipped stack.yaml is sound");
    let target = Target::aws("aws", &stack.region, "123456789012");
    (stack, target)
}
