//! `config show`: every setting that is in force.

use super::Context;
use crate::error::Result;
use crate::settings::settings;

pub(super) fn run(context: &Context) -> Result<()> {
    let policy = context.policy()?;
    let settings = settings(&context.environment, &policy);
    if context.report.is_json() {
        return context.report.json(&settings);
    }
    let width = settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
    for setting in settings {
        let value = if setting.value.is_empty() { "-" } else { &setting.value };
        context.report.data(&format!("{:width$}  {value}  [{}]\n", setting.name, setting.from))?;
    }
    Ok(())
}
