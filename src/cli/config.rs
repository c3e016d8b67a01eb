//! `config show`: every setting that is in force.

use super::Context;
use crate::error::Result;
use crate::registries::Registries;
use crate::settings::settings;

pub(super) fn run(context: &Context) -> Result<()> {
    let policy = context.policy()?;
    let registries = Registries::of(&context.environment, policy.workspace())?;
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
