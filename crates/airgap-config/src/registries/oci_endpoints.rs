//! The addresses for requests to an OCI registry: its own host, or a mirror.

use super::endpoint::{Endpoint, canonical};
use super::route::Role;
use super::{ComponentMirror, Registries};
use airgap_core::environment as env;

/// One address for requests to a registry.
pub(super) struct OciEndpoint {
    /// The address.
    pub(super) endpoint: Endpoint,
    /// Whether it is the registry itself or a mirror.
    pub(super) role: Role,
    /// Whether it is a mirror of the registry by the name that packages use, rather than of the OCI
    /// registry that has its packages.
    pub(super) by_name: bool,
    /// The setting that names the address; empty for the registry itself.
    pub(super) reason: String,
}

impl OciEndpoint {
    fn mirror(endpoint: &Endpoint, by_name: bool, reason: String) -> OciEndpoint {
        OciEndpoint { endpoint: endpoint.clone(), role: Role::Mirror, by_name, reason }
    }

    fn primary(host: &str, reason: String) -> OciEndpoint {
        let endpoint = Endpoint::from_host(host);
        OciEndpoint { endpoint, role: Role::Primary, by_name: false, reason }
    }
}

impl Registries {
    /// Returns the addresses for requests to the OCI registry `host`, in order. `name` is the name
    /// that packages use for it, which may be the same.
    pub(super) fn oci_endpoints(&self, name: Option<&str>, host: &str) -> Vec<OciEndpoint> {
        let behind = (name != Some(host)).then_some((host, false));
        let names: Vec<_> = name.map(|name| (name, true)).into_iter().chain(behind).collect();
        for &(it, by_name) in &names {
            if let Some(url) = self.url(it) {
                let reason =
                    format!("{} names the host of `{it}`", env::registry_variable(it, "URL"));
                return vec![OciEndpoint::mirror(url, by_name, reason)];
            }
        }
        if let Some(mirrors) = &self.mirrors {
            return self.mirrored(mirrors, host);
        }
        let mut oci_endpoints = Vec::new();
        let entry = |name: &str| self.config.registries.get(name);
        for (it, by_name) in names {
            let Some(mirror) = entry(it).and_then(|entry| entry.mirror.as_ref()) else { continue };
            let reason = format!("the mirror of `{it}` by {}", mirror.place);
            oci_endpoints.push(OciEndpoint::mirror(&mirror.endpoint, by_name, reason));
            if !mirror.fallback {
                return oci_endpoints;
            }
        }
        let reason = match oci_endpoints.last() {
            Some(_) => "the mirror has `fallback = true`".to_owned(),
            None => String::new(),
        };
        oci_endpoints.push(OciEndpoint::primary(host, reason));
        oci_endpoints
    }

    fn mirrored(&self, mirrors: &[ComponentMirror], host: &str) -> Vec<OciEndpoint> {
        let is_host = |mirror: &ComponentMirror| match mirror {
            ComponentMirror::Base(base) => canonical(&base.host) == host,
            ComponentMirror::Direct => false,
        };
        // Repositories of the mirror's own registry are not below the path for mirrored ones.
        if mirrors.iter().any(is_host) {
            let reason = format!("{} names `{host}`", env::COMPONENT_MIRROR);
            return vec![OciEndpoint::primary(host, reason)];
        }
        let oci_endpoint = |mirror: &ComponentMirror| match mirror {
            ComponentMirror::Base(base) => OciEndpoint::mirror(
                base,
                false,
                format!("{} replaces `{host}`", env::COMPONENT_MIRROR),
            ),
            ComponentMirror::Direct => {
                OciEndpoint::primary(host, format!("{} allows `direct`", env::COMPONENT_MIRROR))
            }
        };
        mirrors.iter().map(oci_endpoint).collect()
    }

    /// Returns whether requests to the registry itself are allowed, and not only to mirrors.
    pub(super) fn reaches(&self, name: &str) -> bool {
        self.oci_endpoints(None, name).iter().any(|oci_endpoint| oci_endpoint.role == Role::Primary)
    }
}
