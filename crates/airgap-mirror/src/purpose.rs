//! The purpose of texts that look like images and are not: patterns in the rules of admission
//! policies, and parameters of pipelines and templates.

use super::image_occurrence::Resource;
use crate::yaml::Node;

/// API groups whose resources judge images or report on them, and run none. A group that begins
/// with a dot matches each group that ends in it.
const JUDGES: [&str; 7] = [
    "admissionregistration.k8s.io",
    ".gatekeeper.sh",
    "policy.sigstore.dev",
    "wgpolicyk8s.io",
    "openreports.io",
    "reports.kyverno.io",
    ".reports.kyverno.io",
];

/// The kinds of those groups that put images into pods.
const MUTATORS: [&str; 1] = ["MutatingAdmissionPolicy"];

/// The kinds of Kyverno that only judge.
const KYVERNO_JUDGES: [&str; 3] = ["PolicyException", "CleanupPolicy", "ClusterCleanupPolicy"];

/// The parts of a Kyverno rule that only judge.
const RULES: [&str; 5] = ["validate", "verifyImages", "match", "exclude", "preconditions"];

/// The beginnings of Tekton parameters, after `$(`.
const TEKTON: [&str; 11] = [
    "params.",
    "inputs.",
    "outputs.",
    "tt.params.",
    "tasks.",
    "steps.",
    "context.",
    "workspaces.",
    "resources.",
    "body.",
    "extensions.",
];

/// The beginnings of Argo parameters, after `{{`.
const ARGO: [&str; 9] =
    ["inputs.", "outputs.", "workflow.", "tasks.", "steps.", "item", "pod.", "args.", "="];

/// The purpose of the texts in a resource.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Purpose {
    /// Whether no text in it names an image that is run.
    pub(super) judges: bool,
    has_rules: bool,
    /// Whether every `$(…)` is a parameter.
    in_pipeline: bool,
    /// Whether every `{{…}}` is a parameter.
    in_workflow: bool,
    /// Whether every `${…}` is a parameter.
    in_template: bool,
    /// Whether a webhook sets the images of some of the pod's containers.
    is_injected: bool,
}

impl Purpose {
    /// Returns the purpose of a resource that may be in another one, such as a template.
    pub(super) fn with_resource(self, resource: &Resource) -> Purpose {
        let (group, kind) = (group_of(&resource.api_version), resource.kind.as_str());
        let is_judge = |judge: &&str| match judge.strip_prefix('.') {
            Some(parent) => group.strip_suffix(parent).is_some_and(|it| it.ends_with('.')),
            None => group == *judge,
        };
        let is_kyverno = group == "kyverno.io" || group == "policies.kyverno.io";
        let kyverno_judges = kind.contains("Validating") || KYVERNO_JUDGES.contains(&kind);
        Purpose {
            judges: (JUDGES.iter().any(is_judge) && !MUTATORS.contains(&kind))
                || (is_kyverno && kyverno_judges),
            has_rules: is_kyverno,
            in_pipeline: self.in_pipeline || group.ends_with("tekton.dev"),
            in_workflow: self.in_workflow || is_kyverno || group == "argoproj.io",
            in_template: self.in_template
                || (kind == "Template" && ["", "template.openshift.io"].contains(&group)),
            is_injected: false,
        }
    }

    /// Returns the purpose of a value with a `metadata`, such as the template of a pod.
    pub(super) fn with_metadata(self, around: &Node) -> Purpose {
        let Some(metadata) = around.get("metadata") else { return self };
        let has = |at: &str, key: &str| metadata.get(at).is_some_and(|it| it.get(key).is_some());
        let keys = ["inject.istio.io/templates", "sidecar.istio.io/inject"];
        let is_injected = keys.iter().any(|key| has("annotations", key) || has("labels", key));
        Purpose { is_injected: self.is_injected || is_injected, ..self }
    }

    /// Returns whether the value of a key is a rule, which names no image that is run.
    pub(super) fn is_rule(self, key: &str) -> bool {
        self.has_rules && RULES.contains(&key)
    }

    /// Returns whether a text stands for an image that is set elsewhere: a pattern, a parameter, or
    /// the word `auto`, which Istio replaces by its own image.
    pub(super) fn is_open(self, text: &str) -> bool {
        is_pattern(text)
            || has(text, "$(", self.in_pipeline, &TEKTON)
            || has(text, "{{", self.in_workflow, &ARGO)
            || (self.in_template && text.contains("${"))
            || (self.is_injected && text == "auto")
    }
}

/// Returns whether a text is a pattern for images, such as `registry.corp/* & !*:latest`.
fn is_pattern(text: &str) -> bool {
    text.contains('*') || text.starts_with('!')
}

/// Returns whether a text has a parameter: any, or one that begins with one of the words.
fn has(text: &str, opener: &str, any: bool, words: &[&str]) -> bool {
    text.match_indices(opener).any(|(at, _)| {
        let inner = text[at + opener.len()..].trim_start();
        any || words.iter().any(|word| inner.starts_with(word))
    })
}

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose(api_version: &str, kind: &str) -> Purpose {
        let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
        let resource = Resource { api_version, kind, namespace: None, name: String::new() };
        Purpose::default().with_resource(&resource)
    }

    #[test]
    fn policy_resources_that_check_images_are_recognized() {
        for (api_version, kind) in [
            ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
            ("constraints.gatekeeper.sh/v1beta1", "K8sAllowedRepos"),
            ("templates.gatekeeper.sh/v1", "ConstraintTemplate"),
            ("policies.kyverno.io/v1", "ImageValidatingPolicy"),
            ("kyverno.io/v2", "PolicyException"),
            ("policy.sigstore.dev/v1beta1", "ClusterImagePolicy"),
        ] {
            assert!(purpose(api_version, kind).judges, "{api_version} {kind}");
        }
        for (api_version, kind) in [
            ("v1", "Pod"),
            ("kyverno.io/v1", "ClusterPolicy"),
            ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"),
            ("notgatekeeper.sh/v1", "X"),
        ] {
            assert!(!purpose(api_version, kind).judges, "{api_version} {kind}");
        }
        assert!(purpose("kyverno.io/v1", "Policy").is_rule("validate"));
        assert!(!purpose("kyverno.io/v1", "Policy").is_rule("mutate"));
        assert!(!purpose("v1", "Pod").is_rule("validate"));
    }

    #[test]
    fn patterns_and_parameters_are_left_open() {
        let pod = purpose("v1", "Pod");
        for text in ["r.io/*", "!r.io/a:1", "$(params.image)", "r.io/$(tasks.x.results.y)"] {
            assert!(pod.is_open(text), "{text}");
        }
        for text in ["{{inputs.parameters.image}}", "{{ workflow.parameters.x }}:1", "{{=x}}"] {
            assert!(pod.is_open(text), "{text}");
        }
        for text in ["r.io/a:1", "$(REGISTRY)/a:1", "{{ .Values.image }}", "${IMAGE}", "auto"] {
            assert!(!pod.is_open(text), "{text}");
        }
        assert!(purpose("tekton.dev/v1", "Task").is_open("$(IMAGE)"));
        assert!(purpose("argoproj.io/v1alpha1", "ApplicationSet").is_open("{{image}}"));
        let template = purpose("template.openshift.io/v1", "Template");
        assert!(template.is_open("${IMAGE}:${TAG}"));
    }
}
