//! Connections to databases.

use super::frame::{CONNECTED, POOLED};
use super::{Next, World};
use crate::plan::{Kind, Outcome};

impl<const TRACED: bool> World<'_, TRACED> {
    // Databases.

    /// A call without a pool opens a connection of its own, or is refused.
    pub(super) fn connect_own(&mut self, frame: u32, database: u32) -> Next {
        if self.frames[frame].has(POOLED) {
            return Next::Step;
        }
        if !self.open_connection(database) {
            return Next::Fail(Outcome::ConnectionRefused);
        }
        self.frames[frame].flags |= CONNECTED;
        Next::Step
    }

    /// It closes it.
    pub(super) fn disconnect_own(&mut self, frame: u32, database: u32) -> Next {
        if self.frames[frame].has(CONNECTED) {
            self.frames[frame].flags &= !CONNECTED;
            self.close_connections(database, 1);
        }
        self.after_cleanup(frame)
    }

    /// Opens a connection to a database, at each of its primaries; false where it takes no more.
    pub(super) fn open_connection(&mut self, database: u32) -> bool {
        let plan = &self.plan.databases[database as usize];
        if self.databases[database as usize].connections >= plan.connections {
            self.expire_connections(database);
        }
        let component = plan.component;
        let accepted = self.databases[database as usize].connections < plan.connections;
        self.databases[database as usize].connections += accepted as u32;
        self.count_connections(component, accepted as i32, !accepted);
        accepted
    }

    pub(super) fn close_connections(&mut self, database: u32, count: u32) {
        self.databases[database as usize].connections -= count;
        let component = self.plan.databases[database as usize].component;
        self.count_connections(component, -(count as i32), false);
    }

    /// Brings the `connections` station of each primary up to date.
    fn count_connections(&mut self, component: u32, change: i32, refused: bool) {
        let Kind::Database(database) = self.plan.components[component as usize].kind else { unreachable!() };
        let nodes = 1 + self.plan.databases[database as usize].replicas;
        if self.plan.components[component as usize].stations.len() < 2 {
            return;
        }
        let (now, open) = (self.now, self.open);
        let clipped = self.clip(now) as u128;
        for (ordinal, &instance) in self.members[component as usize].iter().enumerate() {
            if !(ordinal as u32).is_multiple_of(nodes) {
                continue;
            }
            let station = &mut self.stations[self.instances[instance as usize].stations as usize + 1];
            for _ in 0..change.unsigned_abs() {
                if change > 0 { station.begin(now) } else { station.end(now) }
            }
            let tally = &mut station.tally;
            tally.holders = tally.holders.wrapping_add_signed(change);
            for _ in 0..change.unsigned_abs() {
                tally.served =
                    if change > 0 { tally.served.wrapping_sub(clipped) } else { tally.served.wrapping_add(clipped) };
            }
            tally.arrivals += (open && (change > 0 || refused)) as u64;
            tally.rejected += (open && refused) as u64;
        }
    }
}
