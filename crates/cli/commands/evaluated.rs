//! What an evaluation comes to, in a few lines.

use hydralink::evaluate::{Evaluation, Score};

use crate::output::grouped;

/// An evaluation in a few lines.
pub(crate) fn evaluation_text(evaluation: &Evaluation) -> String {
    let percent = |value: f64| format!("{:.1}%", value * 100.0);
    // Where nothing is planted nothing can be found, and numbers are conventions.
    let planted = !evaluation.networks.is_empty();
    let if_planted = |text: String| if planted { text } else { "n/a".to_owned() };
    let score = |of: &Score| {
        let (recall, f1) = (if_planted(percent(of.recall)), if_planted(format!("{:.3}", of.f1)));
        format!("precision {}  recall {recall}  F1 {f1}", percent(of.precision))
    };
    let mut lines = vec![
        format!("pairwise  {}", score(&evaluation.pairwise)),
        format!("B-cubed   {}", score(&evaluation.b_cubed)),
        evaluation.ranking.map_or("ranking   n/a: of most networks nothing is known".to_owned(), |ranking| {
            let first = [(5, ranking.precision_at_5), (10, ranking.precision_at_10), (20, ranking.precision_at_20)];
            // Of fewer networks than that it is the share of all of them.
            let told = first.into_iter().filter(|&(k, _)| k <= ranking.networks);
            let told: String = told.map(|(k, share)| format!("  precision@{k} {}", percent(share))).collect();
            let all = if ranking.networks < 20 && ranking.networks > 0 {
                format!("  precision of the {} found {}", ranking.networks, percent(ranking.precision_at_20))
            } else {
                String::new()
            };
            format!("ranking   PR-AUC {}{told}{all}", if_planted(format!("{:.3}", ranking.average_precision)))
        }),
        format!(
            "benign accounts flagged: {} ({:.1} per million)",
            grouped(evaluation.benign_flagged),
            evaluation.benign_flagged_per_million
        ),
        String::new(),
        format!(
            "{:<24}{:>10}  {:<14}{:>5}{:>11}{:>9}",
            "planted network", "accounts", "found as", "rank", "precision", "recall"
        ),
    ];
    let mut networks: Vec<_> = evaluation.networks.iter().collect();
    networks.sort_by(|a, b| b.accounts.cmp(&a.accounts).then(a.truth.cmp(&b.truth)));
    for network in networks.iter().take(PLANTED_SHOWN) {
        lines.push(format!(
            "{:<24}{:>10}  {:<14}{:>5}{:>11}{:>9}",
            network.truth,
            grouped(network.accounts),
            network.best_network.as_deref().unwrap_or("-"),
            network.rank.map_or("-".to_owned(), |rank| rank.to_string()),
            percent(network.precision),
            percent(network.recall)
        ));
    }
    if networks.len() > PLANTED_SHOWN {
        lines.push(format!("... and {} smaller ones", networks.len() - PLANTED_SHOWN));
    }
    let look_alikes: Vec<_> = evaluation.benign_groups.iter().collect();
    if !look_alikes.is_empty() {
        lines.push(String::new());
        lines.push(format!("legitimate look-alikes that were flagged: {}", look_alikes.len()));
        for group in look_alikes.iter().take(PLANTED_SHOWN) {
            lines.push(format!("{:<24}{:>10}  rank {}", group.group, grouped(group.accounts), group.rank));
        }
    }
    for split in evaluation.splits.iter().take(PLANTED_SHOWN) {
        lines.push(format!("split:  {} lies in {}", split.truth, parts(&split.networks, &split.accounts)));
    }
    for merge in evaluation.merges.iter().take(PLANTED_SHOWN) {
        lines.push(format!("merged: {} holds {}", merge.network, parts(&merge.truths, &merge.accounts)));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// `A (12), B (3)`.
fn parts(names: &[String], accounts: &[u64]) -> String {
    let part = |(name, accounts): (&String, &u64)| format!("{name} ({})", grouped(*accounts));
    names.iter().zip(accounts).map(part).collect::<Vec<String>>().join(", ")
}

/// Planted networks and look-alikes that the text names; JSON has all.
const PLANTED_SHOWN: usize = 12;
