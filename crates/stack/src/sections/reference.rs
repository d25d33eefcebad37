//! References `${…}` in texts of stack.yaml: names, ARNs and addresses of what the stack declares.

use crate::diagnostic::Problem;
use crate::sections::{FunctionFile, Stack, StackFile};
use aws::{Target, facts::Names};
use std::collections::BTreeSet;

/// Text of stack.yaml, divided at its references.
struct Template<'a>(Vec<Part<'a>>);

enum Part<'a> {
    /// Text as it is.
    Literal(&'a str),
    /// Content of the braces.
    Reference(&'a str),
}

/// Value that a text may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reference<'a> {
    Project,
    Environment,
    Region,
    Account,
    Partition,
    /// Physical name of a table.
    Table(&'a str),
    /// ARN of a table.
    TableArn(&'a str),
    /// Physical name of a function.
    Function(&'a str),
    /// ARN of a function's alias, which serves the release.
    FunctionArn(&'a str),
    /// Name of the site's bucket.
    SiteBucket,
    /// Address that AWS chooses when the resource is made.
    Address(Address),
}

/// Address of a part of the stack, without a slash at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Address {
    /// Address of the API's stage.
    Api,
    /// Address of the site.
    Site,
}

/// Things that a text may refer to.
pub(crate) struct Scope<'a> {
    tables: BTreeSet<&'a str>,
    functions: BTreeSet<&'a str>,
    has_api: bool,
    has_site: bool,
}

/// References without a name of the user's.
const PLAIN: [&str; 8] = ["project", "environment", "region", "account", "partition", "api.url", "site.url", "site.bucket"];

impl<'a> Scope<'a> {
    /// Lists what a file declares.
    pub(crate) fn of_file(file: &'a StackFile) -> Self {
        Self {
            tables: file.tables.keys().map(String::as_str).collect(),
            functions: file.functions.keys().map(String::as_str).collect(),
            has_api: file.functions.values().any(FunctionFile::has_route),
            has_site: file.site.is_some(),
        }
    }

    /// Lists what a stack declares.
    pub(crate) fn of_stack(stack: &'a Stack) -> Self {
        Self {
            tables: stack.tables.keys().map(String::as_str).collect(),
            functions: stack.functions.keys().map(String::as_str).collect(),
            has_api: stack.has_api(),
            has_site: stack.site.is_some(),
        }
    }

    /// Finds what a reference names, or says why it names nothing.
    fn find(&self, reference: &'a str) -> Result<Reference<'a>, Problem> {
        Ok(match reference {
            "project" => Reference::Project,
            "environment" => Reference::Environment,
            "region" => Reference::Region,
            "account" => Reference::Account,
            "partition" => Reference::Partition,
            "api.url" if self.has_api => Reference::Address(Address::Api),
            "site.url" if self.has_site => Reference::Address(Address::Site),
            "site.bucket" if self.has_site => Reference::SiteBucket,
            "api.url" => return Err(Problem::new("`${api.url}` names nothing: no function has a route").help("give a function a route")),
            "site.url" | "site.bucket" => {
                return Err(
                    Problem::new(format!("`${{{reference}}}` names nothing: the stack has no site")).help("declare one under `site`")
                );
            }
            _ => match reference.split_once('.') {
                Some(("tables", name)) => named(reference, name, "table", &self.tables, Reference::Table, Reference::TableArn)?,
                Some(("functions", name)) => {
                    named(reference, name, "function", &self.functions, Reference::Function, Reference::FunctionArn)?
                }
                _ => {
                    let known = PLAIN.map(str::to_owned).into_iter();
                    let tables = self.tables.iter().map(|name| format!("tables.{name}"));
                    let functions = self.functions.iter().map(|name| format!("functions.{name}"));
                    let known: Vec<String> = known.chain(tables).chain(functions).collect();
                    let problem = Problem::new(format!("`${{{reference}}}` is no reference"));
                    let problem = problem.known(reference, known.iter().map(String::as_str));
                    let is_likely = problem.help.is_some();
                    return Err(if is_likely { problem } else { problem.help("write $${ for the two characters themselves") });
                }
            },
        })
    }
}

/// Finds a reference to a thing by its name, alone or with `.arn` after it. A name may have dots itself.
fn named<'a>(
    reference: &str,
    name: &'a str,
    kind: &str,
    known: &BTreeSet<&str>,
    of_name: impl Fn(&'a str) -> Reference<'a>,
    of_arn: impl Fn(&'a str) -> Reference<'a>,
) -> Result<Reference<'a>, Problem> {
    if known.contains(name) {
        return Ok(of_name(name));
    }
    let stem = name.strip_suffix(".arn");
    if let Some(stem) = stem.filter(|stem| known.contains(stem)) {
        return Ok(of_arn(stem));
    }
    let wrong = stem.unwrap_or(name);
    let problem = Problem::new(format!("`${{{reference}}}` names nothing: there is no {kind} `{wrong}`"));
    Err(problem.known(wrong, known.iter().copied()))
}

impl<'a> Template<'a> {
    /// Divides a text at its references. `$${` is a literal `${`.
    fn parse(text: &'a str) -> Result<Self, Problem> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find("${") {
            if rest[..at].ends_with('$') {
                // The first `$` only keeps the second one from beginning a reference.
                parts.extend([Part::Literal(&rest[..at - 1]), Part::Literal("${")]);
                rest = &rest[at + 2..];
                continue;
            }
            let Some((reference, after)) = rest[at + 2..].split_once('}') else {
                let problem = Problem::new(format!("`{}` has no closing brace", &rest[at..]));
                return Err(problem.help("write ${name}, or $${ for the two characters themselves"));
            };
            parts.extend([Part::Literal(&rest[..at]), Part::Reference(reference)]);
            rest = after;
        }
        parts.push(Part::Literal(rest));
        Ok(Self(parts))
    }

    fn addresses(&self, scope: &Scope<'a>) -> impl Iterator<Item = Address> {
        self.references().filter_map(|reference| match scope.find(reference) {
            Ok(Reference::Address(address)) => Some(address),
            _ => None,
        })
    }

    fn references(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(*reference),
            Part::Literal(_) => None,
        })
    }
}

/// Returns the problems of a text: of its form, or of what it refers to.
pub(crate) fn problems(text: &str, scope: &Scope<'_>) -> Vec<Problem> {
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(problem) => return vec![problem],
    };
    let mut problems: Vec<Problem> = template.references().filter_map(|reference| scope.find(reference).err()).collect();
    if template.addresses(scope).collect::<BTreeSet<_>>().len() > 1 {
        let problem = Problem::new("a text can refer to one address");
        problems.push(problem.help("divide it among two variables"));
    }
    problems
}

/// Returns the reference to an address in a text, if there is one.
pub(crate) fn address_in(text: &str, scope: &Scope<'_>) -> Option<&'static str> {
    Template::parse(text).ok()?.addresses(scope).next().map(|address| match address {
        Address::Api => "${api.url}",
        Address::Site => "${site.url}",
    })
}

/// Returns the address that a text of a checked stack refers to, if there is one.
pub(crate) fn address(text: &str, stack: &Stack) -> Option<Address> {
    Template::parse(text).ok()?.addresses(&Scope::of_stack(stack)).next()
}

/// Returns a text of a checked stack with the values in place of its references. `address` provides the addresses.
pub(crate) fn resolved(text: &str, stack: &Stack, names: &Names, address: &dyn Fn(Address) -> String) -> String {
    let Ok(template) = Template::parse(text) else { return text.to_owned() };
    let scope = Scope::of_stack(stack);
    let value = |part: &Part<'_>| match part {
        Part::Literal(text) => (*text).to_owned(),
        Part::Reference(reference) => {
            scope.find(reference).map_or_else(|_| format!("${{{reference}}}"), |found| found.value(stack, names, address))
        }
    };
    template.0.iter().map(value).collect()
}

impl Address {
    /// Returns an address in AWS with an invented id, of the length that it will have.
    pub(crate) fn invented(self, stack: &Stack, names: &Names) -> String {
        match self {
            Self::Api => {
                let target = Target::aws(Target::partition_of(&stack.region), &stack.region, names.account());
                target.api_url("a1b2c3d4e5", &names.stage())
            }
            Self::Site => "https://d1234567890abc.cloudfront.net".to_owned(),
        }
    }
}

impl Reference<'_> {
    fn value(self, stack: &Stack, names: &Names, address: &dyn Fn(Address) -> String) -> String {
        let partition = Target::partition_of(&stack.region);
        let arn = |service: &str, resource: &str| format!("arn:{partition}:{service}:{}:{}:{resource}", stack.region, names.account());
        match self {
            Self::Project => stack.project.clone(),
            Self::Environment => stack.environment.clone(),
            Self::Region => stack.region.clone(),
            Self::Account => names.account().to_owned(),
            Self::Partition => partition.to_owned(),
            Self::Table(table) => names.table(table),
            Self::TableArn(table) => arn("dynamodb", &format!("table/{}", names.table(table))),
            Self::Function(function) => names.function(function),
            Self::FunctionArn(function) => arn("lambda", &format!("function:{}:{}", names.function(function), crate::LIVE_ALIAS)),
            Self::SiteBucket => names.bucket(),
            Self::Address(of) => address(of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const STACK: &str = "project: shop\nregion: eu-west-1\nsite: { source: pages }\ntables:\n  orders: { partition_key: { name: id, type: S } }\n  \
                         page.views: { partition_key: { name: id, type: S } }\nfunctions:\n  worker: { source: worker }\n";

    fn stack() -> Stack {
        Stack::parse(STACK, "stack.yaml", Path::new("."), None, None).unwrap()
    }

    fn text_of(text: &str, stack: &Stack) -> String {
        resolved(text, stack, &stack.names("123456789012"), &|address| format!("https://{address:?}").to_lowercase())
    }

    #[test]
    fn references_are_replaced_by_names_and_arns() {
        let stack = stack();
        let names = stack.names("123456789012");
        for (text, expected) in [
            ("plain $text", "plain $text"),
            ("${tables.orders}", "shop-orders-dev"),
            ("${tables.page.views.arn}", "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-page.views-dev"),
            ("${functions.worker}", "shop-worker-dev"),
            ("${functions.worker.arn}", "arn:aws:lambda:eu-west-1:123456789012:function:shop-worker-dev:live"),
            ("arn:${partition}:ses:${region}:${account}:identity/*", "arn:aws:ses:eu-west-1:123456789012:identity/*"),
            ("${project}-${environment}", "shop-dev"),
            ("$${project} is ${project}", "${project} is shop"),
            ("$$${project}", "$${project}"),
        ] {
            assert_eq!(text_of(text, &stack), expected, "{text}");
        }
        assert_eq!(text_of("${site.bucket}", &stack), names.bucket());
        assert_eq!(text_of("${site.url}/a", &stack), "https://site/a");
        assert_eq!((address("${site.url}", &stack), address("${site.bucket}", &stack)), (Some(Address::Site), None));
    }

    #[test]
    fn a_reference_to_nothing_says_what_there_is() {
        let stack = stack();
        let scope = Scope::of_stack(&stack);
        let said = |text: &str| {
            let problems = problems(text, &scope);
            let [problem] = problems.as_slice() else { panic!("{text}: {problems:?}") };
            format!("{} / {}", problem.message, problem.help.clone().unwrap_or_default())
        };
        assert!(said("${tables.order}").contains("there is no table `order`") && said("${tables.order}").contains("`orders`"));
        assert!(said("${tables.order.arn}").contains("there is no table `order`"));
        assert!(said("${functions.wroker.arn}").contains("`worker`"));
        assert!(said("${regoin}").contains("`region`"));
        assert!(said("${api.url}").contains("no function has a route"));
        assert!(said("${}").contains("is no reference"));
        assert!(said("${project").contains("no closing brace"));
        assert_eq!(problems("$${anything", &scope), []);
    }
}
