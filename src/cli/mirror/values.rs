//! `mirror values`.

use super::{ValuesArgs, chart};
use crate::cli::Context;
use crate::error::{Error, Result};
use crate::images::MirrorList;
use crate::images::helm_values::{Wanted, helm_values};

pub(super) fn run(args: &ValuesArgs, context: &Context) -> Result<()> {
    let Some(chart) = chart::read(&args.chart, context)? else {
        return Err(Error::usage("no chart is named").hint("name it with `--chart`"));
    };
    let list = MirrorList::read(&context.path(&args.list), &args.list.display().to_string())?;
    let wanted = Wanted { pull_secrets: &args.pull_secrets, per_component: args.per_component };
    let made = helm_values(&chart, &list, wanted)?;
    for why in &made.unchanged {
        context
            .report
            .warn(&format!("{why}; `wasm-airgap mirror kustomize` changes it in manifests"));
    }
    for image in &made.deaf {
        context.report.say(&format!(
            "the chart's templates do not use its global registry for `{image}`, so that its own is set"
        ));
    }
    match context.report.is_json() {
        true => context.report.json(&made.values),
        false => context.report.content(&crate::yaml::block(&made.values)),
    }
}
