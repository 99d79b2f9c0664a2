//! Faults: whether they say all that they need, and whether their targets can fail so.

use std::collections::BTreeSet;

use super::names::{a, one_that};
use super::timing::{exists, in_range};
use crate::components::nature_of;
use crate::model::address::Address;
use crate::model::change::Change;
use crate::model::diagnostic::Diagnostics;
use crate::model::draft::Draft;
use crate::model::fault::{Fault, FaultKind};
use crate::model::spec::in_a_row;

/// Checks a fault.
pub fn check(draft: &Draft, changes: &[Change], fault: &Fault, diagnostics: &mut Diagnostics) {
    times(fault, diagnostics);
    figures(fault, diagnostics);
    if let FaultKind::ZoneOutage { .. } = fault.kind {
        zone_outage(draft, fault, diagnostics);
    } else if fault.targets().is_empty() {
        let mistake = match (&fault.target, &fault.kind) {
            (Some(_), _) => fault.at.field("target").error("found an empty list").expected("what fails"),
            (None, FaultKind::Partition { .. }) => fault
                .at
                .error("`to` is missing")
                .help("what is cut off: { \"partition\": { \"from\": \"web\", \"to\": \"orders\" } }"),
            (None, _) => fault.at.error("`target` is missing").help("what fails: components or instances"),
        };
        diagnostics.push(mistake);
    }
    for target in fault.targets() {
        if exists(draft, target, diagnostics) {
            target_kind(draft, changes, fault, target, diagnostics);
        }
    }
    for caller in fault.callers() {
        if exists(draft, caller, diagnostics) {
            if draft.kind(&caller.component) == Some("autoscaler") {
                let found = format!("{} is an autoscaler, which calls nobody", caller.component);
                diagnostics.push(caller.at.error(found).expected("a component that calls"));
            } else {
                in_range(draft, changes, caller, diagnostics);
            }
        }
    }
}

/// When it comes: once, or again and again.
fn times(fault: &Fault, diagnostics: &mut Diagnostics) {
    let flush = fault.kind == FaultKind::Flush;
    let mut missing = |field: &str, help: &str| {
        diagnostics.push(fault.at.error(format!("`{field}` is missing")).help(help));
    };
    match (fault.at_time, &fault.mtbf) {
        (None, None) => missing("at", "when it begins, from the start of the window; or `mtbf`, how often"),
        (Some(_), None) if fault.duration.is_none() && !flush => missing("for", "how long it lasts"),
        (None, Some(_)) if fault.mttr.is_none() && !flush => missing("mttr", "the mean time to repair"),
        (Some(_) | None, Some(_)) | (Some(_), None) => {}
    }
    if fault.mtbf.is_some() {
        for (there, field) in [(fault.at_time.is_some(), "at"), (fault.duration.is_some(), "for")] {
            if there {
                let found = format!("found `{field}` and `mtbf`");
                diagnostics.push(
                    fault.at.field(field).error(found).expected("a moment (`at`, `for`) or chance (`mtbf`, `mttr`)"),
                );
            }
        }
    } else if fault.mttr.is_some() {
        diagnostics.push(fault.at.error("`mtbf` is missing").help("the mean time between failures"));
    }
}

/// What each kind needs besides, and what has no effect.
fn figures(fault: &Fault, diagnostics: &mut Diagnostics) {
    let kind = &fault.kind;
    let word = kind.word();
    let partition = matches!(kind, FaultKind::Partition { .. });
    // The field, whether it is there, whether the kind wants it, whether the kind has it already, and what it says.
    let fields = [
        (
            "factor",
            fault.factor.is_some(),
            matches!(kind, FaultKind::Slow { .. }),
            matches!(kind, FaultKind::Slow { factor: Some(_) }),
            "how many times slower",
        ),
        (
            "error_rate",
            fault.error_rate.is_some(),
            matches!(kind, FaultKind::ErrorRate { .. }),
            matches!(kind, FaultKind::ErrorRate { share: Some(_) }),
            "the share of calls that fail",
        ),
        (
            "latency",
            fault.latency.is_some(),
            matches!(kind, FaultKind::Latency { .. }),
            matches!(kind, FaultKind::Latency { added: Some(_) }),
            "how much longer a call is on the wire",
        ),
        (
            "share",
            fault.share.is_some(),
            matches!(kind, FaultKind::Loss { .. }),
            matches!(kind, FaultKind::Loss { share: Some(_) }),
            "the share of messages that are lost",
        ),
    ];
    for (field, there, wanted, inside, help) in fields {
        match (there, wanted, inside) {
            (true, false, _) => {
                let found = format!("`{field}` has no effect: the fault is {}", a(word));
                diagnostics.push(fault.at.field(field).warning(found));
            }
            (true, true, true) => {
                let found = format!("found two of `{field}`");
                let found = if field == "factor" { "found two factors".to_string() } else { found };
                diagnostics.push(fault.at.field(field).error(found).expected("one of them"));
            }
            (false, true, false) => diagnostics.push(fault.at.error(format!("`{field}` is missing")).help(help)),
            (true, true, false) | (false, true, true) | (false, false, _) => {}
        }
    }
    if !partition {
        for (there, field) in [(fault.from.is_some(), "from"), (fault.to.is_some(), "to")] {
            if there {
                diagnostics
                    .push(fault.at.field(field).warning(format!("`{field}` has no effect: the fault is no partition")));
            }
        }
    }
    if fault.kind == FaultKind::Flush && (fault.duration.is_some() || fault.mttr.is_some()) {
        let field = if fault.duration.is_some() { "for" } else { "mttr" };
        diagnostics.push(fault.at.field(field).warning(format!("`{field}` has no effect: a flush is over at once")));
    }
}

/// A zone outage names a zone that there is.
fn zone_outage(draft: &Draft, fault: &Fault, diagnostics: &mut Diagnostics) {
    let Some(zone) = fault.zone_out() else {
        diagnostics
            .push(fault.at.error("`zone` is missing").help("which zone is out: { \"zone-outage\": \"zone-b\" }"));
        return;
    };
    let known: Vec<_> = draft.components.values().filter_map(|component| component.part().zones()).collect();
    if !known.iter().any(|zones| zones.position(zone).is_some()) {
        let names = in_a_row(known.iter().flat_map(|zones| zones.0.iter().map(String::as_str)));
        let help =
            if known.is_empty() { "give a server-pool `zones`".to_string() } else { format!("there are {names}") };
        diagnostics.push(fault.at.error(format!("there is no zone {zone}")).help(help));
    }
}

fn target_kind(draft: &Draft, changes: &[Change], fault: &Fault, target: &Address, diagnostics: &mut Diagnostics) {
    let Some(kind) = draft.kind(&target.component) else { return };
    // A type that there is not has been told.
    let Some(nature) = nature_of(kind) else { return };
    let crashes = |verb| (nature.crashes, verb, one_that(|nature| nature.crashes));
    let (fits, verb, expected) = match fault.kind {
        FaultKind::Crash => crashes("crash"),
        FaultKind::Slow { .. } => crashes("be slow"),
        FaultKind::Stall => crashes("stall"),
        FaultKind::ErrorRate { .. } => (nature.errs, "have an error rate", one_that(|nature| nature.errs)),
        FaultKind::ZoneOutage { .. } => (kind == "server-pool", "lose a zone", "a server-pool".to_string()),
        FaultKind::Flush => (kind == "cache", "be flushed", "a cache".to_string()),
        FaultKind::Latency { .. } | FaultKind::Loss { .. } | FaultKind::Partition { .. } => {
            (nature.called, "be called", "something that is called".to_string())
        }
    };
    if !fits {
        let found = format!("{} is {}, which can't {verb}", target.component, a(kind));
        diagnostics.push(target.at.error(found).expected(expected));
        return;
    }
    in_range(draft, changes, target, diagnostics);
}

/// Whether those that partitions cut off call at all what they are cut off from. `calls`: who calls whom.
pub fn partitions(draft: &Draft, calls: &BTreeSet<(String, String)>, diagnostics: &mut Diagnostics) {
    for fault in draft.faults.iter().filter(|fault| fault.kind.is_of_links()) {
        for target in fault.targets() {
            let called_by: Vec<&str> =
                calls.iter().filter(|(_, to)| *to == target.component).map(|(from, _)| from.as_str()).collect();
            if called_by.is_empty() {
                diagnostics
                    .push(target.at.warning(format!("the fault has no effect: nobody calls {}", target.component)));
            }
            for caller in fault.callers() {
                if !reaches(draft, calls, &caller.component, &target.component) {
                    let found = format!("{} does not call {}", caller.component, target.component);
                    let help = format!("these do: {}", called_by.join(", "));
                    diagnostics.push(caller.at.error(found).help(help));
                }
            }
        }
    }
}

/// Whether a component calls another, by itself or through what passes its calls on.
fn reaches(draft: &Draft, calls: &BTreeSet<(String, String)>, from: &str, to: &str) -> bool {
    let next = calls.iter().filter(|(caller, _)| caller == from).map(|(_, callee)| callee.as_str());
    next.into_iter().any(|callee| {
        let passes_on = draft.components.get(callee).is_some_and(|component| component.part().passes_on());
        callee == to || (passes_on && callee != from && reaches(draft, calls, callee, to))
    })
}
