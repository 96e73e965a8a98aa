//! The certificate of the deployed addresses, from an authority that only this machine's processes trust.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use crate::{StackError, values};

/// The authority's own certificate, as a file and as text.
#[derive(Debug)]
pub(super) struct Certificate {
    authority: PathBuf,
    pem: String,
}

impl Certificate {
    /// Makes an authority, and an acceptor with its certificate for every address that AWS could give the functions.
    pub(super) fn new(folder: &Path) -> Result<(Self, TlsAcceptor), StackError> {
        let (pem, config) = made().map_err(|error| StackError::Certificate(error.to_string()))?;
        fs::create_dir_all(folder)?;
        let authority = folder.join("authority.pem");
        fs::write(&authority, &pem)?;
        Ok((Self { authority, pem }, TlsAcceptor::from(Arc::new(config))))
    }

    /// The file that clients trust.
    pub(super) fn authority(&self) -> &Path {
        &self.authority
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }
}

fn made() -> Result<(String, ServerConfig), loopback::Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    // With the default name, which the certificate has too, OpenSSL would consider that one self-signed.
    authority.distinguished_name.push(DnType::CommonName, "local authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate()?;
    let root = authority.self_signed(&key)?;
    let issuer = Issuer::new(authority, key);

    let region = values::REGION;
    let mut names = CertificateParams::new(vec![
        format!("*.execute-api.{region}.amazonaws.com"),
        format!("*.lambda-url.{region}.on.aws"),
    ])?;
    names.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = names.signed_by(&key, &issuer)?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(
        vec![certificate.der().clone()],
        PrivateKeyDer::try_from(key.serialize_der())?,
    )?;
    Ok((root.pem(), config))
}
