//! Layers from left to right (after Sugiyama, Tagawa and Toda 1981): calls that close a circle are turned around, each
//! node stands right of all its callers, links that leap over layers get a place in each of them, and the order within a
//! layer follows the neighbours' so that links cross rarely.

use super::Topology;

/// The space between boxes in a layer.
const GAP_Y: f64 = 28.0;
/// The height that a passing link takes in a layer.
const LANE: f64 = 14.0;

/// The size of a box.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    /// In pixels.
    pub width: f64,
    /// In pixels.
    pub height: f64,
}

/// Where everything stands, in pixels; the corner is at (0, 0).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Left upper corner of each node.
    pub corners: Vec<(f64, f64)>,
    /// The points through which each link goes, from the caller's edge to the callee's.
    pub routes: Vec<Vec<(f64, f64)>>,
    /// Of everything.
    pub size: Size,
}

/// A box or a place where a link passes.
struct Item {
    layer: usize,
    size: Size,
    y: f64,
}

/// Lays out boxes of given sizes; `gaps` is the space that each link needs beside its caller.
pub fn layout(topology: &Topology, sizes: &[Size], gaps: &[f64]) -> Layout {
    let turned = closing_edges(topology);
    let layers = layers(topology, &turned);
    let mut items: Vec<Item> =
        layers.iter().zip(sizes).map(|(layer, size)| Item { layer: *layer, size: *size, y: 0.0 }).collect();
    // Each link as a chain of items, from left to right.
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for (edge, turned) in topology.edges.iter().zip(&turned) {
        let (left, right) = if *turned { (edge.to, edge.from) } else { (edge.from, edge.to) };
        let mut chain = vec![left];
        for layer in items[left].layer + 1..items[right].layer {
            chain.push(items.len());
            items.push(Item { layer, size: Size { width: 0.0, height: LANE }, y: 0.0 });
        }
        chain.push(right);
        chains.push(chain);
    }
    let neighbours = neighbours(items.len(), &chains);
    let order = order(&items, &neighbours);
    place(&mut items, &order, &neighbours);
    finish(topology, items, &order, &chains, &turned, gaps)
}

/// Links that close a circle, found depth first.
fn closing_edges(topology: &Topology) -> Vec<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; topology.nodes.len()];
    let mut turned = vec![false; topology.edges.len()];
    for start in 0..topology.nodes.len() {
        let mut stack = vec![(start, 0)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 && marks[node] != Mark::New {
                continue;
            }
            marks[node] = Mark::Open;
            let edge = topology.edges.iter().enumerate().skip(next).find(|(_, edge)| edge.from == node);
            let Some((index, edge)) = edge else {
                marks[node] = Mark::Done;
                continue;
            };
            stack.push((node, index + 1));
            match marks[edge.to] {
                Mark::New => stack.push((edge.to, 0)),
                Mark::Open => turned[index] = true,
                Mark::Done => {}
            }
        }
    }
    turned
}

/// The longest way to each node. A node that nothing calls stands just left of what it calls.
fn layers(topology: &Topology, turned: &[bool]) -> Vec<usize> {
    let count = topology.nodes.len();
    let directed = || {
        let edges = topology.edges.iter().zip(turned).filter(|(edge, _)| edge.from != edge.to);
        edges.map(|(edge, turned)| if *turned { (edge.to, edge.from) } else { (edge.from, edge.to) })
    };
    let mut layers = vec![0; count];
    for _ in 0..count {
        for (from, to) in directed() {
            layers[to] = layers[to].max(layers[from] + 1);
        }
    }
    for node in 0..count {
        let is_called = directed().any(|(_, to)| to == node);
        let nearest = directed().filter(|(from, _)| *from == node).map(|(_, to)| layers[to]).min();
        if let (false, Some(nearest)) = (is_called, nearest) {
            layers[node] = nearest - 1;
        }
    }
    layers
}

/// What each item is linked to on the left and on the right.
struct Neighbours {
    left: Vec<Vec<usize>>,
    right: Vec<Vec<usize>>,
}

fn neighbours(count: usize, chains: &[Vec<usize>]) -> Neighbours {
    let mut neighbours = Neighbours { left: vec![Vec::new(); count], right: vec![Vec::new(); count] };
    for pair in chains.iter().flat_map(|chain| chain.windows(2)).filter(|pair| pair[0] != pair[1]) {
        neighbours.right[pair[0]].push(pair[1]);
        neighbours.left[pair[1]].push(pair[0]);
    }
    neighbours
}

/// Sweeps to and fro; each layer is sorted by the mean place of its neighbours in the layer before.
fn order(items: &[Item], neighbours: &Neighbours) -> Vec<Vec<usize>> {
    let depth = items.iter().map(|item| item.layer + 1).max().unwrap_or(0);
    let mut order: Vec<Vec<usize>> =
        (0..depth).map(|layer| (0..items.len()).filter(|item| items[*item].layer == layer).collect()).collect();
    for sweep in 0..8 {
        let leftwards = sweep % 2 == 1;
        for step in 1..depth {
            let layer = if leftwards { depth - 1 - step } else { step };
            let before = if leftwards { &order[layer + 1] } else { &order[layer - 1] };
            let linked = if leftwards { &neighbours.right } else { &neighbours.left };
            let place = |item: usize, current: usize| {
                let places = linked[item].iter().filter_map(|other| before.iter().position(|known| known == other));
                let (sum, count) = places.fold((0.0, 0.0), |(sum, count), place| (sum + place as f64, count + 1.0));
                if count > 0.0 { sum / count } else { current as f64 }
            };
            let mut keyed: Vec<(f64, usize)> =
                order[layer].iter().enumerate().map(|(current, item)| (place(*item, current), *item)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            order[layer] = keyed.into_iter().map(|(_, item)| item).collect();
        }
    }
    order
}

/// Moves each item towards the middle of its neighbours, as far as its layer has room.
fn place(items: &mut [Item], order: &[Vec<usize>], neighbours: &Neighbours) {
    for layer in order {
        let mut y = 0.0;
        for item in layer {
            items[*item].y = y;
            y += items[*item].size.height + GAP_Y;
        }
        let middle = (y - GAP_Y) / 2.0;
        layer.iter().for_each(|item| items[*item].y -= middle);
    }
    for sweep in 0..25 {
        let layers: Vec<&Vec<usize>> =
            if sweep % 2 == 0 { order.iter().collect() } else { order.iter().rev().collect() };
        for layer in layers {
            let wanted: Vec<f64> = layer.iter().map(|item| wanted(items, neighbours, *item)).collect();
            settle(items, layer, &wanted);
        }
    }
}

/// The upper edge that puts an item in the middle of its neighbours.
fn wanted(items: &[Item], neighbours: &Neighbours, item: usize) -> f64 {
    let middle = |item: usize| items[item].y + items[item].size.height / 2.0;
    let linked: Vec<f64> =
        neighbours.left[item].iter().chain(&neighbours.right[item]).map(|other| middle(*other)).collect();
    match linked.is_empty() {
        true => items[item].y,
        false => linked.iter().sum::<f64>() / linked.len() as f64 - items[item].size.height / 2.0,
    }
}

/// Gives each item of a layer the place that it wants, pushing apart those that would overlap: the mean of pushing all
/// down and of pushing all up keeps the order and the gaps.
fn settle(items: &mut [Item], layer: &[usize], wanted: &[f64]) {
    let mut down = wanted.to_vec();
    for index in 1..layer.len() {
        down[index] = down[index].max(down[index - 1] + items[layer[index - 1]].size.height + GAP_Y);
    }
    let mut up = wanted.to_vec();
    for index in (1..layer.len()).rev() {
        up[index - 1] = up[index - 1].min(up[index] - items[layer[index - 1]].size.height - GAP_Y);
    }
    for (index, item) in layer.iter().enumerate() {
        items[*item].y = (down[index] + up[index]) / 2.0;
    }
}

fn finish(
    topology: &Topology,
    mut items: Vec<Item>,
    order: &[Vec<usize>],
    chains: &[Vec<usize>],
    turned: &[bool],
    gaps: &[f64],
) -> Layout {
    let top = items.iter().map(|item| item.y).fold(f64::INFINITY, f64::min);
    items.iter_mut().for_each(|item| item.y -= top);
    let widths: Vec<f64> =
        order.iter().map(|layer| layer.iter().map(|item| items[*item].size.width).fold(0.0, f64::max)).collect();
    let mut gap_after = vec![0.0_f64; widths.len()];
    for ((chain, turned), gap) in chains.iter().zip(turned).zip(gaps) {
        let (first, last) = (items[chain[0]].layer, items[chain[chain.len() - 1]].layer);
        let layer = if *turned && last > first { last - 1 } else { first };
        gap_after[layer] = gap_after[layer].max(*gap);
    }
    let lefts: Vec<f64> =
        (0..widths.len()).map(|layer| (0..layer).map(|before| widths[before] + gap_after[before]).sum()).collect();
    let x = |item: &Item| lefts[item.layer] + (widths[item.layer] - item.size.width) / 2.0;
    let middle = |item: &Item| item.y + item.size.height / 2.0;

    let routes = chains.iter().zip(turned).zip(&topology.edges).map(|((chain, turned), edge)| {
        let mut points = Vec::new();
        for (place, index) in chain.iter().enumerate() {
            let item = &items[*index];
            if *index >= topology.nodes.len() {
                points.push((lefts[item.layer], middle(item)));
                points.push((lefts[item.layer] + widths[item.layer], middle(item)));
            } else if place == 0 {
                points.push((x(item) + item.size.width, middle(item)));
            } else {
                points.push((x(item), middle(item)));
            }
        }
        if edge.from == edge.to {
            let item = &items[edge.from];
            let (right, bottom) = (x(item) + item.size.width, item.y + item.size.height);
            return vec![(right, bottom - 14.0), (right - 30.0, bottom)];
        }
        if *turned {
            points.reverse();
        }
        points
    });
    let routes = routes.collect();
    let corners = items[..topology.nodes.len()].iter().map(|item| (x(item), item.y)).collect();
    let width = lefts.last().zip(widths.last()).map_or(0.0, |(left, width)| left + width);
    let height = items.iter().map(|item| item.y + item.size.height).fold(0.0, f64::max);
    Layout { corners, routes, size: Size { width, height } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagram::fixture;

    fn laid_out(topology: &Topology) -> Layout {
        layout(
            topology,
            &vec![Size { width: 100.0, height: 50.0 }; topology.nodes.len()],
            &vec![60.0; topology.edges.len()],
        )
    }

    #[test]
    fn callees_stand_right_of_callers() {
        let topology = fixture::web_shop();
        let layout = laid_out(&topology);
        for edge in &topology.edges {
            assert!(layout.corners[edge.from].0 + 100.0 < layout.corners[edge.to].0, "{edge:?}");
        }
        // The autoscaler stands beside its target's callers, not at the far left.
        assert_eq!(layout.corners[6].0, layout.corners[1].0);
    }

    #[test]
    fn boxes_never_overlap_and_stay_inside() {
        for topology in [fixture::web_shop(), fixture::awkward(), Topology::default()] {
            let layout = laid_out(&topology);
            for (index, (x, y)) in layout.corners.iter().enumerate() {
                assert!(*x >= 0.0 && x + 100.0 <= layout.size.width, "{x}");
                assert!(*y >= 0.0 && y + 50.0 <= layout.size.height, "{y}");
                for (other_x, other_y) in &layout.corners[..index] {
                    assert!((x - other_x).abs() >= 100.0 || (y - other_y).abs() >= 50.0);
                }
            }
        }
    }

    #[test]
    fn links_do_not_run_through_boxes() {
        let mut topology = fixture::web_shop();
        topology.edges.push(crate::diagram::Edge { from: 0, to: 5, ..Default::default() });
        let layout = laid_out(&topology);
        let route = layout.routes.last().expect("the link that leaps over layers");
        assert!(route.len() > 4, "it has a place in each layer between");
        for (x, y) in &route[1..route.len() - 1] {
            for (left, top) in &layout.corners {
                assert!(!(*left <= *x && *x <= left + 100.0 && *top < *y && *y < top + 50.0), "({x}, {y})");
            }
        }
    }
}
