//! Settings of functions that have defaults at Lambda: layers, tracing, the size of `/tmp`, the format of log lines.

use super::{FunctionFile, FunctionOverride};
use crate::diagnostic::Problem;
use crate::limits::{EPHEMERAL_STORAGE, LAYERS};
use crate::problems::{Problems, below};
use crate::sections::reference::{self, Scope};
use crate::sections::{Function, Stack};
use aws::{Target, facts::Names};
use resources::FunctionSettings;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Format of a function's log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines of text, as the function writes them.
    Text,
    /// Lambda's own lines as JSON; the function's as it writes them.
    Json,
}

/// Settings as one place of the file has them.
pub(super) struct Written<'a> {
    layers: Option<&'a [String]>,
    tracing: Option<bool>,
    ephemeral_storage: Option<u32>,
    log_format: Option<LogFormat>,
}

impl<'a> Written<'a> {
    pub(super) fn of_file(file: &'a FunctionFile) -> Self {
        let FunctionFile { layers, tracing, ephemeral_storage, log_format, .. } = file;
        Self { layers: layers.as_deref(), tracing: *tracing, ephemeral_storage: *ephemeral_storage, log_format: *log_format }
    }

    pub(super) fn of_override(file: &'a FunctionOverride) -> Self {
        let FunctionOverride { layers, tracing, ephemeral_storage, log_format, .. } = file;
        Self { layers: layers.as_deref(), tracing: *tracing, ephemeral_storage: *ephemeral_storage, log_format: *log_format }
    }

    /// Checks what is the same in all environments.
    pub(super) fn check(&self, scope: &Scope<'_>, path: &[&str], problems: &mut Problems) {
        if let Some(size) = self.ephemeral_storage.filter(|size| !EPHEMERAL_STORAGE.allows((*size).into())) {
            let problem = Problem::new(format!("Lambda has no ephemeral storage of {size} MB"));
            let expected = format!("expected {} to {} (MB)", EPHEMERAL_STORAGE.least, EPHEMERAL_STORAGE.most);
            problems.value(&below(path, &["ephemeral_storage"]), problem.expected(expected));
        }
        let layers = self.layers.unwrap_or_default();
        if !LAYERS.fits(layers.len()) {
            let problem = Problem::new(format!("{} layers are declared, Lambda allows {} for a function", layers.len(), LAYERS.most));
            problems.key(&below(path, &["layers"]), problem.help("put their content into fewer layers, or into the code"));
        }
        for (index, layer) in layers.iter().enumerate() {
            for problem in reference::problems(layer, scope) {
                problems.value(&below(path, &["layers", &index.to_string()]), problem);
            }
        }
    }
}

/// Returns the settings of a function in one environment. References in the ARNs of layers stay as written.
pub(super) fn resolve(file: &FunctionFile, overrides: &FunctionOverride) -> FunctionSettings {
    let (file, overrides, default) = (Written::of_file(file), Written::of_override(overrides), FunctionSettings::default());
    let storage = overrides.ephemeral_storage.or(file.ephemeral_storage).and_then(|size| i32::try_from(size).ok());
    let format = overrides.log_format.or(file.log_format).map(|format| match format {
        LogFormat::Text => "Text".to_owned(),
        LogFormat::Json => "JSON".to_owned(),
    });
    FunctionSettings {
        layers: overrides.layers.or(file.layers).unwrap_or_default().to_vec(),
        tracing: overrides.tracing.or(file.tracing).unwrap_or_default(),
        ephemeral_storage: storage.unwrap_or(default.ephemeral_storage),
        log_format: format.unwrap_or(default.log_format),
    }
}

/// Returns the settings with the values of references in the ARNs of layers.
pub(super) fn resolved(settings: &FunctionSettings, stack: &Stack, names: &Names) -> FunctionSettings {
    // No ARN of a layer has an address in it.
    let layer = |text: &String| reference::resolved(text, stack, names, &|_| String::new());
    FunctionSettings { layers: settings.layers.iter().map(layer).collect(), ..settings.clone() }
}

/// Checks the layers of a function in one environment.
pub(crate) fn check_layers(stack: &Stack, names: &Names, name: &str, function: &Function, problems: &mut Problems) {
    let overridden = ["environments", stack.environment.as_str(), "functions", name, "layers"];
    let path = if problems.document.holds(&overridden) { overridden.to_vec() } else { vec!["functions", name, "layers"] };
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (index, layer) in resolved(&function.settings, stack, names).layers.iter().enumerate() {
        let problem = match LayerVersion::parse(layer) {
            // A wrong reference has its own message.
            _ if layer.contains("${") => continue,
            None => Problem::new(format!("`{layer}` is not the ARN of a layer's version"))
                .expected("expected arn:${partition}:lambda:${region}:ACCOUNT:layer:NAME:VERSION"),
            Some(version) if version.region != stack.region || version.partition != Target::partition_of(&stack.region) => {
                let text = format!("the layer is in {}, the function in {}", version.region, stack.region);
                Problem::new(text).help("Lambda takes layers of its own region: write ${region} in the ARN, if the layer is in each")
            }
            Some(version) => match known.insert(version.layer.to_owned(), index) {
                None => continue,
                Some(_) => Problem::new(format!("the layer {} is named twice", version.layer)).help("Lambda takes one version of a layer"),
            },
        };
        problems.value(&below(&path, &[&index.to_string()]), problem);
    }
}

/// Parts of the ARN of a layer's version.
struct LayerVersion<'a> {
    partition: &'a str,
    region: &'a str,
    /// ARN of the layer.
    layer: &'a str,
}

impl<'a> LayerVersion<'a> {
    /// Parses an ARN as botocore's model of Lambda has it: `LayerVersionArn`.
    fn parse(arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", partition, "lambda", region, account, "layer", name, version] = parts.as_slice() else { return None };
        let is_account = *account == "awslayer" || account.len() == 12 && account.chars().all(|c| c.is_ascii_digit());
        let is_name = (1..=140).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        let is_version = version.parse::<u64>().is_ok_and(|version| version > 0) && !version.starts_with(['0', '+']);
        let layer = &arn[..arn.len() - version.len() - 1];
        (is_account && is_name && is_version && !region.is_empty()).then_some(Self { partition, region, layer })
    }
}

#[cfg(test)]
mod tests {
    use super::LayerVersion;

    #[test]
    fn only_the_arn_of_a_version_is_taken() {
        let layer = |arn: &str| LayerVersion::parse(arn).map(|version| version.layer.to_owned());
        let arn = "arn:aws:lambda:us-east-1:123456789012:layer:some_Layer-1";
        assert_eq!(layer(&format!("{arn}:7")).as_deref(), Some(arn));
        for wrong in ["", ":", ":0", ":07", ":+7", ":latest", ":7:8", ":99999999999999999999999"] {
            assert_eq!(layer(&format!("{arn}{wrong}")), None, "{wrong}");
        }
        assert_eq!(layer("arn:aws:lambda:us-east-1:1234:layer:name:7"), None);
        assert_eq!(layer("arn:aws:lambda:us-east-1:123456789012:function:name:7"), None);
    }
}
