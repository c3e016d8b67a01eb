//! `plan`: where each file would come from.

use super::{Context, PlanArgs, selection};
use crate::error::Result;
use crate::listing::Disk;
use crate::plan::{self, Item, Plan};

pub(super) fn run(args: &PlanArgs, context: &Context) -> Result<()> {
    let artifacts = selection::artifacts(&args.selection, context)?;
    let workspace = args.workspace.as_deref().map(|dir| context.path(dir));
    let policy = context.policy_in(&workspace.unwrap_or_else(|| context.environment.base_dir()))?;
    let plan = plan::resolve(&artifacts, &policy, &Disk)?;
    // A program that reads JSON gets either a whole plan or an error, never both.
    if context.report.is_json() {
        plan.check()?;
        return context.report.json(&plan);
    }
    context.report.data(&text(&plan))?;
    plan.check()
}

/// The plan for a person: each file, the places in order, and the one that is taken.
pub(super) fn text(plan: &Plan) -> String {
    plan.items.iter().map(item_text).collect()
}

fn item_text(item: &Item) -> String {
    let mut text = format!("{}\n  sha256 {}\n", item.artifact(), item.asset.sha256);
    for place in &item.places {
        text.push_str(&format!("  {:16} {}\n", place.source, place.describe()));
    }
    text
}
