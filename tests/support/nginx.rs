//! A real nginx on loopback that serves a folder, as users do with a vendor folder.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A running server; stopped when dropped.
pub struct Nginx {
    child: Child,
    port: u16,
    log: PathBuf,
    _state: tempfile::TempDir,
}

impl Nginx {
    /// Serves `folder` and waits until it answers.
    pub fn serve(folder: &Path) -> Nginx {
        Nginx::start(&format!("root {};", folder.display()))
    }

    /// Serves `folder` to users whose `name:{PLAIN}password` is in the file `users`.
    #[allow(dead_code, reason = "not all test programs have one")]
    pub fn guarded(folder: &Path, users: &Path) -> Nginx {
        let (folder, users) = (folder.display(), users.display());
        Nginx::start(&format!("root {folder}; auth_basic x; auth_basic_user_file {users};"))
    }

    /// Stores uploads by WebDAV: an HTTP cache for Bazel.
    #[allow(dead_code, reason = "not all test programs have one")]
    pub fn for_writing(folder: &Path) -> Nginx {
        fs::create_dir_all(folder).unwrap();
        Nginx::start(&format!(
            "client_max_body_size 0; root {}; dav_methods PUT; create_full_put_path on;",
            folder.display()
        ))
    }

    /// Forwards to another server, with nginx's own limit for the size of an upload.
    #[allow(dead_code, reason = "not all test programs have one")]
    pub fn before(port: u16) -> Nginx {
        Nginx::start(&format!(
            "client_max_body_size 1m; location / {{ proxy_pass http://127.0.0.1:{port}; \
             proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme; }}"
        ))
    }

    fn start(server: &str) -> Nginx {
        let state = tempfile::TempDir::new().unwrap();
        // The port is free again when the listener is dropped, and no other process requests it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = state.path().join("access.log");
        let config = state.path().join("nginx.conf");
        fs::write(
            &config,
            format!(
                "daemon off; worker_processes 1; user root; pid {0}/pid; error_log {0}/error.log;\n\
                 events {{}}\n\
                 http {{ access_log {0}/access.log; client_body_temp_path {0}/body;\n\
                 server {{ listen 127.0.0.1:{port}; {server} }} }}\n",
                state.path().display(),
            ),
        )
        .unwrap();
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is not installed: scripts/install-tools");
        let mut server = Nginx { child, port, log, _state: state };
        server.wait();
        server
    }

    /// Returns the address of the folder.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the paths of the requests so far, in order.
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter_map(|line| Some(line.split(' ').nth(6)?.to_owned())).collect()
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "nginx ended at once");
            assert!(Instant::now() < deadline, "nginx does not answer");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that the master ends its worker too.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
