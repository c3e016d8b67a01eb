//! `emit`: write BUILD files.

use super::{Context, EmitToolArgs};
use crate::emit::ToolRepository;
use crate::error::Result;

pub(super) fn run(args: EmitToolArgs, context: &Context) -> Result<()> {
    let root = context.path(&args.root);
    let EmitToolArgs { tool, version, platform, executables, rules, .. } = args;
    let repository = ToolRepository { tool, version, platform, executables, rules };
    context.report.data(&repository.build_file(&root)?.text())
}
