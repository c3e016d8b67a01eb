//! The credential files of docker and podman.
//!
//! Own code: `docker_credential` waits for a helper program without a limit, fails for an identity
//! token, and does not know entries for a part of a registry.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::helper;
pub use super::helper::Helper;
use super::{Credential, pair};
use crate::bounded;
use crate::environment::{self as env, Environment};
use crate::error::{Context, Error, Result};
use crate::read;
use crate::regular_file;
use crate::user_path;

/// The largest credential file in bytes.
const LARGEST: u64 = 1 << 20;

/// The credential file of docker before version 1.7, in the home folder.
const OLD_FILE: &str = ".dockercfg";

/// The name of Docker Hub in credential files and for helper programs.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// The credential files, in the order in which they are searched.
pub struct Stores {
    files: Vec<PathBuf>,
    /// Returns the canonical name of a registry that has several.
    canonical: fn(&str) -> String,
    environment: Environment,
}

/// The place of a credential for a host.
pub enum StoredCredential {
    /// An entry of a file.
    Stored {
        /// The file.
        file: PathBuf,
        /// The key of the entry in `auths`.
        key: String,
        /// The entry.
        entry: Map<String, Value>,
    },
    /// A helper program.
    Helper(Helper),
}

impl Stores {
    /// Creates a reader of the files that these variables select. `canonical` returns the canonical
    /// name of a registry that has several, such as Docker Hub.
    pub fn from_environment(environment: &Environment, canonical: fn(&str) -> String) -> Stores {
        let files = files(environment, login_folder());
        Stores { files, canonical, environment: environment.clone() }
    }

    /// Returns the files that exist, and those whose existence cannot be checked.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let is_there = |file: &&Path| user_path::is_file(file).unwrap_or(true);
        self.files.iter().map(PathBuf::as_path).filter(is_there)
    }

    /// Returns the places of credentials for `host`, or for the part of it that `path` is; the most
    /// specific first. Reads no secret.
    ///
    /// # Errors
    /// Usage, if a file cannot be read or is not a credential file.
    pub fn find(&self, host: &str, path: &str) -> Result<Vec<StoredCredential>> {
        let mut found = Vec::new();
        for (file, content) in self.contents()? {
            self.in_file(&file, &content, (host, path), &mut found)?;
        }
        Ok(found)
    }

    /// Returns the entries for parts of `host`, each with the path of the part. Reads no secret.
    ///
    /// # Errors
    /// The errors of [`Stores::find`].
    pub fn parts(&self, host: &str) -> Result<Vec<(String, StoredCredential)>> {
        let mut parts: Vec<(String, StoredCredential)> = Vec::new();
        for (file, content) in self.contents()? {
            for (key, entry) in section(&file, &content, "auths")?.into_iter().flatten() {
                let HostKey { host: its, path } = self.key(key);
                let is_new = parts.iter().all(|(known, _)| *known != path);
                let Some(entry) = entry.as_object().filter(|_| its == host && is_new) else {
                    continue;
                };
                if !path.is_empty() {
                    let (file, key, entry) = (file.clone(), key.clone(), entry.clone());
                    parts.push((path, StoredCredential::Stored { file, key, entry }));
                }
            }
        }
        Ok(parts)
    }

    /// Reads all files that are there.
    fn contents(&self) -> Result<Vec<(PathBuf, Map<String, Value>)>> {
        let mut contents = Vec::new();
        if let Some(text) = self.environment.get(env::DOCKER_AUTH_CONFIG) {
            contents.push((PathBuf::from(env::DOCKER_AUTH_CONFIG), inline(text)?));
        }
        self.check_docker_folder()?;
        for file in &self.files {
            if let Some(content) = content(file)? {
                contents.push((file.clone(), content));
            }
        }
        Ok(contents)
    }

    /// Checks that `DOCKER_CONFIG` does not name a file, which nothing would be read from.
    fn check_docker_folder(&self) -> Result<()> {
        let Some(folder) = self.environment.get(env::DOCKER_CONFIG) else { return Ok(()) };
        match user_path::is_file(Path::new(folder)) {
            Ok(true) => {
                let name = env::DOCKER_CONFIG;
                Err(Error::usage(format!("{name} names a file; it must name a folder"))
                    .fact("found", folder)
                    .hint(format!("set {name} to the folder in which `config.json` is")))
            }
            _ => Ok(()),
        }
    }

    fn in_file(
        &self,
        file: &Path,
        content: &Map<String, Value>,
        (host, path): (&str, &str),
        found: &mut Vec<StoredCredential>,
    ) -> Result<()> {
        let helpers = section(file, content, "credHelpers")?.into_iter().flatten();
        // An empty name says that no program is asked for this registry.
        let is_named = |(_, program): &(&String, &Value)| program.as_str() != Some("");
        for (key, program) in helpers.filter(is_named) {
            if self.key(key).covers(host, "") {
                let server = if host == "docker.io" { DOCKER_HUB } else { key };
                found.push(StoredCredential::Helper(self.helper(file, program, server)?));
            }
        }
        let mut stored: Vec<_> = section(file, content, "auths")?
            .into_iter()
            .flatten()
            .filter(|(key, _)| self.key(key).covers(host, path))
            .filter_map(|(key, entry)| Some((key, entry.as_object()?)))
            // With a `credsStore`, docker leaves an empty entry for each registry.
            .filter(|(_, entry)| {
                entry.values().any(|value| value.as_str().is_some_and(|it| !it.is_empty()))
            })
            .collect();
        stored.sort_by_key(|(key, _)| std::cmp::Reverse(self.key(key).path.len()));
        found.extend(stored.into_iter().map(|(key, entry)| StoredCredential::Stored {
            file: file.to_owned(),
            key: key.clone(),
            entry: entry.clone(),
        }));
        if let Some(program) = content.get("credsStore").filter(|it| it.as_str() != Some("")) {
            let server = if host == "docker.io" { DOCKER_HUB } else { host };
            found.push(StoredCredential::Helper(self.helper(file, program, server)?));
        }
        Ok(())
    }

    fn key(&self, key: &str) -> HostKey {
        HostKey::parse(key, self.canonical)
    }

    fn helper(&self, file: &Path, program: &Value, server: &str) -> Result<Helper> {
        let name = program.as_str().unwrap_or_default();
        // It becomes the name of a program, which must not be a path outside of PATH.
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(sound) {
            return Err(bad(file, "it names a credential helper whose name is not a plain word"));
        }
        let program = self.environment.program(&format!("docker-credential-{name}"));
        let (name, server, file) = (name.to_owned(), server.to_owned(), file.to_owned());
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let variables = self.environment.inherited().map(own).collect();
        Ok(Helper { name, server, file, program, variables })
    }
}

impl StoredCredential {
    /// Returns its place, for messages.
    pub fn origin(&self) -> String {
        match self {
            StoredCredential::Stored { file, key, .. } => format!("`{key}` in {}", file.display()),
            StoredCredential::Helper(helper) => helper.to_string(),
        }
    }

    /// Returns the secret, from the file or the helper program.
    ///
    /// # Errors
    /// Usage, if the entry is invalid; network, if the helper fails.
    pub fn credential(&self) -> Result<Option<Credential>> {
        match self {
            StoredCredential::Stored { file, key, entry } => stored(file, key, entry),
            StoredCredential::Helper(helper) => helper.get(helper::LIMIT),
        }
    }
}

/// Returns the files in which docker and podman store logins. `login` is the folder for logins that
/// last as long as the user's session, if no variable names one.
fn files(environment: &Environment, login: Option<PathBuf>) -> Vec<PathBuf> {
    let home = environment.home();
    let docker = environment.get(env::DOCKER_CONFIG).map(PathBuf::from);
    let docker = docker.or_else(|| Some(home?.join(".docker")));
    let podman = match environment.get(env::REGISTRY_AUTH_FILE) {
        Some(file) => vec![PathBuf::from(file)],
        None => {
            let runtime = match environment.get(env::XDG_RUNTIME_DIR) {
                Some(folder) => Some(Path::new(folder).join("containers")),
                None => login,
            };
            // Even with XDG_CONFIG_HOME, some versions of podman write below `.config`.
            let usual = home.map(|home| home.join(".config"));
            let mut configs: Vec<_> = environment.config_home().into_iter().chain(usual).collect();
            configs.dedup();
            let configs = configs.into_iter().map(|folder| folder.join("containers"));
            runtime.into_iter().chain(configs).map(|folder| folder.join("auth.json")).collect()
        }
    };
    let old = home.map(|home| home.join(OLD_FILE));
    docker.map(|folder| folder.join("config.json")).into_iter().chain(podman).chain(old).collect()
}

/// Returns the folder in which podman and skopeo store logins if XDG_RUNTIME_DIR is not set, as for
/// cron, sudo and containers.
#[cfg(target_os = "linux")]
fn login_folder() -> Option<PathBuf> {
    Some(PathBuf::from(format!("/run/containers/{}", rustix::process::getuid().as_raw())))
}

#[cfg(not(target_os = "linux"))]
fn login_folder() -> Option<PathBuf> {
    None
}

fn content(file: &Path) -> Result<Option<Map<String, Value>>> {
    let mut opened = match regular_file::open(file) {
        Ok(opened) => opened,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => {
            let say = || format!("read the credential file `{}`", file.display());
            return Err(error).doing(say).map_err(|error| Error::usage(error.one_line()));
        }
    };
    let bytes = read::rest(&mut opened, file, LARGEST)?;
    let content = parsed(file, &bytes)?;
    Ok(Some(match file.ends_with(OLD_FILE) {
        // The whole file has the entries that are below `auths` in newer files.
        true => Map::from_iter([("auths".to_owned(), Value::Object(content))]),
        false => content,
    }))
}

/// Returns an object in a file; `None` if the file does not have it.
fn section<'a>(
    file: &Path,
    content: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>> {
    match content.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(section)) => Ok(Some(section)),
        Some(_) => Err(bad(file, &format!("`{name}` is not an object"))),
    }
}

/// Reads the value of the variable that holds the content of a file.
fn inline(text: &str) -> Result<Map<String, Value>> {
    let name = Path::new(env::DOCKER_AUTH_CONFIG);
    parsed(name, text.as_bytes()).map_err(|error| {
        error.first_hint(
            "the variable holds the content of a `config.json`; to name the file, set DOCKER_CONFIG to \
             its folder",
        )
    })
}

fn parsed(file: &Path, bytes: &[u8]) -> Result<Map<String, Value>> {
    // An empty file has no logins, as for docker and podman.
    if bytes.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    // Only the place: the words of a type error would repeat what is there.
    match bounded::json(bytes) {
        Ok(Value::Object(content)) => Ok(content),
        Ok(_) => Err(bad(file, "it is not a JSON object")),
        Err(error) => Err(bad(
            file,
            &format!("it is not JSON (line {}, column {})", error.line(), error.column()),
        )),
    }
}

/// The host and path of a key of `auths`.
struct HostKey {
    host: String,
    path: String,
}

impl HostKey {
    fn parse(key: &str, canonical: fn(&str) -> String) -> HostKey {
        let bare = key.split_once("://").map_or(key, |(_, rest)| rest).trim_end_matches('/');
        let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
        // An address is the API of a registry, and does not select repositories.
        let is_address = bare.len() != key.len() || matches!(path, "v1" | "v2");
        HostKey {
            host: canonical(host),
            path: if is_address { String::new() } else { path.to_owned() },
        }
    }

    fn covers(&self, host: &str, path: &str) -> bool {
        let below = path.strip_prefix(self.path.as_str());
        let part = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.host == host && (self.path.is_empty() || part)
    }
}

fn stored(file: &Path, key: &str, entry: &Map<String, Value>) -> Result<Option<Credential>> {
    let text = |name: &str| {
        let text = entry.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    if let Some(token) = text("identitytoken") {
        return Ok(Some(Credential::Refresh(token)));
    }
    if let Some(token) = text("registrytoken") {
        return Ok(Some(Credential::Bearer(token)));
    }
    if let Some(auth) = text("auth") {
        let (username, password) = pair(&auth).ok_or_else(|| {
            bad(file, &format!("`auth` of `{key}` is not the base64 form of `user:password`"))
        })?;
        return Ok(Some(Credential::Basic { username, password }));
    }
    Ok(text("username").map(|username| {
        let password = text("password").unwrap_or_default();
        Credential::Basic { username, password }
    }))
}

fn bad(file: &Path, problem: &str) -> Error {
    Error::usage(format!("the credential file `{}` cannot be used", file.display()))
        .because(problem)
        .hint("log in again with `docker login` or `podman login`, or fix the file by hand")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the name of Docker Hub for its other names.
    fn canonical(host: &str) -> String {
        match host.to_ascii_lowercase().as_str() {
            "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
            other => other.to_owned(),
        }
    }

    /// Returns the places of credentials for a registry with these files and variables; both are
    /// paths in a folder. A helper program is shown by its name and its input.
    fn find(
        files: &[(&str, &str)],
        variables: &[(&str, &str)],
        asked: &str,
    ) -> Result<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let values: Vec<_> = variables
            .iter()
            .map(|(_, path)| folder.path().join(path).display().to_string())
            .collect();
        // This variable has the content itself, and not a path.
        let mut pairs = Vec::new();
        for ((name, text), path) in variables.iter().zip(&values) {
            let is_content = *name == env::DOCKER_AUTH_CONFIG;
            pairs.push((*name, if is_content { *text } else { path.as_str() }));
        }
        let environment = Environment::from_pairs(&pairs, "/");
        let files = super::files(&environment, Some(folder.path().join("login/containers")));
        let stores = Stores { files, canonical, environment };
        let (host, path) = asked.split_once('/').unwrap_or((asked, ""));
        let shown = |found: &StoredCredential| match found {
            StoredCredential::Helper(helper) => {
                Ok(format!("{} for {}", helper.name, helper.server))
            }
            StoredCredential::Stored { .. } => Ok(match found.credential()? {
                Some(Credential::Basic { username, password }) => format!("{username}:{password}"),
                Some(Credential::Refresh(token)) => format!("refresh {token}"),
                Some(Credential::Bearer(token)) => format!("bearer {token}"),
                Some(Credential::Anonymous) | None => "nobody".to_owned(),
            }),
        };
        stores.find(&canonical(host), path)?.iter().map(shown).collect()
    }

    fn in_docker(content: &str, asked: &str) -> Result<Vec<String>> {
        find(&[(".docker/config.json", content)], &[("HOME", "")], asked)
    }

    #[test]
    fn each_form_of_an_auths_entry_is_read() {
        for (entry, expected) in [
            (r#"{"auth":"dXNlcjpwOnc="}"#, "user:p:w"),
            (r#"{"auth":"dXNlcjpwOnc"}"#, "user:p:w"),
            (r#"{"username":"u","password":"p"}"#, "u:p"),
            (r#"{"auth":"dTpw","identitytoken":"t"}"#, "refresh t"),
            (r#"{"registrytoken":"t"}"#, "bearer t"),
            (r#"{"email":"me@corp"}"#, "nobody"),
        ] {
            let content = format!(r#"{{"auths":{{"a.corp":{entry}}}}}"#);
            assert_eq!(in_docker(&content, "a.corp").unwrap(), [expected], "{entry}");
        }
        for none in [r#"{}"#, r#"{"auths":{"a.corp":{}}}"#, r#"{"auths":null,"credsStore":""}"#] {
            assert!(in_docker(none, "a.corp").unwrap().is_empty(), "{none}");
        }
    }

    #[test]
    fn keys_of_auths_are_hosts_urls_and_namespaces() {
        let auths = |keys: &[(&str, &str)]| {
            let entries: Map<String, Value> = keys
                .iter()
                .map(|(key, user)| {
                    ((*key).to_owned(), serde_json::json!({"username": user, "password": "p"}))
                })
                .collect();
            serde_json::json!({ "auths": entries }).to_string()
        };
        let content = auths(&[
            ("a.corp", "host"),
            ("a.corp/org", "org"),
            ("a.corp/org/deep", "deep"),
            ("https://b.corp/v2/", "api"),
            ("c.corp:5000", "port"),
            ("https://index.docker.io/v1/", "hub"),
        ]);
        for (asked, expected) in [
            ("a.corp", &["host:p"][..]),
            ("a.corp/organic/x", &["host:p"]),
            ("a.corp/org/x", &["org:p", "host:p"]),
            ("a.corp/org/deep/x", &["deep:p", "org:p", "host:p"]),
            ("a.corp:443", &[]),
            ("sub.a.corp", &[]),
            ("b.corp/any/thing", &["api:p"]),
            ("c.corp:5000", &["port:p"]),
            ("c.corp", &[]),
            ("docker.io/library/x", &["hub:p"]),
            ("registry-1.docker.io", &["hub:p"]),
        ] {
            assert_eq!(in_docker(&content, asked).unwrap(), expected, "{asked}");
        }
    }

    #[test]
    fn namespaces_of_a_host_have_separate_entries() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, content).unwrap();
            file
        };
        let one = r#"{"auths":{"a.corp":{},"a.corp/org":{"auth":"dTpw"},"b.corp/x":{"auth":"?"}}}"#;
        let two =
            r#"{"auths":{"a.corp/org":{"auth":"eDp5"},"https://a.corp/v1/":{},"a.corp/o/p":{}}}"#;
        let files = vec![write("one", one), write("two", two)];
        let environment = Environment::from_pairs(&[], "/");
        let stores = Stores { files, canonical, environment };
        let parts = stores.parts("a.corp").unwrap();
        let paths: Vec<_> = parts.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["org", "o/p"]);
        assert!(parts[0].1.origin().ends_with("one"), "{}", parts[0].1.origin());
    }

    #[test]
    fn a_helper_without_a_name_is_ignored() {
        let content = r#"{"auths":{"a.corp":{"auth":"dTpw"}},"credHelpers":{"a.corp":""}}"#;
        assert_eq!(in_docker(content, "a.corp").unwrap(), ["u:p"]);
    }

    #[test]
    fn an_empty_file_and_a_byte_order_mark_are_accepted() {
        assert!(in_docker("\n", "a.corp").unwrap().is_empty());
        let content = "\u{feff}{\"auths\":{\"a.corp\":{\"auth\":\"dTpw\"}}}";
        assert_eq!(in_docker(content, "a.corp").unwrap(), ["u:p"]);
    }

    #[test]
    fn a_variable_for_a_folder_that_names_a_file_is_an_error() {
        let files = [("d/config.json", "{}")];
        let error = find(&files, &[("DOCKER_CONFIG", "d/config.json")], "a.corp").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("set DOCKER_CONFIG to the folder"), "{text}");
        let error = find(&[], &[("DOCKER_AUTH_CONFIG", "/h/config.json")], "a.corp").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("the variable holds the content of a `config.json`"), "{text}");
    }

    #[test]
    fn helpers_of_a_host_come_first_and_the_store_for_all_last() {
        let content = r#"{"auths":{"a.corp":{"auth":"dTpw"},"https://index.docker.io/v1/":{}},
            "credHelpers":{"a.corp":"ecr-login","docker.io":"hub"},"credsStore":"pass"}"#;
        let all = in_docker(content, "a.corp/x").unwrap();
        assert_eq!(all, ["ecr-login for a.corp", "u:p", "pass for a.corp"]);
        assert_eq!(in_docker(content, "b.corp").unwrap(), ["pass for b.corp"]);
        let hub = in_docker(content, "docker.io").unwrap();
        assert_eq!(
            hub,
            ["hub for https://index.docker.io/v1/", "pass for https://index.docker.io/v1/"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn files_are_where_docker_and_podman_have_them() {
        let auth = |user: &str| {
            let entry = serde_json::json!({"username": user, "password": "p"});
            serde_json::json!({"auths": {"a.corp": entry}}).to_string()
        };
        let (d, h, r, c, n) = (auth("d"), auth("h"), auth("r"), auth("c"), auth("n"));
        let (l, x, inline) = (auth("l"), auth("x"), auth("i"));
        let old = r#"{"https://a.corp/v1/": {"auth": "bzpw", "email": "me@corp"}}"#;
        let files = [
            ("d/config.json", d.as_str()),
            (".docker/config.json", &h),
            ("run/containers/auth.json", &r),
            (".config/containers/auth.json", &c),
            ("xdg/containers/auth.json", &x),
            ("login/containers/auth.json", &l),
            (".dockercfg", old),
            ("named.json", &n),
        ];
        let home = ("HOME", "");
        let run = ("XDG_RUNTIME_DIR", "run");
        for (variables, expected) in [
            (&[home][..], &["h:p", "l:p", "c:p", "o:p"][..]),
            (&[home, run], &["h:p", "r:p", "c:p", "o:p"]),
            (&[home, run, ("XDG_CONFIG_HOME", "xdg")], &["h:p", "r:p", "x:p", "c:p", "o:p"]),
            (&[home, run, ("DOCKER_CONFIG", "d")], &["d:p", "r:p", "c:p", "o:p"]),
            (&[home, run, ("REGISTRY_AUTH_FILE", "named.json")], &["h:p", "n:p", "o:p"]),
            (&[run, ("DOCKER_AUTH_CONFIG", &inline)], &["i:p", "r:p"]),
            (&[("REGISTRY_AUTH_FILE", "not-there.json")], &[]),
            (&[], &["l:p"]),
        ] {
            assert_eq!(find(&files, variables, "a.corp").unwrap(), expected, "{variables:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_or_a_device_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.to_str().unwrap(), "/dev/zero"] {
            let environment = Environment::from_pairs(&[("REGISTRY_AUTH_FILE", path)], "/");
            let stores = Stores::from_environment(&environment, canonical);
            let Err(error) = stores.find("a.corp", "") else { panic!("it was read") };
            assert_eq!(error.kind(), crate::error::ErrorKind::Usage);
            assert!(error.to_string().contains("not a regular file"), "{error}");
        }
    }

    #[test]
    fn an_invalid_credential_file_is_named_and_not_quoted() {
        for content in [
            "{\"auths\":{\"a.corp\":{\"auth\":\"geheim",
            "\"geheim\"",
            r#"{"auths":"geheim"}"#,
            r#"{"auths":{"a.corp":{"auth":"geheim"}}}"#,
            r#"{"credsStore":"../geheim"}"#,
            r#"{"credHelpers":{"a.corp":{"geheim":1}}}"#,
        ] {
            let error = in_docker(content, "a.corp").unwrap_err();
            assert_eq!(error.kind(), crate::error::ErrorKind::Usage, "{content}");
            let text = error.to_string();
            assert!(text.contains("config.json") && !text.contains("geheim"), "{text}");
        }
        // An invalid entry of another registry is not read.
        assert!(in_docker(r#"{"auths":{"b.corp":{"auth":"?"}}}"#, "a.corp").unwrap().is_empty());
    }
}
