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

#[cfg(test)]
mod tests {
    use crate::testing::{Authority, Pair, Reply, Server, start};
    use std::path::PathBuf;

    struct Files(tempfile::TempDir);

    impl Files {
        fn put(&self, name: &str, text: &str) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    /// A server, who may call it, and what the caller says: delivered, or what the problem ends with.
    #[test]
    fn who_trusts_whom() {
        let files = Files(tempfile::tempdir().unwrap());
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        std::fs::create_dir(files.0.path().join("path")).unwrap();
        let ca = files.put("ca.pem", &ours.pem()).display().to_string();
        let other = files.put("other.pem", &theirs.pem()).display().to_string();
        files.put("path/a.pem", &theirs.pem());
        files.put("path/b.pem", &ours.pem());
        files.put("path/notes.txt", "nothing");
        let directory = files.0.path().join("path").display().to_string();
        let client = |name: &str, authority: &Authority| {
            let Pair(certificate, key) = authority.issue("client");
            let certificate = files.put(&format!("{name}.crt"), &certificate);
            let key = files.put(&format!("{name}.key"), &key);
            format!("client_cert={},client_key={}", certificate.display(), key.display())
        };
        let (known, stranger) = (client("known", &ours), client("stranger", &theirs));
        let table = [
            ("127.0.0.1", false, format!("ca_cert={ca}"), ""),
            ("127.0.0.1", false, format!("ca_bundle={ca}"), ""),
            ("127.0.0.1", false, format!("ca_path={directory}"), ""),
            ("127.0.0.1", false, format!("ca_cert={ca},ca_path={}", "/nowhere"), ""),
            ("127.0.0.1", false, "insecure=true".to_owned(), ""),
            ("127.0.0.1", false, "insecure=false".to_owned(), "UnknownIssuer"),
            ("127.0.0.1", false, "ca_path=/etc/ssl/certs".to_owned(), "UnknownIssuer"),
            ("127.0.0.1", false, format!("ca_cert={other}"), "UnknownIssuer"),
            ("example.org", false, format!("ca_cert={ca}"), "not valid for name"),
            ("127.0.0.1", true, format!("ca_cert={ca},{known}"), ""),
            ("127.0.0.1", true, format!("ca_cert={ca},mtls=true,{known}"), ""),
            ("127.0.0.1", true, format!("ca_cert={ca}"), "refused"),
            ("127.0.0.1", true, format!("ca_cert={ca},mtls=false,{known}"), "refused"),
            ("127.0.0.1", true, format!("ca_cert={ca},{stranger}"), "refused"),
        ];
        for (name, asks, options, problem) in table {
            let server = Server::start_tls(&[Reply::Status("200 OK", "")], Some(ours.server(name, asks.then_some(&ours))));
            let mut run = start(&[&format!("http,proxy=false,{options},url=https://{}/", server.address)]);
            assert_eq!(run.problems, Vec::<String>::new(), "{options}");
            run.send([1]);
            let problems = run.finish();
            if problem.is_empty() {
                assert_eq!((problems, server.bodies().len()), (Vec::new(), 1), "{options}");
                continue;
            }
            assert_eq!((problems.len(), run.tally().failed, server.bodies().len()), (1, 1, 0), "{options}");
            // What the server says when it refuses us may be lost with the connection, so that it is tried again.
            if problem != "refused" {
                assert!(problems[0].contains(problem) && run.tally().retries == 0, "{options}: {problems:?}");
            }
        }
    }

    #[test]
    fn files_that_are_no_certificates() {
        let files = Files(tempfile::tempdir().unwrap());
        let authority = Authority::new("ours");
        let Pair(certificate, key) = authority.issue("client");
        let Pair(_, other) = authority.issue("client");
        let path = |name: &str, text: &str| files.put(name, text).display().to_string();
        let (certificate, key, other) = (path("a.crt", &certificate), path("a.key", &key), path("b.key", &other));
        let empty = path("empty.pem", "");
        let broken = path("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let table = [
            ("ca_cert=/nowhere".to_owned(), "cannot be read as certificates"),
            (format!("ca_cert={empty}"), "holds no certificate"),
            (format!("ca_cert={key}"), "holds no certificate"),
            (format!("ca_cert={broken}"), "holds no certificate of an authority"),
            ("ca_path=/nowhere".to_owned(), "cannot be read"),
            ("mtls=true".to_owned(), "mTLS needs `client_cert` and `client_key`"),
            (format!("client_cert={certificate},client_key={certificate}"), "holds no private key"),
            (format!("client_cert={certificate},client_key=/nowhere"), "holds no private key"),
            (format!("client_cert={key},client_key={key}"), "holds no certificate"),
            (format!("client_cert={certificate},client_key={other}"), "do not make a client certificate"),
            (format!("client_cert={broken},client_key={key}"), "do not make a client certificate"),
        ];
        for (options, problem) in table {
            let run = start(&[&format!("http,{options},url=https://host/secret")]);
            assert!(run.problems.len() == 1 && run.problems[0].contains(problem), "{options}: {:?}", run.problems);
            assert!(!run.problems[0].contains("secret"), "{:?}", run.problems);
        }
    }
}
