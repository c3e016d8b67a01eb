//! `config show`: every setting in effect.

use super::Context;
use airgap_config::policy::{Mirror, Policy};
use airgap_config::registries::Registries;
use airgap_core::artifact::VendoredKind;
use airgap_core::environment::{self as env, Environment};
use airgap_core::error::Result;
use airgap_core::network::{self, ProxySetting};
use airgap_core::settings::{DEFAULT, Setting};

pub(super) fn run(context: &Context) -> Result<()> {
    context.warn_of_unread_variables();
    let policy = context.policy()?;
    let registries = Registries::from_environment(&context.environment, policy.workspace())?;
    let settings = settings(&context.environment, &policy, &registries)?;
    if context.report.is_json() {
        return context.report.json(&settings);
    }
    let width = settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
    for setting in settings {
        let value = if setting.value.is_empty() { "-" } else { &setting.value };
        let mut from = setting.from;
        if !setting.over.is_empty() {
            from.push_str(&format!(", over {}", setting.over.join(", ")));
        }
        context.report.data(&format!("{:width$}  {value}  [{from}]\n", setting.name))?;
    }
    Ok(())
}

/// Returns the settings of this environment, and the policy and the registries made from it.
///
/// # Errors
/// Usage, if settings contradict each other or a credential file is invalid.
fn settings(
    environment: &Environment,
    policy: &Policy,
    registries: &Registries,
) -> Result<Vec<Setting>> {
    let mut rows = general(environment, policy);
    rows.extend(registries.settings()?);
    Ok(rows)
}

fn general(environment: &Environment, policy: &Policy) -> Vec<Setting> {
    let row = |name: &str, value: String, variables: &[&'static str]| {
        let from = environment.first(variables).map_or(DEFAULT, |(variable, _)| variable);
        Setting::new(name, value, from)
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
    if let Some(by) = policy.offline() {
        offline.from = by.name().to_owned();
    }
    let network = policy.settings();
    vec![
        offline,
        row("workspace", policy.workspace().display().to_string(), &[env::WORKSPACE]),
        row("vendor folder", folder(policy.vendor_dir()).unwrap_or_default(), &[env::VENDOR_DIR]),
        row(
            "WIT vendor folder",
            folder(policy.own_vendor_dir(VendoredKind::Wit).map(|(_, dir)| dir))
                .unwrap_or_default(),
            &[env::WIT_VENDOR_DIR],
        ),
        row("mirrors", mirrors.join(","), &[env::MIRROR]),
        row(
            "GitHub",
            policy.upstream("https://github.com/").trim_end_matches('/').to_owned(),
            &[env::GITHUB_MIRROR],
        ),
        proxy("proxy for https", network.https_proxy.as_ref()),
        proxy("proxy for http", network.http_proxy.as_ref()),
        row("no proxy for", network.no_proxy.clone().unwrap_or_default(), &network::NO_PROXY),
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

/// Returns a proxy, without the password that may be in its address.
fn proxy(name: &str, set: Option<&ProxySetting>) -> Setting {
    let value = set.map(|set| airgap_http::redacted(&set.address)).unwrap_or_default();
    Setting::new(name, value, set.map_or(DEFAULT, |set| set.variable))
}
