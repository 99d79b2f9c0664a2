//! The entries of a store, and queues threaded through them.

use super::index::Index;

/// No entry.
pub const NO_ENTRY: u32 = u32::MAX;

/// What is kept of a key.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub key: u64,
    pub expires_ns: i64,
    pub version: u32,
    pub weight: u32,
}

/// The neighbours of an entry. They are apart from the entries, since a hit touches those of up to four: eight to a cache line.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Towards the front of its queue.
    pub newer: u32,
    /// Towards the back of its queue; in a free entry, the next free one.
    pub older: u32,
}

/// All entries and where they are.
#[derive(Debug, Clone)]
pub struct Table {
    entries: Vec<Entry>,
    /// By entry: its neighbours.
    links: Vec<Link>,
    /// By entry: what its policy remembers of it (a count, a bit, a queue, a place).
    marks: Vec<u32>,
    free: u32,
    index: Index,
    /// Sum of the entries' weights.
    pub weight: u64,
    /// How many there are.
    pub length: u32,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            links: Vec::new(),
            marks: Vec::new(),
            free: NO_ENTRY,
            index: Index::default(),
            weight: 0,
            length: 0,
        }
    }
}

impl Table {
    /// The entry of a key.
    #[inline]
    pub fn find(&self, key: u64) -> Option<u32> {
        self.index.find(key, |at| self.entries[at as usize].key)
    }

    /// An entry.
    #[inline(always)]
    pub fn entry(&self, at: u32) -> &Entry {
        &self.entries[at as usize]
    }

    /// An entry, to be changed.
    #[inline(always)]
    pub fn entry_mut(&mut self, at: u32) -> &mut Entry {
        &mut self.entries[at as usize]
    }

    /// The neighbours of an entry.
    #[inline(always)]
    pub fn link(&self, at: u32) -> Link {
        self.links[at as usize]
    }

    #[inline(always)]
    fn link_mut(&mut self, at: u32) -> &mut Link {
        &mut self.links[at as usize]
    }

    /// What its policy remembers of an entry.
    #[inline(always)]
    pub fn mark(&self, at: u32) -> u32 {
        self.marks[at as usize]
    }

    /// Lets the policy remember something of an entry.
    #[inline(always)]
    pub fn set_mark(&mut self, at: u32, mark: u32) {
        self.marks[at as usize] = mark;
    }

    /// Adds an entry of a key that has none; it is in no queue.
    pub fn add(&mut self, entry: Entry) -> u32 {
        let at = if self.free == NO_ENTRY {
            self.entries.push(entry);
            self.links.push(Link { newer: NO_ENTRY, older: NO_ENTRY });
            self.marks.push(0);
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 entries fit in memory")
        } else {
            let at = self.free;
            self.free = self.links[at as usize].older;
            self.entries[at as usize] = entry;
            self.marks[at as usize] = 0;
            at
        };
        self.index.insert(entry.key, at);
        self.weight += u64::from(entry.weight);
        self.length += 1;
        at
    }

    /// Drops an entry that is in no queue any more.
    pub fn drop_entry(&mut self, at: u32) {
        let Entry { key, weight, .. } = self.entries[at as usize];
        self.index.remove(key, at);
        self.weight -= u64::from(weight);
        self.length -= 1;
        self.links[at as usize].older = self.free;
        self.free = at;
    }

    /// Lets all entries expire at a moment at the latest.
    pub fn end_all(&mut self, expires_ns: i64) {
        for entry in &mut self.entries {
            entry.expires_ns = entry.expires_ns.min(expires_ns);
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.links.clear();
        self.marks.clear();
        self.index.clear();
        (self.free, self.weight, self.length) = (NO_ENTRY, 0, 0);
    }
}

/// A queue of entries: new ones come in at the front, old ones are at the back.
#[derive(Debug, Clone, Copy)]
pub struct Queue {
    pub front: u32,
    pub back: u32,
    /// Sum of its entries' weights.
    pub weight: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self { front: NO_ENTRY, back: NO_ENTRY, weight: 0 }
    }
}

impl Queue {
    /// Whether nothing is in it.
    pub const fn is_empty(&self) -> bool {
        self.back == NO_ENTRY
    }

    /// Puts an entry to the front.
    #[inline]
    pub fn push(&mut self, table: &mut Table, at: u32) {
        let front = std::mem::replace(&mut self.front, at);
        match front {
            NO_ENTRY => self.back = at,
            _ => table.link_mut(front).newer = at,
        }
        *table.link_mut(at) = Link { newer: NO_ENTRY, older: front };
        self.weight += u64::from(table.entry(at).weight);
    }

    /// Takes an entry out, wherever it is.
    #[inline]
    pub fn unlink(&mut self, table: &mut Table, at: u32) {
        self.weight -= u64::from(table.entry(at).weight);
        self.take_out(table, at);
    }

    #[inline(always)]
    fn take_out(&mut self, table: &mut Table, at: u32) {
        let Link { newer, older } = table.link(at);
        match newer {
            NO_ENTRY => self.front = older,
            _ => table.link_mut(newer).older = older,
        }
        match older {
            NO_ENTRY => self.back = newer,
            _ => table.link_mut(older).newer = newer,
        }
    }

    /// Moves an entry of the queue to its front.
    #[inline]
    pub fn renew(&mut self, table: &mut Table, at: u32) {
        let front = self.front;
        if front != at {
            self.take_out(table, at);
            table.link_mut(front).newer = at;
            *table.link_mut(at) = Link { newer: NO_ENTRY, older: front };
            self.front = at;
        }
    }
}
