//! Beside a truth: `evaluate` and `ablate`.

use hydralink::Dataset;
use hydralink::ablate::{AblationLine, ablate};
use hydralink::baselines::{self, BaselineConfig, BaselineLine};
use hydralink::evaluate::{self, FairnessLine, LabelCount, SampledPairwise, Truth, Unlabelled};

use super::super::evaluated;
use crate::Found;
use crate::args::{Ablate, Evaluate, Shared, TruthFiles};
use crate::input;
use crate::output::{Field, Output, counted, grouped};
use crate::progress::Progress;

fn read_truth(dataset: &Dataset, files: &TruthFiles, output: &mut Output) -> anyhow::Result<Truth> {
    let unlabelled = if files.partial { Unlabelled::Unknown } else { Unlabelled::Benign };
    if files.benign.as_ref().is_some_and(|benign| input::is_stdin(benign) && input::is_stdin(&files.labels)) {
        anyhow::bail!(input::TAKEN_TWICE);
    }
    let truth = Truth::read(dataset, &files.labels, files.benign.as_deref(), unlabelled)?;
    say_unknown(truth.networks.count(), ["labelled account", "recall is"], output)?;
    say_unknown(truth.groups.count(), ["look-alike", "the shares of look-alikes are"], output)?;
    Ok(truth)
}

/// Says of how many labels nothing is counted, if there are any, and what is of the others.
pub(super) fn say_unknown(count: LabelCount, [what, of_others]: [&str; 2], output: &mut Output) -> std::io::Result<()> {
    if count.unknown == 0 {
        return Ok(());
    }
    let are = if count.unknown == 1 { "is" } else { "are" };
    let (unknown, all) = (grouped(count.unknown), counted(count.accounts, what));
    output.say(&format!("{unknown} of {all} {are} not in the store and left out: {of_others} of those that are"))
}

/// Compares the networks found with the truth; on request beside baselines, or by whom false alarms hit.
pub(crate) fn evaluate(arguments: &Evaluate, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.truth.key.open(&arguments.store)?;
    let results = dataset.results()?;
    let truth = read_truth(&dataset, &arguments.truth, output)?;
    if arguments.more.baselines {
        let config = BaselineConfig { pair_budget: arguments.more.pair_budget, ..BaselineConfig::default() };
        let bar = Progress::new(shared, "baselines", None, false);
        let lines = baselines::compare(&dataset, &results, &truth, &config, &bar)?;
        drop(bar);
        let found = output.records(&lines, BASELINE)?;
        for line in &lines {
            if let Some(note) = &line.note {
                output.say(&format!("{}: {note}", line.method))?;
            }
        }
        return Ok(found);
    }
    if arguments.more.fairness {
        let lines = evaluate::fairness(&dataset, &results, &truth)?;
        if lines.iter().all(|line| line.attribute == evaluate::ADDRESS) {
            output.say("no legitimate account has a country or a pathway: `build --accounts` reads them")?;
        }
        return Ok(output.records(&lines, FAIRNESS)?);
    }
    let (found, names) = (evaluate::predicted(&results), evaluate::names_of(&results));
    let evaluation = truth.told(truth.score(&found, &names)?);
    let answer = output.one(&evaluation, |told| evaluated::evaluation_text(&told.evaluation))?;
    if arguments.truth.partial {
        output.say(&estimate_text(&truth.estimate(&found, &names)?))?;
    }
    Ok(answer)
}

/// The sampled estimate in one line.
fn estimate_text(estimate: &SampledPairwise) -> String {
    let one = |estimate: &hydralink::synth::metrics::Estimate| match estimate.interval {
        Some((low, high)) => format!("{:.3} (95% interval {low:.3} to {high:.3})", estimate.value),
        None => format!("{:.3}", estimate.value),
    };
    format!(
        "if the {} labelled networks are a random sample of all, labelled completely: pairwise precision {}, recall {}; pairs tell as \
         much as those of {:.1} networks of one size",
        estimate.networks,
        one(&estimate.precision),
        one(&estimate.recall),
        estimate.effective_networks
    )
}

const BASELINE: &[Field<BaselineLine>] = &[
    Field::text("method", |line| line.method.clone()),
    Field::of("networks", Field::number("groups", |line| line.networks.to_string())),
    Field::number("accounts", |line| line.accounts.to_string()),
    Field::of("pairwise.precision", Field::number("precision", |line| format!("{:.3}", line.pairwise.precision))),
    Field::of("pairwise.recall", Field::number("recall", |line| format!("{:.3}", line.pairwise.recall))),
    Field::of("pairwise.f1", Field::number("F1", |line| format!("{:.3}", line.pairwise.f1))),
    Field::spare(2, Field::of("b_cubed.f1", Field::number("B3 F1", |line| format!("{:.3}", line.b_cubed.f1)))),
    Field::spare(1, Field::of("membership.f1", Field::number("member", |line| format!("{:.3}", line.membership.f1)))),
    Field::spare(
        3,
        Field::of(
            "largest_precision",
            Field::number("largest", |line| format!("{:.2}/{:.2}", line.largest_precision, line.largest_recall)),
        ),
    ),
    Field::of(
        "benign_flagged_per_million",
        Field::number("benign/M", |line| format!("{:.0}", line.benign_flagged_per_million)),
    ),
    Field::csv("largest_recall"),
    Field::csv("note"),
];

const FAIRNESS: &[Field<FairnessLine>] = &[
    Field::text("attribute", |line| line.attribute.clone()),
    Field::text("value", |line| line.value.clone()),
    Field::number("benign", |line| line.benign.to_string()),
    Field::number("flagged", |line| line.flagged.to_string()),
    Field::number("per_million", |line| format!("{:.1}", line.per_million)),
    Field::number("ratio", |line| match line.ratio {
        Some(ratio) => format!("{ratio:.2}"),
        None if line.flagged > 0 => "only".to_owned(),
        None => String::new(),
    }),
    Field::number("p_value", |line| format!("{:.2e}", line.p_value)),
];

/// Prints how right the chain is without each part.
pub(super) fn run_ablate(arguments: &Ablate, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.truth.key.open(&arguments.store)?;
    let truth = read_truth(&dataset, &arguments.truth, output)?;
    let bar = Progress::new(shared, "ablating", None, false).saying("without ");
    let lines = ablate(&dataset, &dataset.results()?, &truth, &bar)?;
    drop(bar);
    Ok(output.records(&lines, ABLATION)?)
}

const ABLATION: &[Field<AblationLine>] = &[
    Field::text("without", |line| line.without.clone()),
    Field::number("networks", |line| line.networks.to_string()),
    Field::of("pairwise.precision", Field::number("precision", |line| format!("{:.3}", line.pairwise.precision))),
    Field::of("pairwise.recall", Field::number("recall", |line| format!("{:.3}", line.pairwise.recall))),
    Field::of("pairwise.f1", Field::number("F1", |line| format!("{:.3}", line.pairwise.f1))),
    Field::of("f1_change", Field::number("change", |line| format!("{:+.3}", line.f1_change))),
    Field::spare(1, Field::of("b_cubed.f1", Field::number("B3 F1", |line| format!("{:.3}", line.b_cubed.f1)))),
    Field::spare(2, Field::of("largest_recall", Field::number("largest", |line| format!("{:.2}", line.largest_recall)))),
    Field::of("benign_flagged", Field::number("benign", |line| line.benign_flagged.to_string())),
    Field::csv("unknown_labels"),
];
