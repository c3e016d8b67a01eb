//! Every setting that is in force, as rows of text, with secrets hidden.

use serde::Serialize;

use crate::environment::{self as env, Environment};
use crate::policy::{Mirror, Policy};

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// What it decides.
    pub name: &'static str,
    /// Its value; empty where there is none.
    pub value: String,
    /// The variable it came from, or `default`.
    pub from: String,
}

/// The settings of this environment and the policy made from it.
pub fn settings(environment: &Environment, policy: &Policy) -> Vec<Setting> {
    let row = |name, value: String, variables: &[&'static str]| {
        let from = environment.first(variables).map_or("default", |(variable, _)| variable);
        Setting { name, value, from: from.to_owned() }
    };
    let folder = |dir: Option<&std::path::Path>| dir.map(|dir| dir.display().to_string());
    let mirrors: Vec<_> = policy
        .mirrors()
        .iter()
        .map(|mirror| match mirror {
            Mirror::Base(base) => base.as_str(),
            Mirror::Direct => "direct",
        })
        .collect();
    let mut offline = row("offline", policy.is_offline().to_string(), &[env::OFFLINE]);
    if policy.is_offline() && offline.from == "default" {
        offline.from = "--offline".to_owned();
    }
    let network = policy.settings();
    vec![
        offline,
        row("workspace", policy.workspace().display().to_string(), &[env::WORKSPACE]),
        row("vendor folder", folder(policy.vendor_dir()).unwrap_or_default(), &[env::VENDOR_DIR]),
        row("mirrors", mirrors.join(","), &[env::MIRROR]),
        row(
            "GitHub",
            policy.upstream("https://github.com/").trim_end_matches('/').to_owned(),
            &[env::GITHUB_MIRROR],
        ),
        row(
            "proxy for https",
            hidden(network.https_proxy.as_deref()),
            &[env::HTTPS_PROXY, env::HTTPS_PROXY_LOWER, env::ALL_PROXY, env::ALL_PROXY_LOWER],
        ),
        row(
            "proxy for http",
            hidden(network.http_proxy.as_deref()),
            &[env::HTTP_PROXY_LOWER, env::ALL_PROXY, env::ALL_PROXY_LOWER],
        ),
        row(
            "no proxy for",
            network.no_proxy.clone().unwrap_or_default(),
            &[env::NO_PROXY, env::NO_PROXY_LOWER],
        ),
        row(
            "certificate roots",
            folder(network.ca_file.as_deref()).unwrap_or_else(|| "the system's".to_owned()),
            &[env::SSL_CERT_FILE],
        ),
        row(
            "more roots",
            folder(network.ca_dir.as_deref()).unwrap_or_default(),
            &[env::SSL_CERT_DIR],
        ),
        row("retries wait", format!("{} s", network.retry_budget.as_secs()), &[env::RETRY_SECONDS]),
        row("credentials", folder(network.netrc.as_deref()).unwrap_or_default(), &[env::NETRC]),
    ]
}

/// A proxy's address without the password that may be in it.
fn hidden(address: Option<&str>) -> String {
    address.map(crate::fetch::redacted).unwrap_or_default()
}
