//! The alias that serves requests: a name for one published version of a function.
//!
//! A release publishes `$LATEST` as a version and moves the alias to it, so that a rollback is one call. Which declaration a version
//! was published from cannot be read from AWS; the alias's description says it: `liveinsight {version} {release}`. A description that
//! names another version than the alias points to is drift: somebody moved the alias by hand.

use super::Function;
use crate::{
    aws::{Aws, Optional},
    engine::{Changes, Error, Gone, Handle, Id, Live, Ref, Resource, Result, Stray, Written},
};
use aws_sdk_lambda::types::{AliasRoutingConfiguration, State};
use serde::Serialize;
use std::{collections::BTreeMap, rc::Rc};

const MARK: &str = "liveinsight";

/// An alias.
#[derive(Debug, Clone, Serialize)]
pub struct Alias {
    /// The function's name.
    pub function: Ref<String>,
    /// The alias's name.
    pub name: String,
    /// A digest of the code and configuration that it serves. `None`: whatever it serves is left in place.
    pub release: Option<String>,
    /// Versions that get a share of the requests, beside the alias's own, with their shares.
    pub shares: BTreeMap<String, f64>,
    /// What the code must be when it is published.
    #[serde(skip)]
    pub code_sha256: Option<String>,
    /// A version that has been published for `release` already. `None`: `$LATEST` is published for it.
    #[serde(skip)]
    pub version: Option<String>,
}

/// What is known of an alias that exists.
#[derive(Debug, Clone, Serialize)]
pub struct AliasOutput {
    /// Its ARN.
    pub arn: String,
    /// The version it points to.
    pub version: String,
    /// The digest of what it serves.
    pub release: String,
    /// The function's name.
    pub function: String,
}

impl Resource for Alias {
    type Cloud = Aws;
    const KIND: &'static str = "lambda.alias";
    type Output = AliasOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn observe(&self, aws: &Aws) -> Result<Option<Live<Self>>> {
        read(aws, &self.function.get()?, &self.name).await
    }

    async fn create(&self, aws: &Aws) -> Result<Written<AliasOutput>> {
        let function = self.function.get()?;
        let (version, description) = self.publish(aws, &function).await?;
        let answer = aws
            .write("lambda:CreateAlias", || {
                let request = aws.lambda.create_alias().function_name(&function).name(&self.name);
                let routing = (!self.shares.is_empty()).then(|| self.routing());
                request.function_version(&version).description(&description).set_routing_config(routing).send()
            })
            .await?;
        let arn = answer.alias_arn().unwrap_or_default().to_owned();
        Ok(Written::Complete(AliasOutput { arn, release: release(&description, &version), version, function }))
    }

    async fn update(&self, aws: &Aws, live: &Live<Self>, _changes: &Changes) -> Result<Written<AliasOutput>> {
        let function = self.function.get()?;
        let (version, description) = match self.release {
            Some(_) => self.publish(aws, &function).await.map(|(version, description)| (version, Some(description)))?,
            None => (live.output.version.clone(), None),
        };
        let serves = description.as_deref().map_or_else(|| live.output.release.clone(), |description| release(description, &version));
        aws.write("lambda:UpdateAlias", || {
            let request = aws.lambda.update_alias().function_name(&function).name(&self.name).function_version(&version);
            request.set_description(description.clone()).routing_config(self.routing()).send()
        })
        .await?;
        Ok(Written::Complete(AliasOutput { version, release: serves, ..live.output.clone() }))
    }

    async fn delete(&self, aws: &Aws, output: &AliasOutput) -> Result<Gone> {
        aws.write("lambda:DeleteAlias", || aws.lambda.delete_alias().function_name(&output.function).name(&self.name).send())
            .await
            .optional()?;
        Ok(Gone::Yes)
    }
}

impl Alias {
    fn routing(&self) -> AliasRoutingConfiguration {
        // An empty map takes the shares away; leaving it out would keep them.
        AliasRoutingConfiguration::builder().set_additional_version_weights(Some(self.shares.clone().into_iter().collect())).build()
    }

    /// The version for the release, and the description that says so. Publishes `$LATEST` unless there is one: AWS makes no new version
    /// if nothing changed since the last one, so repeating it is safe.
    async fn publish(&self, aws: &Aws, function: &str) -> Result<(String, String)> {
        let description = |version: &str| format!("{MARK} {version} {}", self.release.as_deref().unwrap_or("-"));
        if let Some(version) = &self.version {
            return Ok((version.clone(), description(version)));
        }
        let answer = aws
            .write("lambda:PublishVersion", || {
                aws.lambda.publish_version().function_name(function).set_code_sha256(self.code_sha256.clone()).send()
            })
            .await?;
        if answer.state() == Some(&State::Pending) {
            return Err(Error::not_yet("Lambda to make the new version active"));
        }
        let version = answer.version().unwrap_or_default().to_owned();
        let description = description(&version);
        Ok((version, description))
    }

    /// The aliases called `name` of the functions that are ours.
    pub async fn sweep(aws: &Aws, name: &str, logical: impl Fn(&str) -> Option<String>) -> Result<Vec<Stray<Aws>>> {
        let mut strays = Vec::new();
        for (logical, function) in Function::ours(aws, logical).await? {
            if let Some(live) = read(aws, &function.output.name, name).await? {
                strays.push(Stray::new(&logical, live.spec, live.output).part_of(Id::new::<Function>(&logical)));
            }
        }
        Ok(strays)
    }
}

impl Handle<Alias> {
    /// Its name; whoever refers to it waits for the alias.
    pub fn name(&self, name: &str) -> Ref<String> {
        self.known("name", name.to_owned())
    }
}

async fn read(aws: &Aws, function: &str, name: &str) -> Result<Option<Live<Alias>>> {
    let answer: Rc<Option<_>> = aws
        .shared("lambda", &format!("alias/{function}/{name}"), || async {
            aws.read("lambda:GetAlias", || aws.lambda.get_alias().function_name(function).name(name).send()).await.optional()
        })
        .await?;
    Ok(answer.as_ref().as_ref().map(|alias| {
        let version = alias.function_version().unwrap_or_default().to_owned();
        let shares = alias.routing_config().and_then(|routing| routing.additional_version_weights());
        let spec = Alias {
            function: function.to_owned().into(),
            name: name.to_owned(),
            release: Some(release(alias.description().unwrap_or_default(), &version)),
            shares: shares.into_iter().flatten().map(|(version, share)| (version.clone(), *share)).collect(),
            code_sha256: None,
            version: None,
        };
        let arn = alias.alias_arn().unwrap_or_default().to_owned();
        let release = spec.release.clone().unwrap_or_default();
        Live::part(spec, AliasOutput { arn, version, release, function: function.to_owned() })
    }))
}

/// The release that a description names, if it is about this version.
fn release(description: &str, version: &str) -> String {
    match description.split(' ').collect::<Vec<_>>()[..] {
        [MARK, of, release] if of == version => release.to_owned(),
        _ => format!("version {version}, which no release moved it to"),
    }
}

#[cfg(test)]
mod tests {
    use super::release;

    #[test]
    fn a_description_counts_only_for_the_version_it_names() {
        assert_eq!(release("liveinsight 7 abc", "7"), "abc");
        assert!(release("liveinsight 7 abc", "6").contains("version 6"));
        assert!(release("", "6").contains("version 6"));
    }
}
