//! A function: its log group, role and policy, its code, and the alias that serves requests.

use super::{BOOTSTRAP, policy, settings};
use crate::names::function_output;
use crate::sections::reference;
use crate::sections::{Content, Declaring};
use crate::{LIVE_ALIAS, log_group_of};
use engine::{Handle, Ref, digest};
use resources::{
    Alias, FUNCTION_URL_TAG, Function, FunctionOthers, FunctionSettings, LogGroup, Made, Parts, Release, ReleaseKey, Role, RoleOthers,
    RolePolicy, Variable,
};
use shared::{edge::ORIGIN_VERIFY, limit::PER_MINUTE_VARIABLE as REQUESTS_PER_MINUTE, token::READERS};
use std::collections::BTreeMap;

/// Resources and ARN of a function that the API refers to.
pub(crate) struct Declared {
    pub(crate) function: Handle<Function>,
    pub(crate) alias: Handle<Alias>,
    /// ARN of the alias, which API Gateway invokes.
    pub(crate) alias_arn: String,
}

/// Declares all functions, and returns them by name.
pub(crate) fn declare<'a>(declaring: &mut Declaring<'a>, content: &Content) -> BTreeMap<&'a str, Declared> {
    let functions = &declaring.stack.functions;
    functions.iter().map(|(name, function)| (name.as_str(), declaring.function(name, function, content))).collect()
}

impl Declaring<'_> {
    fn function(&mut self, name: &str, declared: &crate::Function, content: &Content) -> Declared {
        let package = content.packages.get(name);
        let physical = self.names.function(name);
        self.output(&function_output(name), physical.clone().into());
        let role = self.graph.add(
            name,
            Role {
                name: self.names.role(name),
                path: self.names.role_path(),
                trust: policy::trust("lambda.amazonaws.com"),
                permissions_boundary: self.stack.permissions_boundary.clone(),
                others: RoleOthers::default(),
                policy: self.names.policy(name),
                tags: self.tags(&self.names.role(name)),
                among: self.stack.functions.len(),
            },
        );
        let document = policy::of_function(declared, self.stack, self.target, &self.names, name);
        let policy = RolePolicy { role: Role::name_of(&role), name: self.names.policy(name), document, among: self.stack.functions.len() };
        self.graph.add_part(&role, name, policy);
        let log_group = self.graph.add(
            log_group_of(name),
            LogGroup {
                name: self.names.function_log_group(name).into(),
                family: self.names.function_log_group_family(),
                retention_days: self.retention_days(),
                tags: self.tags(&self.names.function_log_group(name)),
            },
        );
        let architecture = (!self.target.functions_on_host).then(|| declared.architecture.as_str().to_owned());
        let made = self.made(name, &physical);
        let addresses = self.variables_of_addresses(declared);
        let mut environment = self.environment(name, declared);
        environment.extend(addresses.iter().map(|(name, value)| (name.clone(), Variable::Of(value.clone()))));
        environment.extend(made.clone().map(|(name, made)| (name.to_owned(), Variable::Made(made))));
        let function = Function {
            role: role.known("arn", self.role_arn(name)),
            runtime: declared.code.runtime().to_owned(),
            handler: declared.code.handler().to_owned(),
            architecture,
            memory: i32::try_from(declared.memory).unwrap_or(i32::MAX),
            timeout: i32::try_from(declared.timeout).unwrap_or(i32::MAX),
            concurrency: declared.concurrency.map(|kept| i32::try_from(kept).unwrap_or(i32::MAX)),
            environment,
            log_group: log_group.known("name", self.names.function_log_group(name)),
            settings: settings::resolved(&declared.settings, self.stack, &self.names),
            others: FunctionOthers::default(),
            code_sha256: package.map(|package| package.sha256.clone()),
            code: package.map(|package| package.path.clone()),
            tags: match declared.url {
                None => self.tags(&physical),
                Some(_) => self.tags(&physical).with(FUNCTION_URL_TAG, "yes"),
            },
            name: physical,
        };
        // Code and settings behind the alias: not the tags, and nothing that is decided elsewhere.
        let mut variables = self.variables(name, declared);
        variables.retain(|name, _| !addresses.contains_key(name));
        let mut released: Parts = [
            ("code", function.code_sha256.clone().unwrap_or_default()),
            ("architecture", function.architecture.clone().unwrap_or_default()),
            ("configuration", format!("{} {} {} {variables:?}", function.memory, function.timeout, function.runtime)),
        ]
        .into();
        if function.handler != BOOTSTRAP {
            released.0.insert("handler".to_owned(), function.handler.clone().into());
        }
        if function.settings != FunctionSettings::default() {
            released.0.insert("settings".to_owned(), digest(&function.settings).into());
        }
        released.0.extend(addresses.into_iter().map(|(name, value)| (format!("variable {name}"), value)));
        let is_known = !function.environment.values().any(|value| matches!(value, Variable::Kept));
        let released = Some(released).filter(|_| package.is_some() && is_known);
        if let Some((_, Made::Origin(secret, function))) = &made {
            secret.add_taker(function, released.clone());
        }
        let release = released.map(|parts| Release::Declared { key: made.map(|(_, made)| made), parts });
        let alias_arn = self.target.arn("lambda", &format!("function:{}:{LIVE_ALIAS}", function.name));
        let code_sha256 = function.code_sha256.clone();
        let function = self.graph.add(name, function);
        let alias =
            Alias { function: Function::name_of(&function), name: LIVE_ALIAS.to_owned(), release, shares: BTreeMap::new(), code_sha256 };
        let alias = self.graph.add_part(&function, name, alias);
        Declared { function, alias, alias_arn }
    }

    pub(crate) fn retention_days(&self) -> Option<i32> {
        i32::try_from(self.stack.logs.retention_days).ok()
    }

    /// Returns the variable that the engine generates for a function, if there is one.
    fn made(&self, name: &str, physical: &str) -> Option<(&'static str, Made)> {
        let (variable, _) = self.stack.made_variable(name)?;
        let made = match &self.origin_secret {
            Some(secret) if variable == ORIGIN_VERIFY => Made::Origin(secret.clone(), physical.to_owned()),
            _ => Made::Key(ReleaseKey::default()),
        };
        Some((variable, made))
    }

    /// Returns the variables that refer to an address, with their values.
    fn variables_of_addresses(&self, declared: &crate::Function) -> BTreeMap<String, Ref<String>> {
        let value = |(name, text): (&String, &String)| {
            let of = reference::address(text, self.stack)?;
            let (text, stack, names) = (text.clone(), self.stack.clone(), self.names.clone());
            let whole = move |address: String| reference::resolved(&text, &stack, &names, &|_| address.clone());
            Some((name.clone(), self.addresses.get(&of)?.map(whole)))
        };
        declared.environment.iter().filter_map(value).collect()
    }

    /// Returns the environment variables, including secrets without a known value.
    fn environment(&self, name: &str, declared: &crate::Function) -> BTreeMap<String, Variable> {
        let known = self.variables(name, declared).into_iter().map(|(name, value)| (name, Variable::Set(value)));
        let unknown = declared.secrets.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| (name.clone(), Variable::Kept));
        known.chain(unknown).collect()
    }

    /// Returns the variables with values. On the local AWS anyone may read, and all visitors share one address, so no request limit applies. The
    /// file's own values take precedence.
    fn variables(&self, name: &str, declared: &crate::Function) -> BTreeMap<String, String> {
        let mut variables = self.stack.variables(name, &self.names);
        if self.target.functions_on_host && declared.is_routed() && self.stack.counts_events() {
            for (local, value) in [(READERS, "public"), (REQUESTS_PER_MINUTE, "0")] {
                variables.entry(local.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        variables
    }

    fn role_arn(&self, name: &str) -> String {
        self.target.global_arn("iam", &format!("role{}{}", self.names.role_path(), self.names.role(name)))
    }
}
