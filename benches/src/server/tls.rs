//! TLS for the server, with a certificate that only the measured programs trust.

use std::{io::Write, sync::Arc};

use rcgen::CertifiedKey;
use tempfile::NamedTempFile;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use crate::Failure;

/// The certificate that the measured programs trust.
#[derive(Debug)]
pub(super) struct Certificate(NamedTempFile);

impl Certificate {
    /// Makes a self-signed certificate for the loopback address, and its acceptor.
    pub(super) fn new() -> Result<(Self, TlsAcceptor), Failure> {
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let mut file = NamedTempFile::new()?;
        file.write_all(cert.pem().as_bytes())?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(
            vec![cert.der().clone()],
            PrivateKeyDer::try_from(signing_key.serialize_der())?,
        )?;
        Ok((Self(file), TlsAcceptor::from(Arc::new(config))))
    }

    /// The variables that make a program trust it: OpenSSL's, which rustls also reads, and Node.js's.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let path = self.0.path().to_string_lossy();
        ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"]
            .map(|name| (name.to_owned(), path.clone().into_owned()))
            .into()
    }
}
