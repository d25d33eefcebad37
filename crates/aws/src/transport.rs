//! HTTP client that the clients of all services share. Otherwise each would create its own and parse the system's certificates twice: 24 times in
//! all.

use super::object_names::ReadableLists;
use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn};

/// Way to reach an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Directly, to a server on this machine: no proxy, and no certificates, because it speaks plain HTTP.
    Direct,
    /// According to the caller's environment: through the proxy of `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY` unless `NO_PROXY` exempts the host,
    /// with the system's certificates or those of `SSL_CERT_FILE`.
    Environment,
}

/// Creates a connector for a route.
///
/// # Panics
/// Never: an empty trust store is always sound.
pub fn connector(route: Route, settings: Option<HttpConnectorSettings>) -> Connector {
    let mut builder = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    builder = match route {
        Route::Direct => {
            let context = TlsContext::builder().with_trust_store(TrustStore::empty()).build();
            builder.proxy_config(ProxyConfig::disabled()).tls_context(context.expect("an empty trust store is sound"))
        }
        Route::Environment => builder.proxy_config(ProxyConfig::from_env()),
    };
    builder.set_connector_settings(settings);
    builder.build()
}

/// Creates the client of a route. Connections belong to its connectors. There is one connector for each set of timeouts, and all services have
/// the same.
pub(super) fn shared(route: Route) -> SharedHttpClient {
    let client = Builder::new().build_with_connector_fn(move |settings, _| connector(route, settings.cloned()));
    // Not the client itself: it would create one more connector for each service (`validate_base_client_config`).
    http_client_fn(move |settings, components| SharedHttpConnector::new(ReadableLists(client.http_connector(settings, components))))
}
