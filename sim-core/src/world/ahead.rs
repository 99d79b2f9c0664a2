//! Draws made ahead of the requests that will need them: keys don't depend on time, so a block of requests' draws can
//! be made at once by branch-free kernels. A value is found again by the key that it belongs to; one that is not found
//! is drawn there and then, to the same bits.

use super::World;
use super::frame::{child_key, draw_bits};
use crate::engine::rng::{PHI, mix64, uniform};
use crate::plan::Plan;

/// How many requests are drawn for at once.
pub const BLOCK: usize = 32;
/// Places of a table: enough for a block, the block before, and their collisions.
const PLACES: usize = 512;

/// The values of one draw, by key.
#[derive(Debug, Clone)]
struct Table {
    places: Box<[(u64, u64); PLACES]>,
}

/// All tables; none for draws that are not made ahead.
#[derive(Debug, Clone, Default)]
pub struct Ahead {
    /// By draw: its table plus one, 0: none.
    table_of: Vec<u32>,
    tables: Vec<Table>,
}

impl Ahead {
    /// For a plan.
    pub fn new(plan: &Plan) -> Self {
        let mut ahead = Ahead { table_of: vec![0; plan.draws.len()], tables: Vec::new() };
        for planned in plan.ahead.iter().flatten() {
            let table = &mut ahead.table_of[planned.draw as usize];
            if *table == 0 {
                ahead.tables.push(Table { places: Box::new([(0, 0); PLACES]) });
                *table = ahead.tables.len() as u32;
            }
        }
        ahead
    }

    /// The value of a draw for a key, if it was made.
    #[inline(always)]
    pub fn get(&self, draw: u32, key: u64) -> Option<u64> {
        let table = self.table_of[draw as usize];
        if table == 0 {
            return None;
        }
        let (known, value) = self.tables[table as usize - 1].places[key as usize & (PLACES - 1)];
        (known == key).then_some(value)
    }
}

impl<const TRACED: bool> World<'_, TRACED> {
    /// Makes the draws of the requests from this number on, for a block.
    #[inline(never)]
    pub(super) fn draw_ahead(&mut self, client: u32, stream: u64, number: i64) {
        let plan = self.plan;
        let mut roots = [0; BLOCK];
        for (at, root) in roots.iter_mut().enumerate() {
            *root = mix64(stream.wrapping_add((number.wrapping_add(at as i64) as u64).wrapping_mul(PHI)));
        }
        let single = plan.clients[client as usize].mix.len() == 1;
        for planned in &plan.ahead[client as usize] {
            let mut keys = [0; BLOCK];
            let mut count = 0;
            for &root in &roots {
                if single || self.class_of(client, root) == planned.class {
                    keys[count] = root;
                    count += 1;
                }
            }
            let keys = &mut keys[..count];
            for &site in &planned.path {
                keys.iter_mut().for_each(|key| *key = child_key(*key, site, 0, 0));
            }
            let draw = &plan.draws[planned.draw as usize];
            let mut uniforms = [0.5; BLOCK];
            let mut values = [0; BLOCK];
            for (u, &key) in uniforms.iter_mut().zip(&*keys) {
                *u = uniform(draw_bits(key, draw.site, 0));
            }
            draw.sampler.sample_block(&uniforms[..count], &mut values[..count]);
            let table = self.ahead.table_of[planned.draw as usize] as usize - 1;
            let places = &mut self.ahead.tables[table].places;
            for (&key, &value) in keys.iter().zip(&values) {
                places[key as usize & (PLACES - 1)] = (key, value);
            }
        }
    }
}
