//! Groups that no evidence was weighed for: components, communities.

use hydralink::query::{self, Group};
use hydralink::{CommunitySearch, ComponentFilter, ResolutionPoint};

use crate::Found;
use crate::args::{Algorithm, Communities, Components, QualityName, Shared, TopRows};
use crate::output::{Field, Format, Output, counted, grouped};
use crate::progress::Progress;

/// Prints connected components, or their sizes at every degree cap.
pub(crate) fn components(arguments: &Components, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    if arguments.sweep {
        let sweep = hydralink::degree_sweep(&dataset, &arguments.kind)?;
        let shown = if output.format() == Format::Table { thinned(&sweep) } else { sweep.clone() };
        let found = output.records(&shown, SWEEP)?;
        if shown.len() < sweep.len() {
            output.say(&format!("{} of {} caps; any other format has all", shown.len(), grouped(sweep.len() as u64)))?;
        }
        output.say(&giant_text(&sweep))?;
        return Ok(found);
    }
    let partition = if arguments.detected {
        hydralink::detected_components(&dataset.labelling()?)
    } else {
        let filter = ComponentFilter { kinds: arguments.kind.clone(), max_degree: arguments.max_degree };
        hydralink::components(&dataset, &filter)?
    };
    print_groups(&query::groups(&dataset, &partition, 0), &arguments.top, output)
}

/// Prints communities.
pub(crate) fn communities(arguments: &Communities, shared: &Shared, output: &mut Output) -> anyhow::Result<Found> {
    let dataset = arguments.view.open(&arguments.store)?;
    let search = CommunitySearch {
        algorithm: match arguments.algorithm {
            Algorithm::Leiden => hydralink::Algorithm::Leiden,
            Algorithm::Louvain => hydralink::Algorithm::Louvain,
        },
        quality: match arguments.quality {
            QualityName::Modularity => hydralink::Quality::Modularity,
            QualityName::Cpm => hydralink::Quality::Cpm,
            QualityName::Barber => hydralink::Quality::Barber,
        },
        resolution: arguments.resolution,
        seed: arguments.seed,
        effort: if arguments.converge { hydralink::Effort::Converge } else { hydralink::Effort::Fast },
    };
    if arguments.sweep {
        let usual = hydralink::usual_resolutions();
        let resolutions = if arguments.resolutions.is_empty() { &usual } else { &arguments.resolutions };
        let bar = Progress::new(shared, "sweeping", None, false);
        let points = hydralink::resolution_sweep(&dataset, &search, resolutions, &bar)?;
        drop(bar);
        return Ok(output.records(&points, RESOLUTION)?);
    }
    let found = hydralink::communities(&dataset, &search)?;
    let audit = found.audit;
    let limit = audit.below_resolution_limit.map_or(String::new(), |below| {
        format!("; {} below the resolution limit of modularity, where one may be several", grouped(below))
    });
    output.say(&format!(
        "quality {:.6}, {} {}, {} disconnected, {} badly connected, {} pairs better off as one{limit}",
        found.quality,
        grouped(found.partition.group_count() as u64),
        if found.partition.group_count() == 1 { "community" } else { "communities" },
        audit.disconnected,
        grouped(audit.badly_connected),
        grouped(audit.unseparated)
    ))?;
    print_groups(&query::groups(&dataset, &found.partition, 0), &arguments.top, output)
}

/// Some points of a sweep: each cap a quarter higher than the one before, those on either side of the giant component, and the last.
fn thinned(sweep: &[hydralink::SweepPoint]) -> Vec<hydralink::SweepPoint> {
    let giant = hydralink::Giant::of(sweep);
    let of_giant = |point: &hydralink::SweepPoint| {
        giant.is_some_and(|giant| giant.appears == *point || giant.before == Some(*point)) || sweep.last() == Some(point)
    };
    let mut next = 0;
    let mut keeps = |point: &&hydralink::SweepPoint| {
        let due = point.max_degree >= next;
        if due {
            next = point.max_degree + (point.max_degree / 4).max(1);
        }
        due || of_giant(point)
    };
    sweep.iter().filter(|point| keeps(point)).copied().collect()
}

/// Where the giant component appears, in a line.
fn giant_text(sweep: &[hydralink::SweepPoint]) -> String {
    let Some(hydralink::Giant { appears, before, around, .. }) = hydralink::Giant::of(sweep) else {
        return "no giant component: at no cap does the largest gain a twentieth of all accounts".to_owned();
    };
    let cap = |point: hydralink::SweepPoint| counted(u64::from(point.max_degree), "account");
    let accounts = |count: u64| counted(count, "account");
    let appears_at = format!(
        "the giant component appears when identifiers of {} link: the largest then has {}",
        cap(appears),
        accounts(appears.largest_component)
    );
    match (before.filter(|before| before.linked_accounts > 0), around) {
        (Some(before), Some((less, more))) => format!(
            "{appears_at}. Below, at {}, it has {} of {} linked; with a cap a fifth lower {}, a fifth higher {}",
            cap(before),
            accounts(before.largest_component),
            grouped(before.linked_accounts),
            grouped(less),
            grouped(more)
        ),
        _ => format!("{appears_at}. No lower cap links anybody"),
    }
}

fn print_groups(groups: &[Group], top: &TopRows, output: &mut Output) -> anyhow::Result<Found> {
    let top = top.of(groups.len(), output.format());
    Ok(output.first(groups, top, GROUP)?)
}

const GROUP: &[Field<Group>] = &[
    Field::number("id", |group| group.id.to_string()),
    Field::number("accounts", |group| group.accounts.to_string()),
    Field::number("identifiers", |group| group.identifiers.to_string()),
    Field::name("example", |group| group.example.clone()),
];

const SWEEP: &[Field<hydralink::SweepPoint>] = &[
    Field::number("max_degree", |point| point.max_degree.to_string()),
    Field::number("components", |point| point.components.to_string()),
    Field::of("largest_component", Field::number("largest", |point| point.largest_component.to_string())),
    Field::of("linked_accounts", Field::number("linked", |point| point.linked_accounts.to_string())),
    Field::number("jump", |point| format!("{:.3}", point.jump)),
];

const RESOLUTION: &[Field<ResolutionPoint>] = &[
    Field::number("resolution", |point| format!("{:.3}", point.resolution)),
    Field::number("communities", |point| point.communities.to_string()),
    Field::of("largest_community", Field::number("largest", |point| point.largest_community.to_string())),
    Field::number("quality", |point| format!("{:.4}", point.quality)),
    Field::of("adjusted_rand", Field::number("ARI", |point| rounded(point.adjusted_rand))),
    Field::of("variation_of_information", Field::number("VI", |point| rounded(point.variation_of_information))),
    Field::text("plateau", |point| if point.plateau { "here" } else { "" }.to_owned()),
    Field::csv("disconnected"),
    Field::csv("badly_connected"),
    Field::csv("unseparated"),
    Field::csv("below_resolution_limit"),
];

fn rounded(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| format!("{value:.3}"))
}
