//! `plan`: the source of each file.

use serde::Serialize;

use super::selection::{self, Selected};
use super::{Context, PlanArgs, plan_output};
use airgap_config::policy::Policy;
use airgap_core::error::Result;
use airgap_core::listing::Disk;
use airgap_vendor::kinds::component::{Components, WantedComponent};
use airgap_vendor::plan::{self, PlaceState, Plan, SearchPlace};

pub(super) fn run(args: &PlanArgs, context: &Context) -> Result<()> {
    let Selected { artifacts, components, .. } = selection::selected(&args.selection, context)?;
    let workspace = args.workspace.as_deref().map(|dir| context.path(dir));
    let policy = context.policy_in(workspace.as_deref().unwrap_or(context.workspace.root()))?;
    let mut plan = plan::resolve(&artifacts, &policy, &Disk)?;
    for item in &mut plan.items {
        item.failure = context.workspace.address(&item.failure);
    }
    let planned = PlannedComponents::plan(components, policy, context)?;
    // A program that reads JSON gets either a whole plan or an error, never both.
    if context.report.is_json() {
        if !args.with_missing {
            plan.check()?;
        }
        planned.check()?;
        return context.report.json(&Whole { plan: &plan, components: planned.json() });
    }
    context.report.data(&(plan_output::plan(&plan) + &planned.text()))?;
    plan.check()?;
    planned.check()
}

/// A plan with the components of a request.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<serde_json::Value>,
}

/// Components, each with its possible places.
struct PlannedComponents(Vec<(WantedComponent, Vec<SearchPlace>)>);

impl PlannedComponents {
    fn plan(
        wanted: Vec<WantedComponent>,
        policy: Policy,
        context: &Context,
    ) -> Result<PlannedComponents> {
        if wanted.is_empty() {
            return Ok(PlannedComponents(Vec::new()));
        }
        let components = Components::new(policy, &context.environment)?;
        let planned = wanted.into_iter().map(|one| {
            let places = components.places(&one, None)?;
            Ok((one, places))
        });
        planned.collect::<Result<_>>().map(PlannedComponents)
    }

    /// Fails if a component has no place to come from.
    fn check(&self) -> Result<()> {
        let usable =
            |it: &SearchPlace| matches!(it.finding, PlaceState::Found | PlaceState::Network);
        match self.0.iter().find(|(_, places)| !places.iter().any(usable)) {
            Some((wanted, places)) => Err(wanted.unavailable(places)),
            None => Ok(()),
        }
    }

    fn json(&self) -> Vec<serde_json::Value> {
        self.0.iter().map(|(wanted, places)| plan_output::component_json(wanted, places)).collect()
    }

    fn text(&self) -> String {
        self.0.iter().map(|(wanted, places)| plan_output::component(wanted, places)).collect()
    }
}
