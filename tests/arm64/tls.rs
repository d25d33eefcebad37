//! TLS in front of an HTTP server of this machine, with a certificate that only a certificate authority of its own has signed.

use crate::debian::{Debian, succeed};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// Path of [`Front`]'s files in the folder.
const INSIDE: &str = "/tls";

/// Listener that terminates TLS and runs until the test ends.
pub(crate) struct Front {
    pub(crate) endpoint: String,
    /// Certificate of the authority, for `SSL_CERT_FILE`.
    pub(crate) authority: PathBuf,
    sessions: Arc<Mutex<BTreeSet<String>>>,
}

impl Front {
    /// Starts a listener with new certificates, which it writes to `directory`.
    pub(crate) async fn start(debian: &Debian, directory: &Path, upstream: &str) -> Self {
        make_certificates(debian, directory);
        let certificate = CertificateDer::from_pem_file(directory.join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(directory.join("server.key")).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let sessions = Arc::<Mutex<BTreeSet<String>>>::default();
        let (upstream, seen) = (upstream.trim_start_matches("http://").to_owned(), sessions.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, upstream, seen) = (acceptor.clone(), upstream.clone(), seen.clone());
                tokio::spawn(async move {
                    // A client that does not trust the certificate hangs up here.
                    let mut client = acceptor.accept(client).await?;
                    let version = client.get_ref().1.protocol_version();
                    seen.lock().unwrap().insert(format!("{version:?}"));
                    tokio::io::copy_bidirectional(&mut client, &mut TcpStream::connect(upstream).await?).await
                });
            }
        });
        Self { endpoint, authority: directory.join("authority.pem"), sessions }
    }

    /// Returns the TLS versions that clients negotiated since the last call.
    pub(crate) fn sessions(&self) -> Vec<String> {
        std::mem::take(&mut *self.sessions.lock().unwrap()).into_iter().collect()
    }
}

fn make_certificates(debian: &Debian, directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    let new = |name: &str, subject: &str, extensions: &[&str], more: &[&str]| {
        let (key, certificate) = (format!("{INSIDE}/{name}.key"), format!("{INSIDE}/{name}.pem"));
        let mut arguments = vec!["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"];
        arguments.extend(["-days", "30", "-subj", subject, "-keyout", &key, "-out", &certificate]);
        arguments.extend(extensions.iter().flat_map(|extension| ["-addext", *extension]));
        arguments.extend(more);
        succeed("openssl", &mut debian.enter(&[(directory, INSIDE)], &arguments));
    };
    new("authority", "/CN=liveinsight test authority", &["basicConstraints=critical,CA:TRUE"], &[]);
    let (authority, key) = (format!("{INSIDE}/authority.pem"), format!("{INSIDE}/authority.key"));
    let extensions = ["basicConstraints=critical,CA:FALSE", "subjectAltName=DNS:localhost"];
    new("server", "/CN=localhost", &extensions, &["-CA", &authority, "-CAkey", &key]);
}
