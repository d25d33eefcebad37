//! The alias that serves requests: a name for one published version of a function.
//!
//! A release publishes `$LATEST` as a version and moves the alias to it, so that a rollback is one call. AWS does not show which declaration a
//! version was published from; the alias's description does: `liveinsight {version} {release}`. A description that names another version than the
//! alias points to is drift: the alias was moved by hand.
//!
//! No other version is declared to get a share of the requests. While a canary runs one does, which therefore is a difference: the next run that
//! converges removes it. A canary or a rollback moves the alias itself, by [`Serving`].

use super::{FUNCTIONS, Function, release::Release};
use aws::{
    Aws, Optional, Target,
    facts::{Call, Identity, Kind, LIVE_ALIAS, Sweep, Task, Trail, Typical},
};
use aws_sdk_lambda::types::{AliasRoutingConfiguration, State, StateReasonCode};
use engine::{Changes, DeleteOutcome, Error, Handle, Id, Observed, Orphan, ReadFrom, Ref, Resource, Result, WriteOutcome};
use serde::Serialize;
use std::{collections::BTreeMap, rc::Rc};

const MARK: &str = "liveinsight";
/// Prefix of a version's description. The number changes with the way in which the digest of a release is computed. AWS publishes no new version
/// for the same code and configuration, so a version keeps the digest of the first program that published it.
const PUBLISHED: &str = "liveinsight/1";

/// Desired state of a Lambda alias.
#[derive(Debug, Clone, Serialize)]
pub struct Alias {
    /// The function's name.
    pub function: Ref<String>,
    /// Digest of the code and configuration that it serves. `None`: the version that it serves is left in place.
    pub name: String,
    /// Digest of the code and configuration that it serves. `None`: the version that it serves is left in place.
    pub release: Option<Release>,
    /// Versions that get a share of the requests, beside the alias's own, with their shares.
    pub shares: BTreeMap<String, f64>,
    /// SHA-256 that the code must have when it is published.
    #[serde(skip)]
    pub code_sha256: Option<String>,
}

/// Output of an alias that exists.
#[derive(Debug, Clone)]
pub struct AliasOutput {
    /// ARN of the alias.
    pub arn: String,
    /// Version that the alias points to.
    pub version: String,
    /// Digest of the release that it serves.
    pub release: String,
    /// Versions that get a share of the requests, beside the alias's own.
    pub shares: BTreeMap<String, f64>,
    /// The function's name.
    pub function: String,
}

const FACTS: Kind = Kind {
    name: Alias::KIND,
    trail: Trail { source: "lambda", is_global: false, operations: &["CreateAlias", "UpdateAlias", "DeleteAlias"] },
    typical: Typical::of_calls,
    pace: Some("lambda"),
    request_limits: &[],
    calls: &[
        Call::same("lambda:CreateAlias", &FUNCTIONS, Task::UP),
        Call::same("lambda:DeleteAlias", &FUNCTIONS, Task::NONE),
        Call::same("lambda:GetAlias", &FUNCTIONS, Task::LOOKING),
        Call::same("lambda:ListVersionsByFunction", &FUNCTIONS, Task::LOOKING),
        Call::same("lambda:PublishVersion", &FUNCTIONS, Task::UP),
        Call::same("lambda:UpdateAlias", &FUNCTIONS, Task::UP),
    ],
    sweep: Sweep::Own(|graph, stack| {
        let logical = stack.logical();
        graph.sweep_parts(move |aws: &Aws| Box::pin(Alias::sweep(aws, LIVE_ALIAS, logical.clone())));
    }),
    quota: None,
    billable: None,
};

impl Resource for Alias {
    type Cloud = Aws;
    const KIND: &'static str = "lambda.alias";
    const FACTS: &'static Kind = &FACTS;
    const IS_PART: bool = true;
    type Output = AliasOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self, target: &Target, _: Option<&AliasOutput>) -> Identity {
        self.function.get().map_or_else(|_| Identity::default(), |function| super::identity(target, function, Some(&self.name)))
    }

    async fn observe(&self, aws: &Aws, _: ReadFrom) -> Result<Option<Observed<Self>>> {
        let observed = read(aws, &self.function.get()?, &self.name).await?;
        if let Some(release) = &self.release {
            release.note(observed.as_ref().map_or("", |observed| &observed.output.release));
        }
        Ok(observed)
    }

    async fn create(&self, aws: &Aws) -> Result<WriteOutcome<AliasOutput>> {
        let function = self.function.get()?;
        let own = self.release.as_ref().map(Release::text);
        let version = publish(aws, &function, self.code_sha256.as_deref(), own.as_deref()).await?;
        let description = describe(&version, own.as_deref().unwrap_or("-"));
        let answer = aws
            .write("lambda:CreateAlias", || {
                let request = aws.lambda.create_alias().function_name(&function).name(&self.name);
                request.function_version(&version).description(&description).send()
            })
            .await?;
        let arn = answer.alias_arn().unwrap_or_default().to_owned();
        Ok(WriteOutcome::Complete(AliasOutput {
            arn,
            release: release(&description, &version),
            version,
            shares: BTreeMap::new(),
            function,
        }))
    }

    async fn update(&self, aws: &Aws, observed: &Observed<Self>, _changes: &Changes) -> Result<WriteOutcome<AliasOutput>> {
        let function = self.function.get()?;
        let (version, description) = match self.release.as_ref().map(Release::text) {
            Some(release) => {
                let version = publish(aws, &function, self.code_sha256.as_deref(), Some(&release)).await?;
                (version.clone(), Some(describe(&version, &release)))
            }
            None => (observed.output.version.clone(), None),
        };
        let serves = description.as_deref().map_or_else(|| observed.output.release.clone(), |description| release(description, &version));
        aws.write("lambda:UpdateAlias", || {
            let request = aws.lambda.update_alias().function_name(&function).name(&self.name).function_version(&version);
            request.set_description(description.clone()).routing_config(routing(&self.shares)).send()
        })
        .await?;
        Ok(WriteOutcome::Complete(AliasOutput { version, release: serves, shares: self.shares.clone(), ..observed.output.clone() }))
    }

    async fn delete(&self, aws: &Aws, output: &AliasOutput) -> Result<DeleteOutcome> {
        aws.write("lambda:DeleteAlias", || aws.lambda.delete_alias().function_name(&output.function).name(&self.name).send())
            .await
            .optional()?;
        Ok(DeleteOutcome::Deleted)
    }
}

impl Alias {
    /// Finds the aliases called `name` that functions of ours could have.
    pub async fn sweep(aws: &Aws, name: &str, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Orphan<Aws>>> {
        Function::orphans(aws, logical, |logical, function| {
            let wish = Self {
                function: function.name.clone().into(),
                name: name.to_owned(),
                release: None,
                shares: BTreeMap::new(),
                code_sha256: None,
            };
            let output = AliasOutput {
                arn: format!("{}:{name}", function.arn),
                version: String::new(),
                release: String::new(),
                shares: BTreeMap::new(),
                function: function.name,
            };
            Orphan::part(Id::new::<Function>(logical), logical, wish, output)
        })
        .await
    }
}

impl Alias {
    /// Name of the alias; a resource that refers to it waits for the alias.
    pub fn name_of(handle: &Handle<Self>, name: &str) -> Ref<String> {
        handle.known("name", name.to_owned())
    }
}

/// State of an alias at a moment. A change based on it fails if another client has moved the alias meanwhile.
#[derive(Debug, Clone, PartialEq)]
pub struct Serving {
    /// Version that the alias points to.
    pub version: String,
    /// Digest of the release that it serves.
    pub release: String,
    /// Versions that get a share of the requests, beside the alias's own, with their shares.
    pub shares: BTreeMap<String, f64>,
    function: String,
    alias: String,
    /// Id of the alias's revision, new with every change.
    revision: Option<String>,
}

impl Serving {
    /// Reads the alias anew; `None` if there is no such alias.
    pub async fn read(aws: &Aws, function: &str, alias: &str) -> Result<Option<Self>> {
        let answer = aws.read("lambda:GetAlias", || aws.lambda.get_alias().function_name(function).name(alias).send()).await.optional()?;
        Ok(answer.map(|answer| {
            let version = answer.function_version.unwrap_or_default();
            Self {
                release: release(answer.description.as_deref().unwrap_or_default(), &version),
                shares: answer.routing_config.and_then(|routing| routing.additional_version_weights).into_iter().flatten().collect(),
                version,
                function: function.to_owned(),
                alias: alias.to_owned(),
                revision: answer.revision_id,
            }
        }))
    }

    /// Physical name of the function.
    pub fn function(&self) -> &str {
        &self.function
    }

    /// Moves the alias to this version, published for this release, without shares for others.
    pub async fn point(&self, aws: &Aws, version: &str, release: &str) -> Result<Self> {
        self.change(aws, version, Some(describe(version, release)), BTreeMap::new()).await
    }

    /// Gives these versions their shares of the requests, which the others lose.
    pub async fn share(&self, aws: &Aws, shares: BTreeMap<String, f64>) -> Result<Self> {
        self.change(aws, &self.version, None, shares).await
    }

    async fn change(&self, aws: &Aws, version: &str, description: Option<String>, shares: BTreeMap<String, f64>) -> Result<Self> {
        let Self { function, alias, revision, .. } = self;
        let send = || {
            let request = aws.lambda.update_alias().function_name(function).name(alias).function_version(version);
            request.set_description(description.clone()).routing_config(routing(&shares)).set_revision_id(revision.clone()).send()
        };
        let serves = |serving: &Self| serving.version == version && serving.shares == shares;
        match aws.write("lambda:UpdateAlias", send).await {
            Ok(answer) => Ok(Self {
                version: version.to_owned(),
                release: description.as_deref().map_or_else(|| self.release.clone(), |description| release(description, version)),
                shares,
                revision: answer.revision_id,
                ..self.clone()
            }),
            // If the answer to a successful write was lost, the alias has the desired state already.
            Err(error) => Self::read(aws, function, alias).await?.filter(serves).ok_or(error),
        }
    }
}

/// Publishes `$LATEST`, which must have this code, as a version. AWS makes no new one if nothing changed since the last, so repeating it is safe.
/// Its description names the release that it was made for, and is immutable.
pub async fn publish(aws: &Aws, function: &str, code_sha256: Option<&str>, release: Option<&str>) -> Result<String> {
    let send = || {
        let request = aws.lambda.publish_version().function_name(function).set_code_sha256(code_sha256.map(str::to_owned));
        request.set_description(release.map(|release| format!("{PUBLISHED} {release}"))).send()
    };
    let answer = aws.write("lambda:PublishVersion", send).await?;
    if answer.state() == Some(&State::Pending) {
        return Err(Error::not_yet("Lambda to make the new version active"));
    }
    if answer.state() == Some(&State::Failed) {
        // No alias may point to it: it would serve errors.
        let (version, reason) = (answer.version().unwrap_or_default(), answer.state_reason().unwrap_or("it gives no reason"));
        let code = answer.state_reason_code().map_or("", StateReasonCode::as_str);
        return Err(Error::Failed(Error::gave_up(
            "lambda:PublishVersion",
            code,
            format!("Lambda could not make version {version}: {reason}"),
        )));
    }
    Ok(answer.version.unwrap_or_default())
}

fn routing(shares: &BTreeMap<String, f64>) -> AliasRoutingConfiguration {
    // An empty map removes the shares; leaving it out would keep them.
    AliasRoutingConfiguration::builder().set_additional_version_weights(Some(shares.clone().into_iter().collect())).build()
}

async fn read(aws: &Aws, function: &str, name: &str) -> Result<Option<Observed<Alias>>> {
    let answer: Rc<Option<_>> = aws
        .shared("lambda", &format!("alias/{function}/{name}"), || async {
            aws.read("lambda:GetAlias", || aws.lambda.get_alias().function_name(function).name(name).send()).await.optional()
        })
        .await?;
    Ok(answer.as_ref().as_ref().map(|alias| {
        let version = alias.function_version().unwrap_or_default().to_owned();
        let shares = alias.routing_config().and_then(|routing| routing.additional_version_weights());
        let release = release(alias.description().unwrap_or_default(), &version);
        let spec = Alias {
            function: function.to_owned().into(),
            name: name.to_owned(),
            release: Some(Release::Known(release.clone())),
            shares: shares.into_iter().flatten().map(|(version, share)| (version.clone(), *share)).collect(),
            code_sha256: None,
        };
        let arn = alias.alias_arn().unwrap_or_default().to_owned();
        let shares = spec.shares.clone();
        Observed::part(spec, AliasOutput { arn, version, release, shares, function: function.to_owned() })
    }))
}

/// Returns whether a version was published for another release than this. A version may be of any release if its description names none, or names a
/// digest that is computed otherwise.
pub fn is_of_another(description: &str, release: &str) -> bool {
    description.strip_prefix(PUBLISHED).and_then(|rest| rest.strip_prefix(' ')).is_some_and(|own| own != release)
}

/// Returns the description of an alias that points to this version, published for this release.
fn describe(version: &str, release: &str) -> String {
    format!("{MARK} {version} {release}")
}

/// Returns the release that a description names, if it is about this version.
fn release(description: &str, version: &str) -> String {
    match description.split(' ').collect::<Vec<_>>()[..] {
        [MARK, of, release] if of == version => release.to_owned(),
        _ => format!("version {version}, which no release moved it to"),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_of_another, release};

    #[test]
    fn a_version_belongs_to_the_release_that_it_names() {
        assert!(!is_of_another("liveinsight/1 abc", "abc") && is_of_another("liveinsight/1 abc", "def"));
        for unsaid in ["", "liveinsight/2 abc", "made by hand"] {
            assert!(!is_of_another(unsaid, "def"), "{unsaid}");
        }
    }

    #[test]
    fn a_description_counts_only_for_the_version_it_names() {
        assert_eq!(release("liveinsight 7 abc", "7"), "abc");
        assert!(release("liveinsight 7 abc", "6").contains("version 6"));
        assert!(release("", "6").contains("version 6"));
    }
}
