//! The jobs of a batch on several threads.
//!
//! Each point has a desk, where its plan lies for as long as it has jobs. A thread takes a desk of its own, lays the plan
//! out and does the jobs there; when no desk is free, it helps at those of others. So with many points no thread waits
//! for another's plan, and with a single one all share it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::ThreadPool;
use sim_core::experiment::{Job, Point, Prepared, Record, Subjects};

use crate::error::Failure;
use crate::interrupt;
use crate::journal::Journal;
use crate::progress::Progress;

/// Jobs that may run in any order.
pub struct Batch<'b> {
    jobs: &'b [Job],
    points: &'b [Point],
    subjects: &'b Subjects<'b>,
    journal: Option<&'b Journal>,
    progress: &'b Progress,
    desks: Vec<Desk<'b>>,
    /// The first desk that nobody has taken.
    free: AtomicUsize,
    failed: AtomicBool,
}

/// A point and what is left to do there.
struct Desk<'b> {
    point: u32,
    work: Mutex<Work<'b>>,
}

#[derive(Default)]
struct Work<'b> {
    /// The numbers, in the batch, of the jobs that nobody has begun.
    jobs: VecDeque<usize>,
    /// The plan, from the first job to the last.
    prepared: Option<Arc<Prepared<'b>>>,
    is_open: bool,
}

/// Records by the number of their job in the batch.
type Done = Vec<(usize, Record)>;

impl<'b> Batch<'b> {
    /// The jobs of some points; what the journal knows is taken from there.
    pub fn new(
        jobs: &'b [Job],
        points: &'b [Point],
        subjects: &'b Subjects<'b>,
        journal: Option<&'b Journal>,
        progress: &'b Progress,
    ) -> Self {
        let mut desks: Vec<Desk> = Vec::new();
        let mut places: BTreeMap<u32, usize> = BTreeMap::new();
        for (number, job) in jobs.iter().enumerate() {
            let place = *places.entry(job.point).or_insert_with(|| {
                desks.push(Desk { point: job.point, work: Mutex::default() });
                desks.len() - 1
            });
            let work = desks[place].work.get_mut().unwrap_or_else(PoisonError::into_inner);
            work.jobs.push_back(number);
        }
        progress.expect_more(jobs.len() as u64, desks.len() as u64);
        Self {
            jobs,
            points,
            subjects,
            journal,
            progress,
            desks,
            free: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
        }
    }

    /// Runs them; the records are in the order of the jobs, and fewer where it was interrupted.
    ///
    /// # Errors
    /// A point is no right model.
    pub fn run(&self, threads: &ThreadPool) -> Result<Vec<Record>, Failure> {
        let results: Result<Vec<Done>, Failure> = threads.broadcast(|_| self.work()).into_iter().collect();
        let mut done: Done = results?.into_iter().flatten().collect();
        done.sort_unstable_by_key(|(number, _)| *number);
        Ok(done.into_iter().map(|(_, record)| record).collect())
    }

    /// What one thread does.
    fn work(&self) -> Result<Done, Failure> {
        let mut done = Done::new();
        let free = std::iter::from_fn(|| self.desks.get(self.free.fetch_add(1, Ordering::Relaxed)));
        for desk in free.chain(&self.desks) {
            if let Err(failure) = self.sit_down_at(desk, &mut done) {
                self.failed.store(true, Ordering::Relaxed);
                return Err(failure);
            }
        }
        Ok(done)
    }

    /// Does the jobs of a desk, with whoever else sits there.
    fn sit_down_at(&self, desk: &Desk<'b>, done: &mut Done) -> Result<(), Failure> {
        while !self.is_over() {
            let (number, prepared) = {
                let mut work = desk.work.lock().unwrap_or_else(PoisonError::into_inner);
                if !work.is_open {
                    work.is_open = true;
                    self.open(desk.point, &mut work, done)?;
                }
                let (Some(number), Some(prepared)) = (work.jobs.pop_front(), work.prepared.clone()) else {
                    return Ok(());
                };
                if work.jobs.is_empty() {
                    work.prepared = None;
                    self.progress.point_done();
                }
                (number, prepared)
            };
            let record = prepared.run(self.jobs[number]);
            if let Some(journal) = self.journal {
                journal.write(&record);
            }
            self.progress.one_done();
            done.push((number, record));
        }
        Ok(())
    }

    /// Answers what the journal knows, and lays the plan out for the rest.
    fn open(&self, point: u32, work: &mut Work<'b>, done: &mut Done) -> Result<(), Failure> {
        let wrong = |diagnostics| Failure::Model { source: self.subjects.base().name.clone(), diagnostics };
        let model = self.subjects.model(&self.points[point as usize]).map_err(wrong)?;
        if let Some(journal) = self.journal.filter(|journal| !journal.is_empty()) {
            let digest = format!("{:016x}", model.digest());
            work.jobs.retain(|number| {
                let job = self.jobs[*number];
                let known = journal.find(&digest, job.replication);
                if let Some(known) = known {
                    done.push((*number, Record { job, ..known.clone() }));
                    self.progress.one_known();
                }
                known.is_none()
            });
        }
        if work.jobs.is_empty() {
            self.progress.point_done();
            return Ok(());
        }
        work.prepared = Some(Arc::new(self.subjects.compile(&model).map_err(wrong)?));
        Ok(())
    }

    /// Whether nothing more is to begin.
    fn is_over(&self) -> bool {
        interrupt::is_asked()
            || self.failed.load(Ordering::Relaxed)
            || self.journal.is_some_and(|journal| journal.has_failed())
    }
}
