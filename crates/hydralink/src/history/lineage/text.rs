//! A lineage as text for people.

use std::fmt::Write;

use super::{Event, Lineage};
use crate::counted::counted;

/// The life of a network, in lines.
pub fn text(lineage: &Lineage) -> String {
    let mut out = String::new();
    // Writing into a String doesn't fail.
    let _ = write_text(&mut out, lineage);
    out
}

fn write_text(out: &mut String, lineage: &Lineage) -> std::fmt::Result {
    writeln!(
        out,
        "{}: {}, {}, {} of them not banned, on record for {}",
        lineage.id,
        lineage.standing.name(),
        counted(lineage.accounts, "account"),
        lineage.live,
        counted(lineage.runs, "detection")
    )?;
    if let Some(decided) = &lineage.decided {
        writeln!(out, "case: {decided}")?;
    }
    match &lineage.regeneration {
        None => writeln!(out, "regeneration: not known (it takes three bans up to the last event, and creation times)")?,
        Some(regeneration) => {
            write!(
                out,
                "regeneration: {} of {} were made up for (R = {:.2}",
                regeneration.replaced,
                if regeneration.looked_at < regeneration.bans - regeneration.bans_after_last_event {
                    format!("{} drawn from its {}", counted(regeneration.looked_at, "ban"), regeneration.bans)
                } else {
                    format!("its {}", counted(regeneration.looked_at, "ban"))
                },
                regeneration.rate
            )?;
            if let (Some(expected), Some(p)) = (regeneration.expected, regeneration.p_value) {
                write!(out, "; {expected:.2} expected by chance; p = {p:.3}, of how soon new accounts follow as well")?;
            }
            write!(out, ")")?;
            if regeneration.bans_after_last_event > 0 {
                write!(out, ", {} more after the last event", regeneration.bans_after_last_event)?;
            }
            if let Some([quick, median, slow]) = regeneration.lag_seconds {
                write!(out, ", half of them within {} (quartiles {} to {})", time(median), time(quick), time(slow))?;
            }
            writeln!(out)?;
        }
    }
    let standby = &lineage.standby;
    if let Some(p) = standby.p_value {
        writeln!(
            out,
            "wakings: {} after a week's silence, {} of them soon after a ban ({:.1} expected by chance, p = {p:.3})",
            standby.wakings, standby.after_bans, standby.expected
        )?;
    }
    if let Some(p) = standby.waiting_p_value {
        writeln!(
            out,
            "in reserve (silent for a week while it was not, and hardly used before, or coming and going): {} of {} live accounts \
             ({:.1} expected of such, p = {p:.3})",
            standby.waiting, lineage.live, standby.waiting_expected
        )?;
    }
    if standby.spent > 0 {
        let was = if standby.spent == 1 { "was" } else { "were" };
        writeln!(
            out,
            "used up: {} of {} live accounts {was} used like the others, and silent for a week",
            standby.spent, lineage.live
        )?;
    }
    if let Some(warning) = &lineage.warning {
        writeln!(out, "warning: {warning}")?;
        writeln!(out, "  waiting: {}", standby.accounts.join(", "))?;
    }
    writeln!(out, "\nWhat happened\n")?;
    for event in &lineage.events {
        write_event(out, event)?;
    }
    Ok(())
}

fn write_event(out: &mut String, event: &Event) -> std::fmt::Result {
    let with = match (event.with.is_empty(), event.event.as_str()) {
        (true, _) => String::new(),
        (false, "closed") => format!(" into {}", event.with.join(", ")),
        (false, _) => format!(" from {}", event.with.join(", ")),
    };
    let cause = event.cause.filter(|cause| !cause.goes_without_saying(&event.event));
    let cause = cause.map_or(String::new(), |cause| format!(" ({})", cause.name().replace('_', " ")));
    writeln!(
        out,
        "  run {:<3} {:<20}  {}{with}{cause}: {} -> {}, {} gained, {} lost, {} banned since the run before",
        event.run,
        event.as_of.as_deref().unwrap_or("at an unknown time"),
        event.event,
        event.before,
        counted(event.after, "account"),
        event.gained,
        event.lost,
        event.banned
    )?;
    if event.carried_over > 0 {
        let named: Vec<String> =
            event.carriers.iter().map(|carrier| format!("{} ({})", carrier.identifier, carrier.accounts)).collect();
        writeln!(out, "      {} of its identifiers on accounts gained: {}", event.carried_over, named.join(", "))?;
    }
    Ok(())
}

/// A length of time in the largest unit that it fills.
fn time(seconds: u32) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
