//! Phases: what the time of a frame is spent on.

use super::World;
use super::frame::{Frame, Waiting};
use crate::engine::slab::NONE;

impl<const TRACED: bool> World<'_, TRACED> {
    /// Adds time to the log of a frame.
    #[inline(always)]
    pub(super) fn log(&mut self, frame: u32, cell: u16, ns: u64) {
        let log = self.frames[frame].log;
        if log != NONE {
            self.logs[log as usize].add(cell, ns);
        }
    }

    /// Ends the open phase of a frame and writes it down.
    #[inline(always)]
    pub(super) fn close_phase(&mut self, frame: u32) {
        let Frame { cell, since, .. } = self.frames[frame];
        self.log(frame, cell, self.now - since);
        self.trace_phase(frame, cell, since, self.now);
    }

    /// Opens a phase.
    #[inline(always)]
    pub(super) fn open_phase(&mut self, frame: u32, cell: u16, waiting: Waiting) {
        let now = self.now;
        let frame = &mut self.frames[frame];
        frame.cell = cell;
        frame.since = now;
        frame.waiting = waiting;
    }
}
