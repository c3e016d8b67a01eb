//! The folders in which docker and podman keep the certificates of a registry: `ca.crt` and other
//! `*.crt` are roots, and `NAME.cert` with `NAME.key` is a client certificate.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airgap_core::environment::Environment;
use airgap_core::error::{Context, Error, Result};
use airgap_core::read;
use airgap_core::secrets;
use airgap_core::user_path;
use airgap_http::Identity;
use airgap_http::certificate;

/// The largest of these files in bytes, and the most files of one folder.
const LARGEST: u64 = 1 << 20;
const MOST_FILES: usize = 1_000;

/// The certificates in these folders for one registry.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    /// Roots that are trusted for it in addition to all others, as PEM texts.
    pub(super) roots: Vec<String>,
    /// The client certificate that is shown to it.
    pub(super) identity: Option<Arc<Identity>>,
}

impl Certificates {
    /// Reads the certificates for this host, with its port if it has one.
    ///
    /// # Errors
    /// Usage, if a file cannot be read or is not a PEM text.
    pub(super) fn from_environment(environment: &Environment, host: &str) -> Result<Certificates> {
        let mut all = Certificates::default();
        // The name becomes that of a folder, which must not be a path.
        if host.starts_with('.') || host.contains(['/', '\\']) {
            return Ok(all);
        }
        for folder in folders(environment) {
            all.add(&folder.join(host))?;
        }
        Ok(all)
    }

    fn add(&mut self, folder: &Path) -> Result<()> {
        let files = match user_path::list(folder) {
            Ok(files) => files,
            // On some systems only root can read the folders of the whole machine.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::PermissionDenied
                ) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error).doing(|| format!("list `{}`", folder.display())),
        };
        for file in files.into_iter().take(MOST_FILES) {
            match file.extension().and_then(|it| it.to_str()) {
                Some("crt") => self.roots.push(pem(&file)?),
                Some("cert") if self.identity.is_none() => {
                    let (certificate, key) = (pem(&file)?, pem(&file.with_extension("key"))?);
                    secrets::register(key.trim());
                    let origin = file.display().to_string();
                    self.identity = Some(Arc::new(Identity { certificate, key, origin }));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Returns the folders that docker and podman search, the user's own first.
fn folders(environment: &Environment) -> Vec<PathBuf> {
    let config = environment.config_home();
    let own = |name: &str| config.as_ref().map(|it| it.join(name).join("certs.d"));
    let home = environment.home().map(|it| it.join(".docker").join("certs.d"));
    let mut folders: Vec<_> =
        [own("containers"), own("docker"), home].into_iter().flatten().collect();
    if cfg!(unix) {
        folders.extend(["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from));
    }
    folders
}

/// Reads a PEM text.
fn pem(file: &Path) -> Result<String> {
    let wrong = |error: &dyn std::fmt::Display| {
        Error::usage(format!("the certificates in `{}` cannot be used", shown_folder(file)))
            .fact("file", file.display())
            .because(error)
            .hint("`*.crt` are roots, and each `NAME.cert` has its key in `NAME.key`, as PEM texts")
    };
    let read = read::file(file).and_then(|mut opened| read::rest(&mut opened, file, LARGEST));
    let bytes = read.map_err(|error| wrong(&error.one_line()))?;
    match String::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN ") => Ok(text),
        other => {
            let bytes = other.map_or_else(|error| error.into_bytes(), String::into_bytes);
            let error = wrong(&"it is not a PEM text, which starts with `-----BEGIN `");
            Err(certificate::explain(error, &bytes, file))
        }
    }
}

fn shown_folder(file: &Path) -> String {
    file.parent().unwrap_or(file).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\ngeheim\n-----END CERTIFICATE-----\n";

    fn of(files: &[(&str, &str)], host: &str) -> Result<Certificates> {
        airgap_core::secrets::keep_apart();
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let home = folder.path().display().to_string();
        Certificates::from_environment(&Environment::from_pairs(&[("HOME", &home)], "/"), host)
    }

    #[cfg(unix)]
    #[test]
    fn roots_and_client_certificates_of_a_registry_are_found() {
        let files = [
            (".config/containers/certs.d/a.corp:5000/ca.crt", PEM),
            (".config/docker/certs.d/a.corp:5000/other.crt", PEM),
            (".docker/certs.d/a.corp:5000/client.cert", PEM),
            (".docker/certs.d/a.corp:5000/client.key", PEM),
            (".docker/certs.d/a.corp:5000/notes.txt", "mine"),
            (".docker/certs.d/b.corp/ca.crt", "no certificate"),
            (".docker/certs.d/c.corp/client.cert", PEM),
        ];
        let found = of(&files, "a.corp:5000").unwrap();
        assert_eq!(found.roots.len(), 2);
        assert!(found.identity.as_ref().unwrap().origin.ends_with("client.cert"));
        assert!(!format!("{:?}", found.identity).contains("geheim"));
        for none in ["a.corp", "..", "../a.corp:5000"] {
            let found = of(&files, none).unwrap();
            assert!(found.roots.is_empty() && found.identity.is_none(), "{none}");
        }
        let text = of(&files, "b.corp").unwrap_err().to_string();
        assert!(text.contains("certs.d/b.corp") && text.contains("not a PEM text"), "{text}");
        let text = of(&files, "c.corp").unwrap_err().to_string();
        assert!(text.contains("client.key") && text.contains("NAME.key"), "{text}");
    }
}
