//! The HTTP client that all services' clients share. Each would otherwise make its own, and with it read the system's certificates again,
//! twice: 24 times in all, which took longer than everything else that an unchanged run computes.

use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector},
    runtime_components::RuntimeComponents,
};

/// One client, made with the first request.
#[derive(Debug)]
pub(super) struct Transport(SharedHttpClient);

impl Transport {
    pub(super) fn new() -> Self {
        Self(Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https())
    }
}

impl HttpClient for Transport {
    // The connections belong to the connector, of which there is one for each set of timeouts, and all have the same.
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    // What is deliberately not passed on is `validate_base_client_config`: it makes a connector for nothing.
}
