//! What is an account held to be, on what grounds, and what would end it? For whoever decides its appeal, and can be sent.
//!
//! A *statement of reasons*, as Markdown, of what [`appeal`](mod@crate::appeal) and [`dossier`](mod@crate::dossier) find: nothing
//! in it is computed anew. It names no other account, and of identifiers those that the account itself had. It says in words what
//! bits are: a ground of b bits is 2^b times likelier on an account of the network than on another, and so is a finding of one
//! operator's accounts than of others'.

use crate::appeal::{Appeal, Ground, NotCounted};
use crate::cases::Label;
use crate::counted::grouped;
use crate::dataset::Dataset;
use crate::dossier::{Dossier, Reason, dossier, reasons};
use crate::error::Error;
use crate::outputs::style::{Markdown, Style, items};
use crate::results::{Labelling, Membership, Network};
use crate::roles::AccountRole;

/// Grounds of a kind that are named; the rest are counted.
const OF_A_KIND: usize = 5;
/// Other identifiers that are named.
const NAMED: usize = 10;

/// The statement of reasons for what an account is held to be.
///
/// # Errors
/// As [`Labelling::network`].
pub fn statement(dataset: &Dataset, results: &Labelling, appeal: &Appeal) -> Result<String, Error> {
    let style = &Markdown;
    let mut out = style.title(&format!("Statement of reasons: {}", appeal.account));
    let Some(id) = appeal.network.as_deref() else {
        return Ok(out + &style.item(&style.prose(&appeal.answer)));
    };
    let network = results.network(dataset, dataset.network_index(results, id)?)?;
    let dossier = dossier(dataset, results, &network)?;
    out.push_str(&summary(appeal, &dossier, &results.run.tool, style));
    let mut section = |heading: &str, text: String| {
        if !text.is_empty() {
            out.push_str(&style.heading(heading));
            out.push_str(&text);
        }
    };
    section("What it shares with the others", grounds(appeal, style));
    let [found, counter] = reasons(dataset, results, &network);
    section("What the accounts do alike", items(&found.iter().map(plainly).collect::<Vec<String>>(), style));
    section("What speaks against it", against(appeal, &network, &counter, style));
    section("What it shares and is not held against it", not_counted(appeal, style));
    section("What could not be measured", items(&dossier.not_measured_lines(), style));
    section("What would end it", endings(appeal, &dossier, style));
    section("How to check it", checks(appeal, &network, style));
    Ok(out)
}

/// As what, by whom, and how surely.
fn summary(appeal: &Appeal, dossier: &Dossier, tool: &str, style: &dyn Style) -> String {
    let network = &dossier.network;
    let seen = match (&network.first_seen, &network.last_seen) {
        (Some(first), Some(last)) => format!(", seen {first} to {last}"),
        _ => String::new(),
    };
    let held = match (appeal.flagged, appeal.membership, appeal.role) {
        _ if appeal.label == Some(Label::Rejected) => {
            return items(
                &[
                    "People found this account harmless: it is held to be nobody's but its owner's, and is to be left alone."
                        .to_owned(),
                    format!(
                        "Below stands why it was looked at: by what was measured without a person it is near {}, whatever that is held to be.",
                        network.id
                    ),
                    format!("Measured by hydralink {tool}. {}", decided(dossier)),
                ],
                style,
            );
        }
        (false, ..) => "not held to be anybody's but its owner's: the group that it is in lies below the threshold".to_owned(),
        (true, Some(Membership::Ambiguous) | None, _) => {
            format!("held to touch {}, and not to be of it; not to be banned on this alone", network.id)
        }
        (true, _, Some(AccountRole::CompromisedLegitimate)) => {
            format!("held to be its owner's, and used by {} as well; to be secured, not banned", network.id)
        }
        (true, ..) => {
            format!("held to be one of {} accounts that one operator controls ({}){seen}", network.accounts, network.id)
        }
    };
    let mut lines = vec![
        format!("This account is {held}."),
        format!("In short: {}. Each bit doubles the odds: 10 bits make them about 1,000 times as high.", appeal.answer),
        format!(
            "Taken together, what was measured of it speaks {} its belonging: odds of {} to 1 under the models that are \
             documented, which is no rate of errors.",
            if appeal.evidence_bits < 0.0 { "against" } else { "for" },
            times(appeal.evidence_bits.abs())
        ),
        format!("The group: {}; score {:.1} bits. {}.", dossier.verdict, network.score, chance(network)),
        format!("Found by hydralink {tool}, without a person. {}", decided(dossier)),
    ];
    lines.extend(appeal.significance.as_ref().map(|found| {
        format!(
            "Of {} it shares {} with the others of the network, where chance gives {:.3}: p = {:.2e}.",
            found.kinds.join(", "),
            found.shared,
            found.expected,
            found.p_value
        )
    }));
    items(&lines, style)
}

/// What people decided about the group.
fn decided(dossier: &Dossier) -> String {
    match &dossier.case {
        Some(case) => format!("What people decided about the group: {}.", case.standing()),
        None => "No person has decided about the group.".to_owned(),
    }
}

/// How many harmless groups score as much.
fn chance(network: &Network) -> String {
    match network.q_value {
        Some(q) => format!(
            "Of the groups that score as much, {:.1}% are expected to be harmless or chance's (q-value {q:.4})",
            100.0 * q
        ),
        None => "How many harmless groups score as much was not measured on this store (`calibrate`)".to_owned(),
    }
}

/// 2 to the bits, in words.
fn times(bits: f64) -> String {
    let times = bits.exp2();
    match times {
        small if small < 10.0 => format!("{small:.1}"),
        middle if middle < 1e6 => format!("{:.0}", round_to_two(middle)),
        large => format!("10^{:.0}", large.log10().floor()),
    }
}

/// Two digits that count: more would say more than is known.
fn round_to_two(number: f64) -> f64 {
    let unit = 10f64.powf(number.log10().floor() - 1.0);
    (number / unit).round() * unit
}

fn grounds(appeal: &Appeal, style: &dyn Style) -> String {
    let (foremost, more) = appeal.foremost(OF_A_KIND);
    let row = |ground: &Ground| {
        vec![
            style.name(&ground.identifier, 44),
            of_group(ground.members, ground.touching),
            ground.accounts.to_string(),
            times(ground.bits),
            ground.exchanges.to_string(),
            ground.days(),
        ]
    };
    let rows: Vec<Vec<String>> = foremost.into_iter().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let columns = [
        ("identifier", 44, false),
        ("accounts of the group", 8, true),
        ("all accounts", 8, true),
        ("times likelier", 8, true),
        ("its exchanges", 8, true),
        ("when", 24, false),
    ];
    let more: Vec<String> = more.iter().map(|(kind, count)| format!("{count} more {kind}")).collect();
    let more = if more.is_empty() { String::new() } else { format!(" There are {}.", more.join(", ")) };
    let touch = if appeal.grounds.iter().any(|ground| ground.touching > 0) {
        " Accounts in brackets touch the group and don't belong to it; they count as much."
    } else {
        ""
    };
    let kinds = if appeal.corroborated { "at least two kinds" } else { "one kind" };
    let together = format!(
        "Times likelier: how many times likelier an account of the group has it than another.{touch}{more} Together, and with what several of \
         one kind repeat counted less, they carry {:.1} bits ({} times), of {kinds}; it takes {:.1} bits to be tied to a group of this size.",
        appeal.bits,
        times(appeal.bits),
        appeal.needed
    );
    format!("{}\n{}", style.table(&columns, &rows), style.item(&style.prose(&together)))
}

/// A signal in words, and how much it says.
fn plainly(reason: &Reason) -> String {
    let likelier = if reason.bits < 0.0 { "less likely" } else { "likelier" };
    format!(
        "{} Found of one operator's accounts {} times {likelier} than of others'.{}",
        reason.plainly,
        times(reason.bits.abs()),
        reason.note
    )
}

fn against(appeal: &Appeal, network: &Network, counter: &[Reason], style: &dyn Style) -> String {
    let story = network.benign_hypothesis.replace('_', " ");
    let fit = format!(
        "The harmless explanation that fits best is {story}: {} times {} than one operator, on what it says something of.",
        times(network.benign_bits.abs()),
        if network.benign_bits < 0.0 { "less likely" } else { "likelier" }
    );
    let mut lines = appeal.apart_lines();
    lines.extend(counter.iter().map(plainly));
    lines.push(fit);
    items(&lines, style)
}

/// Accounts that belong to the group, and those that only touch it.
fn of_group(members: u64, touching: u64) -> String {
    if touching == 0 { members.to_string() } else { format!("{members} (+{touching})") }
}

fn not_counted(appeal: &Appeal, style: &dyn Style) -> String {
    let row = |shared: &NotCounted| {
        vec![
            style.name(&shared.identifier, 44),
            shared.class.replace('_', " "),
            of_group(shared.members, shared.touching),
            shared.accounts.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = appeal.not_counted.iter().take(NAMED).map(row).collect();
    let columns =
        [("identifier", 44, false), ("what it is", 20, false), ("accounts of the group", 8, true), ("all accounts", 8, true)];
    if rows.is_empty() {
        return String::new();
    }
    let more = appeal.shared_not_counted - rows.len() as u64;
    let more = if more == 0 { String::new() } else { format!("\n{}", style.item(&format!("and {} more", grouped(more)))) };
    style.table(&columns, &rows) + &more
}

/// What of the account's would have to be otherwise, and what of the group's.
fn endings(appeal: &Appeal, dossier: &Dossier, style: &dyn Style) -> String {
    let named = |identifiers: &[String]| {
        let names: Vec<String> = identifiers.iter().take(NAMED).map(|name| style.name(name, 44)).collect();
        let more = identifiers.len().saturating_sub(NAMED);
        names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
    };
    let mut out = String::new();
    if !appeal.ends_without.is_empty() {
        out += &style.item(&format!("Nothing would tie it without all of: {}", named(&appeal.ends_without)));
    }
    if !appeal.enough_together.is_empty() {
        out += &style.item(&format!(
            "These are enough together, so that one of them has to be shown to be wrong: {}",
            named(&appeal.enough_together)
        ));
    }
    out + &items(&dossier.would_change, style)
}

fn checks(appeal: &Appeal, network: &Network, style: &dyn Style) -> String {
    let commands = [
        (format!("hydralink show STORE {}", appeal.account), "what the account had"),
        (format!("hydralink appeal STORE {} --format json", appeal.account), "this, with all grounds"),
        (format!("hydralink network STORE {} --format json", network.id), "the group's case, with every number"),
        ("hydralink verify STORE".to_owned(), "whether the store and its results are unchanged"),
    ];
    commands.iter().map(|(command, what)| style.item(&format!("{}: {what}", style.name(command, 80)))).collect()
}
