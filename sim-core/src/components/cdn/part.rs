//! What a CDN says for itself.

use super::{CdnSpec, Compress, Shield};
use crate::components::{Nature, Outgoing, Part, counted, rested_on};
use crate::lower::Lowering;
use crate::model::address::{Address, Part as AddressPart};
use crate::model::diagnostic::{Diagnostics, did_you_mean};
use crate::model::link::Link;
use crate::model::node::shortened;
use crate::model::validate::{Check, Places};
use crate::plan::Target;

impl Part for CdnSpec {
    fn check(&self, name: &str, check: &mut Check) {
        check.link(&self.to);
        let diagnostics = &mut *check.diagnostics;
        if self.to.to.as_str() == name {
            diagnostics.push(self.to.to.at.error("a CDN can't be its own origin"));
        }
        if self.ttl.min.0 > self.ttl.max.0 {
            let found = "`min` is above `max`";
            diagnostics.push(self.ttl.at.field("min").error(found).expected("at most `max`"));
        }
        if !self.regions.is_empty() && self.regions.values().all(|region| region.share.0 == 0.0) {
            diagnostics.push(self.at.field("regions").error("all shares are zero").expected("one that is not"));
        }
        if let Some(shield) = &self.shield {
            way_to_shield(self, shield, diagnostics);
        }
        if let Some(compress) = &self.compress {
            compression(self, compress, check);
        }
    }

    fn nature() -> Nature {
        Nature { crashes: true, ..Nature::CALLED }
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        vec![Outgoing::over(&self.to)]
    }

    fn answers_from(&self) -> Option<&Link> {
        Some(&self.to)
    }

    fn instance(&self, address: &Address, places: &mut Places) {
        match (address.replica, address.parts.as_slice()) {
            (None, [(AddressPart::Shield, _)]) if self.shield.is_some() => {}
            (Some(region), []) => {
                places.numbered(address, "region", region, Some(self.regions.len().max(1) as u64));
            }
            (Some(_) | None, parts) => {
                let what = parts.first().map_or("part of this name", |(part, _)| part.word());
                places.wrong(address, format!("{} has no {what}", address.component), address.component.clone());
            }
        }
    }

    fn target(&self, id: u32) -> Target {
        Target::Chosen(id)
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.cdn(id, name, self);
    }

    fn assumptions(&self) -> Vec<&'static str> {
        rested_on(&super::LEAVES_OUT, self)
    }

    fn facts(&self) -> Vec<String> {
        vec![counted(self.regions.len().max(1) as u64, "region")]
    }
}

/// The round trips of regions that there are, and of all of them.
fn way_to_shield(spec: &CdnSpec, shield: &Shield, diagnostics: &mut Diagnostics) {
    let (rtt, at) = (&shield.rtt, shield.at.field("rtt"));
    if spec.regions.is_empty() && !rtt.by_region.is_empty() {
        let found = "found round trips by region, and the CDN has no `regions`";
        diagnostics.push(at.error(found).expected("one round trip, as \"20ms\""));
        return;
    }
    for region in rtt.by_region.keys().filter(|region| !spec.regions.contains_key(*region)) {
        let found = format!("there is no region {}", shortened(region));
        let known = spec.regions.keys().map(String::as_str).chain(["default"]);
        diagnostics.push(at.field(region).error(found).help(did_you_mean(region, known)));
    }
    if let Some(region) = spec.regions.keys().find(|region| rtt.of(region).is_none()) {
        let help = "the round trip between its cache and the shield; `default` is that of regions that are not named";
        diagnostics.push(at.error(format!("`{region}` is missing")).help(help));
    }
}

fn compression(spec: &CdnSpec, compress: &Compress, check: &mut Check) {
    let (draft, diagnostics) = (check.draft, &mut *check.diagnostics);
    if compress.min > compress.max {
        let found = "`min` is above `max`";
        diagnostics.push(compress.at.field("min").error(found).expected("at most `max`"));
    }
    let at = spec.at.field("compress");
    if draft.whole && draft.classes.values().all(|class| class.size.is_none()) {
        diagnostics.push(at.warning("`compress` has no effect: no class has a `size`"));
    }
    for name in &compress.classes {
        let Some(class) = draft.classes.get(name.as_str()) else { continue };
        if class.write || (class.no_store && spec.ttl.min.0 == 0) {
            let why = if class.write { "it writes" } else { "`no_store`" };
            let found = format!("answers of {name} are not compressed, for they are not kept: {why}");
            diagnostics.push(name.at.warning(found));
        }
    }
}
