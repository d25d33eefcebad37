//! The HTTP client that all services' clients share. Each would otherwise make its own, and with it parse the system's certificates twice: 24
//! times in all.

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient, http_client_fn};

/// One client, through the proxy that the environment names. Connections belong to its connectors, of which there is one for each set of
/// timeouts, and all services have the same.
pub(super) fn shared() -> SharedHttpClient {
    let client = Builder::new().build_with_connector_fn(|settings, _| {
        let mut connector = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.build()
    });
    // Not the client itself: it would make one more connector for each service (`validate_base_client_config`).
    http_client_fn(move |settings, components| client.http_connector(settings, components))
}
