//! What single nodes have otherwise: whether there are such, and whether they can.

use super::{DatabaseSpec, NodeOverride, node_at};
use crate::components::Component;
use crate::model::diagnostic::Diagnostics;
use crate::model::node::shortened;
use crate::model::validate::Places;

/// Checks what single nodes have otherwise.
pub(super) fn check(name: &str, database: &DatabaseSpec, places: &mut Places) {
    let later = places.later(name).filter_map(|component| match component {
        Component::Database(database) => Some(database.shards.0),
        _ => None,
    });
    let shards = later.chain([database.shards.0]).max().unwrap_or(1);
    for (place, own) in &database.overrides {
        node((name, database, shards), place, own, places.diagnostics);
    }
}

/// What a single node of a database can't have; it has at most so many shards.
fn node(
    (name, database, shards): (&str, &DatabaseSpec, u64),
    place: &str,
    own: &NodeOverride,
    diagnostics: &mut Diagnostics,
) {
    match node_at(place) {
        None => {
            let found = format!("{} is no node of a database", shortened(place));
            diagnostics.push(own.at.error(found).expected("shard[0], its primary, or shard[0]/replica[0]"));
        }
        Some((shard, _)) if shard >= shards => {
            let found = format!("there is no shard {shard} of {name}");
            diagnostics.push(own.at.error(found).expected(format!("shard[0] to shard[{}]", shards.max(1) - 1)));
        }
        Some((_, Some(replica))) if replica >= database.replicas.0 => {
            let found = format!("there is no replica {replica} of a shard of {name}");
            let expected = match database.replicas.0 {
                0 => "none, for there are none".to_string(),
                count => format!("replica[0] to replica[{}]", count - 1),
            };
            diagnostics.push(own.at.error(found).expected(expected));
        }
        Some(_) => {}
    }
    if own.slots.is_some() && own.cores.is_some() {
        diagnostics.push(own.at.field("cores").error("found `slots` and `cores`").expected("one of them"));
    } else if own.slots.is_some() && database.slots().is_none() {
        let found = "the nodes of this database have `cores` that operations share";
        diagnostics.push(own.at.field("slots").error(found).expected("`cores`"));
    } else if own.cores.is_some() && database.slots().is_some() {
        let found = "the nodes of this database have `slots`";
        diagnostics.push(own.at.field("cores").error(found).expected("`slots`, or `cores` for all"));
    }
}
