//! The charts of `mirror list`: rendered, or guessed if there is no Helm.

use super::{ListArgs, chart};
use crate::cli::Context;
use airgap_core::error::{Error, Result};
use airgap_core::quantity::{count, were};
use airgap_mirror::MirrorList;
use airgap_mirror::chart::ChartImages;
use airgap_mirror::helm::Helm;
use airgap_mirror::inventory::Inventory;

/// The limit for the number of omitted parts that are named.
const MOST_SHOWN: usize = 20;

/// The reason why no chart is rendered.
const NO_HELM: &str = "the images of the chart are guessed from its values and annotations, \
    because `helm` is not on PATH";

/// The charts of one run.
pub(super) struct Charts {
    count: usize,
    helm: Option<Helm>,
    errors: Vec<Error>,
}

impl Charts {
    /// Adds the images of all charts. The error of one chart is kept until all others are added.
    ///
    /// # Errors
    /// The error of the only chart.
    pub(super) fn add_to(
        inventory: &mut Inventory,
        args: &ListArgs,
        context: &Context,
    ) -> Result<Charts> {
        let helm = chart::helm(&args.chart, context)?;
        let count = args.chart.charts.len();
        let mut charts = Charts { count, helm, errors: Vec::new() };
        if let Some(reason) = charts.first_line() {
            if args.strict {
                return Err(Error::usage(format!("`--strict`: {reason}"))
                    .hint("put Helm 3 or 4 on PATH, or name it with `--helm /path/to/helm`"));
            }
            context.report.warn(&format!("not rendered: {reason}"));
        }
        for (name, images) in chart::images(&args.chart, charts.helm.as_ref(), context) {
            let all = |images: ChartImages| match args.all_parts {
                true => images.with_all_parts(),
                false => images,
            };
            match images.map(all) {
                Ok(images) => {
                    images
                        .warnings
                        .iter()
                        .for_each(|it| context.report.warn(&format!("{name}: {it}")));
                    inventory.add_chart(images);
                }
                Err(error) if count == 1 => return Err(error),
                Err(error) => charts.errors.push(error),
            }
        }
        Ok(charts)
    }

    /// Writes the first line of a list with guesses, or removes it if the charts were rendered.
    pub(super) fn mark(&self, list: MirrorList) -> MirrorList {
        match self.count {
            0 => list,
            _ => list.with_first_line(self.first_line()),
        }
    }

    /// Returns the reason for the first line of a list of guessed images.
    fn first_line(&self) -> Option<&'static str> {
        (self.count > 0 && self.helm.is_none()).then_some(NO_HELM)
    }

    /// Returns the version of the Helm that rendered the charts.
    pub(super) fn rendered(&self) -> Option<&str> {
        self.helm.as_ref().map(Helm::version)
    }

    /// Reports the guessed images, and the omitted ones.
    ///
    /// # Errors
    /// Usage, with `--strict`, if an image is not known for sure.
    pub(super) fn say_doubts(
        &self,
        inventory: &Inventory,
        args: &ListArgs,
        context: &Context,
    ) -> Result<()> {
        let report = &context.report;
        inventory.guesses.iter().for_each(|guess| report.warn(guess));
        let is_there = |it: &airgap_mirror::chart::ChartImage| inventory.has(&it.image);
        let parts: Vec<_> = inventory
            .left_out
            .iter()
            .filter(|part| part.images.is_empty() || !part.images.iter().all(is_there))
            .collect();
        for part in parts.iter().take(MOST_SHOWN) {
            report.say(&format!("left out: {}", part.describe()));
        }
        let images = parts.iter().map(|part| part.images.len()).sum::<usize>();
        if images > 0 {
            report.say(&format!(
                "{} of disabled parts or of annotations {} left out; `--all-parts` adds them",
                count(images, "image"),
                were(images)
            ));
        }
        match inventory.guesses.len() + inventory.unresolved.len() {
            doubts if args.strict && doubts > 0 => {
                let statement = format!("`--strict`: {} uncertain", count(doubts, "image"));
                Err(Error::usage(statement).hint("see the warnings above"))
            }
            _ => Ok(()),
        }
    }

    /// Returns whether every chart was read.
    pub(super) fn are_whole(&self) -> bool {
        self.errors.is_empty()
    }

    /// Fails for the charts that could not be read, after the list of all others is written.
    pub(super) fn conclude(&self, context: &Context) -> Result<()> {
        if self.errors.is_empty() {
            return Ok(());
        }
        for error in &self.errors {
            context.report.failed("", error);
        }
        let (failed, all) = (self.errors.len(), count(self.count, "chart"));
        Err(Error::from_many(&self.errors, format!("{failed} of {all} could not be read"))
            .hint("fix the errors above; the list has the images of the others"))
    }
}
