//! Where the time of a request goes: an exact division of its latency among cells (component and phase).
//!
//! While a request is on its way, a log collects (cell, nanoseconds). When it ends, the log is added to the sums of
//! all requests of about its latency, from which the shares at p50 and at p99 are read: no memory per request.

use super::histogram::Histogram;

/// Set in a cell's number: the time was spent on a try that was given up.
pub const ABANDONED: u16 = 1 << 15;

const NS_BITS: u32 = 48;
const NS_MAX: u64 = (1 << NS_BITS) - 1;

/// What one request's time was spent on, in order.
#[derive(Debug, Clone, Default)]
pub struct Log {
    entries: Vec<u64>,
    last_mark: u32,
}

impl Log {
    /// Empties it for another request.
    #[inline(always)]
    pub fn clear(&mut self) {
        self.entries.clear();
        self.last_mark = 0;
    }

    /// The number of entries: what came later is what lies beyond.
    #[inline(always)]
    pub fn mark(&mut self) -> u32 {
        self.last_mark = self.entries.len() as u32;
        self.last_mark
    }

    /// Adds time to a cell.
    #[inline(always)]
    pub fn add(&mut self, cell: u16, ns: u64) {
        if ns == 0 {
            return;
        }
        debug_assert!(ns <= NS_MAX);
        self.entries.push(((cell as u64) << NS_BITS) | ns);
        if self.entries.len() - self.last_mark as usize == COMPACT_AT {
            self.compact();
        }
    }

    /// Appends another log: the branch that was waited for.
    pub fn append(&mut self, other: &Log) {
        for &entry in &other.entries {
            self.add((entry >> NS_BITS) as u16, entry & NS_MAX);
        }
    }

    /// Marks all that was added after `mark` as spent on a try that was given up.
    pub fn abandon(&mut self, mark: u32) {
        for entry in self.entries.iter_mut().skip(mark as usize) {
            *entry |= (ABANDONED as u64) << NS_BITS;
        }
    }

    /// The entries: (cell, nanoseconds).
    #[inline(always)]
    pub fn entries(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.entries.iter().map(|&entry| ((entry >> NS_BITS) as u16, entry & NS_MAX))
    }

    /// All time in it, nanoseconds.
    pub fn total(&self) -> u64 {
        self.entries().map(|(_, ns)| ns).sum()
    }

    /// Joins the entries of a cell, so that a request of very many steps stays small; only after the last mark, so
    /// that all marks stay valid.
    #[cold]
    fn compact(&mut self) {
        let mut index = self.last_mark as usize;
        while index < self.entries.len() {
            let cell = self.entries[index] >> NS_BITS;
            let mut later = index + 1;
            while later < self.entries.len() {
                let sum = (self.entries[index] & NS_MAX) + (self.entries[later] & NS_MAX);
                if self.entries[later] >> NS_BITS == cell && sum <= NS_MAX {
                    self.entries[index] = (cell << NS_BITS) | sum;
                    self.entries.remove(later);
                } else {
                    later += 1;
                }
            }
            index += 1;
        }
    }
}

/// Beyond this many entries, those of one cell are joined.
const COMPACT_AT: usize = 1024;

/// Sums over requests, by latency and cell.
#[derive(Debug, Clone)]
pub struct Breakdown {
    cells: usize,
    rows: Vec<u64>,
}

/// Rows an octave of latency: fine enough that the edges of the bands hardly matter.
const ROW_BITS: u32 = 5;

#[inline(always)]
fn row_of(ns: u64) -> usize {
    let ns = ns | (1 << ROW_BITS);
    let shift = 63 - ns.leading_zeros() - ROW_BITS;
    ((shift as usize) << ROW_BITS) + (ns >> shift) as usize
}

impl Breakdown {
    /// For this many cells.
    pub fn new(cells: usize) -> Self {
        Breakdown { cells, rows: Vec::new() }
    }

    /// Adds a request that ended after `latency_ns`. The two halves of a row are time that counted and abandoned time,
    /// after the row's number of requests.
    #[inline]
    pub fn record(&mut self, latency_ns: u64, log: &Log) {
        let width = self.width();
        let base = row_of(latency_ns) * width;
        if base + width > self.rows.len() {
            self.grow(base + width);
        }
        let row = &mut self.rows[base..base + width];
        row[0] += 1;
        for (cell, ns) in log.entries() {
            let half = (cell >> 15) as usize * self.cells;
            row[1 + half + (cell & !ABANDONED) as usize] += ns;
        }
    }

    #[inline(always)]
    fn width(&self) -> usize {
        1 + 2 * self.cells
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        self.rows.resize(len, 0);
    }

    /// Adds the sums of another run of the same plan.
    pub fn merge(&mut self, other: &Breakdown) {
        if other.rows.len() > self.rows.len() {
            self.grow(other.rows.len());
        }
        for (mine, theirs) in self.rows.iter_mut().zip(&other.rows) {
            *mine += theirs;
        }
    }

    /// The mean nanoseconds per cell (abandoned ones in the second half) of the requests whose rank, as a share of
    /// all, lies in `from..to`. A row that an edge cuts counts by the part that lies inside.
    pub fn band(&self, from: f64, to: f64) -> Vec<f64> {
        let width = self.width();
        let total: u64 = self.rows.chunks(width).map(|row| row[0]).sum();
        let mut sums = vec![0.0; 2 * self.cells];
        let (low, high) = (from * total as f64, to * total as f64);
        let (mut before, mut inside) = (0.0, 0.0);
        for row in self.rows.chunks(width).filter(|row| row[0] > 0) {
            let after = before + row[0] as f64;
            let part = (after.min(high) - f64::max(before, low)).max(0.0);
            for (sum, &ns) in sums.iter_mut().zip(&row[1..]) {
                *sum += ns as f64 * (part / row[0] as f64);
            }
            inside += part;
            before = after;
        }
        if inside > 0.0 {
            sums.iter_mut().for_each(|sum| *sum /= inside);
        }
        sums
    }

    /// All time in it and all requests, for the audit: it must be the sum of the latencies.
    pub fn totals(&self) -> (u128, u64) {
        let width = self.width();
        self.rows
            .chunks(width)
            .fold((0, 0), |(ns, count), row| (ns + row[1..].iter().map(|&ns| ns as u128).sum::<u128>(), count + row[0]))
    }

    /// Whether its sums are those of the latencies in a histogram.
    pub fn agrees_with(&self, latency: &Histogram) -> bool {
        self.totals() == (latency.sum(), latency.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_every_nanosecond() {
        let mut log = Log::default();
        for step in 0..10_000_u64 {
            log.add((step % 7) as u16, step + 1);
        }
        assert_eq!(log.total(), (1..=10_000).sum::<u64>());
        assert!(log.entries().count() < COMPACT_AT);
    }

    #[test]
    fn abandoning_marks_what_came_after() {
        let mut log = Log::default();
        log.add(1, 10);
        let mark = log.mark();
        log.add(1, 5);
        log.abandon(mark);
        assert_eq!(log.entries().collect::<Vec<_>>(), [(1, 10), (1 | ABANDONED, 5)]);
    }

    #[test]
    fn bands_divide_the_latency_of_their_requests() {
        let mut breakdown = Breakdown::new(2);
        for latency in 1..=1000_u64 {
            let mut log = Log::default();
            log.add(0, latency / 3 * 1_000_000);
            log.add(1, (latency - latency / 3) * 1_000_000);
            breakdown.record(latency * 1_000_000, &log);
        }
        let slowest: f64 = breakdown.band(0.99, 1.0).iter().sum();
        assert!((slowest / 995.5e6 - 1.0).abs() < 0.03, "{slowest}");
        let median = breakdown.band(0.45, 0.55);
        assert!((median[0] / median.iter().sum::<f64>() - 1.0 / 3.0).abs() < 0.01);
    }
}
