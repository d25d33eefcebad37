//! Settings of a function that most functions leave at Lambda's defaults.
//!
//! The JSON leaves a default out, so a function that declares none of them keeps the fingerprint that it had before they existed. A value that was set
//! by hand where none is declared is a difference like any other.

use aws_sdk_lambda::{
    operation::{
        create_function::builders::CreateFunctionFluentBuilder,
        update_function_configuration::builders::UpdateFunctionConfigurationFluentBuilder,
    },
    types::{EphemeralStorage, FunctionConfiguration, LogFormat, LoggingConfig, TracingConfig, TracingMode},
};
use serde::Serialize;

/// Default size of `/tmp`, in MB (Lambda developer guide, "Configure ephemeral storage").
const EPHEMERAL_STORAGE: i32 = 512;

/// Format of log lines that Lambda writes by default.
const TEXT: LogFormat = LogFormat::Text;

/// Settings of a function with defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionSettings {
    /// ARNs of layer versions, in the order in which Lambda unpacks them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<String>,
    /// Set if Lambda samples invocations for X-Ray by itself, rather than as its caller does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tracing: bool,
    /// Size of `/tmp`, in MB.
    #[serde(skip_serializing_if = "is_default_storage")]
    pub ephemeral_storage: i32,
    /// Format of Lambda's own log lines: `Text` or `JSON`.
    #[serde(skip_serializing_if = "is_text")]
    pub log_format: String,
}

impl Default for FunctionSettings {
    fn default() -> Self {
        Self { layers: Vec::new(), tracing: false, ephemeral_storage: EPHEMERAL_STORAGE, log_format: TEXT.as_str().to_owned() }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_default_storage(size: &i32) -> bool {
    *size == EPHEMERAL_STORAGE
}

fn is_text(format: &str) -> bool {
    format == TEXT.as_str()
}

impl FunctionSettings {
    /// Reads the settings of an existing function.
    pub(super) fn of(configuration: &FunctionConfiguration) -> Self {
        let logging = configuration.logging_config();
        Self {
            layers: configuration.layers().iter().filter_map(|layer| layer.arn()).map(str::to_owned).collect(),
            tracing: configuration.tracing_config().and_then(|tracing| tracing.mode()) == Some(&TracingMode::Active),
            ephemeral_storage: configuration.ephemeral_storage().map_or(EPHEMERAL_STORAGE, EphemeralStorage::size),
            log_format: logging.and_then(LoggingConfig::log_format).unwrap_or(&TEXT).as_str().to_owned(),
        }
    }

    /// Adds the settings to the creation of a function, except for the log format.
    pub(super) fn create(&self, request: CreateFunctionFluentBuilder) -> CreateFunctionFluentBuilder {
        let request = request.set_layers(Some(self.layers.clone()).filter(|layers| !layers.is_empty()));
        let request = request.set_tracing_config(self.tracing.then(|| self.tracing_config()));
        request.set_ephemeral_storage((!is_default_storage(&self.ephemeral_storage)).then(|| self.storage()).flatten())
    }

    /// Adds the settings that change to the update of a function, except for the log format. Lambda keeps those that a request leaves out.
    pub(super) fn update(
        &self,
        request: UpdateFunctionConfigurationFluentBuilder,
        changes: impl Fn(&str) -> bool,
    ) -> UpdateFunctionConfigurationFluentBuilder {
        let request = request.set_layers(changes("layers").then(|| self.layers.clone()));
        let request = request.set_tracing_config(changes("tracing").then(|| self.tracing_config()));
        request.set_ephemeral_storage(changes("ephemeral_storage").then(|| self.storage()).flatten())
    }

    /// Sets the log format. Lambda takes levels with the JSON format only.
    pub(super) fn format(&self, logging: &mut LoggingConfig) {
        if is_text(&self.log_format) {
            (logging.application_log_level, logging.system_log_level) = (None, None);
        }
        logging.log_format = Some(LogFormat::from(self.log_format.as_str()));
    }

    fn tracing_config(&self) -> TracingConfig {
        let mode = if self.tracing { TracingMode::Active } else { TracingMode::PassThrough };
        TracingConfig::builder().mode(mode).build()
    }

    fn storage(&self) -> Option<EphemeralStorage> {
        EphemeralStorage::builder().size(self.ephemeral_storage).build().ok()
    }
}
