//! A real docker-registry on loopback, with its storage in a separate folder.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::authority::Authority;

/// The user `alice` with the password `p1`, as htpasswd writes them with bcrypt.
const HTPASSWD: &str = "alice:$2b$04$KGmDJCJNX4BiEbxZvYU7ouyH9h3TMlM3.6IdPYNWsAgyiePO93sGS\n";

/// A running registry; stopped when dropped.
pub struct Registry {
    child: Child,
    port: u16,
    name: &'static str,
    state: tempfile::TempDir,
}

impl Registry {
    /// Starts a registry without a login, in plain http.
    pub fn open() -> Registry {
        Registry::start("127.0.0.1", false, None)
    }

    /// Starts a registry for alice.
    pub fn for_alice() -> Registry {
        Registry::start("127.0.0.1", true, None)
    }

    /// Starts a registry with a certificate of this authority for `localhost`.
    pub fn with_tls(authority: &Authority) -> Registry {
        Registry::start("localhost", false, Some(authority))
    }

    fn start(name: &'static str, auth: bool, authority: Option<&Authority>) -> Registry {
        let state = tempfile::TempDir::new().unwrap();
        let folder = state.path();
        // The port is free again when the listener is dropped, and no other process requests it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: {0}/storage}}, delete: {{enabled: true}}}}\n\
             http:\n  addr: 127.0.0.1:{port}\n",
            folder.display()
        );
        if let Some(authority) = authority {
            let (certificate, key) = authority.write_server(name, folder);
            config.push_str(&format!(
                "  tls: {{certificate: {}, key: {}}}\n",
                certificate.display(),
                key.display()
            ));
        }
        if auth {
            let passwords = folder.join("htpasswd");
            fs::write(&passwords, HTPASSWD).unwrap();
            config.push_str(&format!(
                "auth: {{htpasswd: {{realm: test, path: {}}}}}\n",
                passwords.display()
            ));
        }
        let path = folder.join("config.yml");
        fs::write(&path, config).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .expect("docker-registry is not installed: scripts/install-tools");
        let mut registry = Registry { child, port, name, state };
        registry.wait();
        registry
    }

    /// Returns its host and port, as in references.
    pub fn host(&self) -> String {
        format!("{}:{}", self.name, self.port)
    }

    /// Returns its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || fs::read_to_string(self.state.path().join("log")).unwrap_or_default();
            assert!(self.child.try_wait().unwrap().is_none(), "it ended at once: {}", log());
            assert!(Instant::now() < deadline, "docker-registry does not answer: {}", log());
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
