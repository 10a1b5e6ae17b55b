//! Certificates from files, checked before the first alert: which authorities to trust, and who we are.

use crate::options::HttpOptions;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// Where the system keeps its authorities; naming it asks for what is done anyway.
const SYSTEM: &str = "/etc/ssl/certs";

pub(crate) fn config(options: &HttpOptions) -> Result<TlsConfig, String> {
    let roots = match (&options.ca_cert, &options.ca_bundle, &options.ca_path) {
        (Some(file), _, _) | (None, Some(file), _) => authorities(read(file)?, file)?,
        (None, None, Some(directory)) if directory != Path::new(SYSTEM) => authorities(read_directory(directory)?, directory)?,
        _ => RootCerts::PlatformVerifier,
    };
    let named = options.client_cert.is_some() && options.client_key.is_some();
    let client = if options.mtls.unwrap_or(named) { Some(client(options)?) } else { None };
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .root_certs(roots)
        .client_cert(client)
        .disable_verification(options.insecure)
        .build())
}

fn authorities(certificates: Vec<CertificateDer<'static>>, place: &Path) -> Result<RootCerts, String> {
    let mut store = RootCertStore::empty();
    // A bundle of a system may hold certificates that are too odd to be used; one usable is enough.
    let (usable, _) = store.add_parsable_certificates(certificates.iter().cloned());
    if usable == 0 {
        return Err(format!("`{}` holds no certificate of an authority", place.display()));
    }
    Ok(RootCerts::Specific(Arc::new(certificates.into_iter().map(own).collect())))
}

fn client(options: &HttpOptions) -> Result<ClientCert, String> {
    let (Some(certificate), Some(key)) = (&options.client_cert, &options.client_key) else {
        return Err("mTLS needs `client_cert` and `client_key`".to_owned());
    };
    let chain = read(certificate)?;
    let unreadable = |error: &dyn std::fmt::Display| format!("`{}` holds no private key: {error}", key.display());
    let pem = std::fs::read(key).map_err(|error| unreadable(&error))?;
    let key_der = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| unreadable(&error))?;
    // The HTTP client takes for granted that they fit.
    CertifiedKey::from_der(chain.clone(), key_der, &ring::default_provider())
        .map_err(|error| format!("`{}` and `{}` do not make a client certificate: {error}", certificate.display(), key.display()))?;
    let own_key = PrivateKey::from_pem(&pem).map_err(|error| unreadable(&error))?;
    let chain: Vec<_> = chain.into_iter().map(own).collect();
    Ok(ClientCert::new_with_certs(&chain, own_key))
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("`{}` cannot be read as certificates: {error}", path.display());
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|error| unreadable(&error))?;
    if certificates.is_empty() { Err(format!("`{}` holds no certificate", path.display())) } else { Ok(certificates) }
}

/// Every certificate in the files of a directory; other files may lie there too.
fn read_directory(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let entries = std::fs::read_dir(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect();
    files.sort();
    let mut certificates: Vec<_> = files.iter().filter_map(|file| read(file).ok()).flatten().collect();
    certificates.sort_by(|left, right| left.as_ref().cmp(right.as_ref()));
    // Systems link each certificate under its hash as well.
    certificates.dedup();
    Ok(certificates)
}

#[expect(clippy::needless_pass_by_value, reason = "the last step of chains that own their items")]
fn own(certificate: CertificateDer<'static>) -> Certificate<'static> {
    Certificate::from_der(certificate.as_ref()).to_owned()
}
