//! Credential helper programs: `docker-credential-NAME get`, the registry on stdin, JSON on stdout.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::Credential;
use crate::bounded;
use crate::child::{self, Failure, Limits, Output};
use crate::error::{Error, ErrorKind, Result};

/// The most time that a program may take. It may ask a service, or a user in a window; it runs in
/// the background, where it cannot read from a terminal.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// The most bytes of its output.
const LARGEST: u64 = 64 * 1024;

/// A program that returns the credential of a registry.
pub struct Helper {
    /// The part of its name after `docker-credential-`.
    pub(super) name: String,
    /// The name of the registry in the file.
    pub(super) server: String,
    /// The file that names the program.
    pub(super) file: PathBuf,
    /// The path of the program, if it was found.
    pub(super) program: Option<PathBuf>,
    /// The variables of Bazel's settings, such as `HOME`, which an action does not have.
    pub(super) variables: Vec<(String, String)>,
}

/// Writes `docker-credential-pass by /home/me/.docker/config.json`.
impl fmt::Display for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "docker-credential-{} by {}", self.name, self.file.display())
    }
}

impl Helper {
    /// Runs the program. It is killed when the time is over.
    ///
    /// # Errors
    /// Network, with the program, if it is missing, fails, hangs or prints something that is not a
    /// credential. A program without a credential is not an error.
    pub(super) fn get(&self, limit: Duration) -> Result<Option<Credential>> {
        let output = self.run(limit)?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            if said.to_lowercase().contains("credentials not found") {
                return Ok(None);
            }
            let error = self.failed("failed").fact("ended with", output.status);
            // By the protocol this is a message; a part of a credential must not be repeated.
            let message: String = said.lines().next().unwrap_or("").chars().take(200).collect();
            let is_message = !message.trim().is_empty() && !said.contains('{');
            return Err(if is_message { error.fact("it said", message.trim()) } else { error });
        }
        let garbage = || self.failed("printed something that is not a credential");
        let Ok(Value::Object(answer)) = bounded::json(&*said) else { return Err(garbage()) };
        let field = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(username), Some(secret)) = (field("Username"), field("Secret")) else {
            return Err(garbage());
        };
        Ok(match username.as_str() {
            _ if secret.is_empty() => None,
            "<token>" => Some(Credential::Refresh(secret)),
            _ => Some(Credential::Basic { username, password: secret }),
        })
    }

    fn run(&self, limit: Duration) -> Result<Output> {
        let program = self.program.as_ref().ok_or_else(|| self.absent())?;
        let mut command = Command::new(program);
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).arg("get");
        let limits = Limits { time: limit, stdout: LARGEST, stderr: 0, memory: None };
        child::run(command, self.server.as_bytes(), limits).map_err(|failure| match failure {
            Failure::Start(error) => self.failed("cannot be started").because(error),
            Failure::Watch(error) => self.failed("cannot be watched").because(error),
            Failure::Time => self
                .failed(&format!("did not answer within {} s", limit.as_secs_f64()))
                .hint("it cannot ask for a password on a terminal here"),
            Failure::Size => self.failed("printed more than the limit for a credential"),
        })
    }

    fn absent(&self) -> Error {
        self.error("is not on PATH").hint(format!(
            "install it, or remove `{}` from the `credsStore` or `credHelpers` of `{}` and log in \
             again",
            self.name,
            self.file.display()
        ))
    }

    fn error(&self, what: &str) -> Error {
        let program = format!("the credential helper `docker-credential-{}` {what}", self.name);
        Error::new(ErrorKind::Network, program)
            .fact("asked for", &self.server)
            .fact("named in", self.file.display())
    }

    fn failed(&self, what: &str) -> Error {
        self.error(what).hint(format!(
            "run it by hand: `echo {} | docker-credential-{} get`; or remove it from that file",
            self.server, self.name
        ))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::Path;

    use super::*;

    /// All cases are in one test: a script that is written while another thread starts a program is
    /// busy.
    #[test]
    fn credential_helpers_give_credentials_or_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, script: &str| {
            use std::os::unix::fs::PermissionsExt;

            let path = folder.path().join(format!("docker-credential-{name}"));
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            Helper {
                name: name.to_owned(),
                server: "registry.corp".to_owned(),
                file: Path::new("/h/config.json").to_owned(),
                program: Some(path),
                variables: Vec::new(),
            }
        };
        let not_found = "echo 'credentials not found in native keychain'; exit 1";
        let answers = [
            // It returns its input and its argument.
            write("good", r#"printf '{"Username":"%s","Secret":"s-%s"}' "$1" "$(cat)""#),
            write("token", r#"echo '{"ServerURL":"x","Username":"<token>","Secret":"t"}'"#),
            write("deaf", r#"exec <&-; echo '{"Username":"u","Secret":"p"}'"#),
            write("empty", r#"echo '{"Username":"","Secret":""}'"#),
            write("none", not_found),
        ];
        let failures = [
            (write("fails", "echo 'the keychain is locked'; exit 3"), "the keychain is locked"),
            (write("mixed", r#"echo '{"Secret":"geheim"'; exit 1"#), "failed"),
            (write("garbage", "echo geheim"), "is not a credential"),
            (write("half", r#"echo '{"Username":"geheim"}'"#), "is not a credential"),
            (write("endless", "exec yes geheim"), "more than"),
            (write("long", "head -c 100000 /dev/zero"), "more than"),
            (write("hangs", "sleep 600"), "did not answer"),
            (write("leaves", "sleep 600 & echo '{}'"), "did not answer"),
            (Helper { program: None, ..write("gone", "") }, "is not on PATH"),
            (Helper { program: None, ..write("gone", "") }, "from the `credsStore`"),
        ];
        let basic = |username: &str, password: &str| {
            let (username, password) = (username.to_owned(), password.to_owned());
            Some(Credential::Basic { username, password })
        };
        let expected = [
            basic("get", "s-registry.corp"),
            Some(Credential::Refresh("t".to_owned())),
            basic("u", "p"),
            None,
            None,
        ];
        for (helper, expected) in answers.iter().zip(expected) {
            assert!(helper.get(LIMIT).unwrap() == expected, "{helper}");
        }
        for (helper, words) in failures {
            let hangs = words == "did not answer";
            let limit = if hangs { Duration::from_millis(200) } else { LIMIT };
            let error = helper.get(limit).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Network, "{helper}");
            let text = error.to_string();
            let name = format!("docker-credential-{}", helper.name);
            assert!(text.contains(words) && text.contains(&name), "{text}");
            assert!(!text.contains("geheim"), "{text}");
        }
    }
}
