//! What a system costs a month (of 730 h): of a run, what it had; of a model, what can be told before anything runs.

use std::collections::{BTreeMap, BTreeSet};

use super::load;
use super::report::{ComponentReport, CostReport};
use crate::model::Model;
use crate::model::link::Scope;
use crate::plan::{Kind, Plan};
use crate::world::RunResult;

/// What the components of a run cost; nothing where none has a price. Replicas count as many as there were on average
/// over the window, starting ones too; what is left over from a scale-in while it finishes does not.
pub fn of_run(plan: &Plan, result: &RunResult, reports: &BTreeMap<String, ComponentReport>) -> Option<CostReport> {
    let mut components = BTreeMap::new();
    for (id, component) in plan.components.iter().enumerate() {
        let Some(price) = plan.header.prices.get(&component.name) else { continue };
        let replicas = |name: &str| reports.get(name)?.replicas.as_ref().map(|replicas| replicas.mean);
        let owners: BTreeSet<u32> = result.instances[id].iter().filter_map(|copy| Some(copy.owner?.0)).collect();
        let copies =
            || owners.iter().map(|owner| replicas(&plan.components[*owner as usize].name).unwrap_or(1.0)).sum();
        let nodes = match component.kind {
            Kind::Pool(_) => replicas(&component.name).unwrap_or(0.0),
            Kind::Database(database) => {
                let database = &plan.databases[database as usize];
                f64::from(database.shards) * f64::from(1 + database.replicas)
            }
            Kind::Client(_)
            | Kind::Balancer(_)
            | Kind::Cache(_)
            | Kind::ConnectionPool(_)
            | Kind::Queue(_)
            | Kind::Plain => {
                if owners.is_empty() {
                    1.0
                } else {
                    copies()
                }
            }
            // An autoscaler with machines costs what they do.
            Kind::Autoscaler(_) => {
                reports.get(&component.name).and_then(|own| own.nodes.as_ref()).map_or(1.0, |nodes| nodes.mean)
            }
        };
        let rate = reports.get(&component.name).map_or(0.0, |report| report.calls as f64) / duration_s(plan, result);
        components.insert(
            component.name.clone(),
            price.per_month(nodes, rate, result.components[id].bytes as f64 / duration_s(plan, result)),
        );
    }
    if components.is_empty() {
        return None;
    }
    Some(CostReport { per_month: components.values().sum(), components })
}

/// How much of the window was seen.
fn duration_s(plan: &Plan, result: &RunResult) -> f64 {
    let stopped_at = result.stopped.as_ref().map_or(plan.clock.end, |stopped| stopped.at.min(plan.clock.end));
    stopped_at.saturating_sub(plan.clock.start).max(1) as f64 / 1e9
}

/// What can be told of a model's cost before it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Foretold {
    /// At least so much a month.
    pub per_month: f64,
    /// Whether it is exactly that: nothing is scaled, and no calls are paid for.
    pub exactly: bool,
}

/// What a model costs a month at least, and whether that is all; nothing where no component has a price.
pub fn foretold(model: &Model) -> Option<Foretold> {
    let callers = load::offered(model).callers;
    let mut all = Foretold { per_month: 0.0, exactly: true };
    let mut priced = false;
    for (name, component) in &model.components {
        let Some(price) = component.cost() else { continue };
        priced = true;
        let (nodes, exactly) = component.part().nodes(name, model, callers.get(name));
        all.per_month += price.per_month(nodes, 0.0, 0.0);
        let by_use = price.per_million.0 > 0.0 || price.per_gb.0 > 0.0;
        all.exactly &= (exactly || price.per_hour.0 == 0.0) && !by_use;
    }
    priced.then_some(all)
}

/// How many copies there are at least of what each caller may have its own of, and whether there are always as many.
pub(crate) fn copies(model: &Model, scope: Scope, callers: Option<&BTreeSet<String>>) -> (f64, bool) {
    match (scope, callers) {
        (Scope::Shared, _) => (1.0, true),
        // Who calls it can't be told where the load is in a file.
        (Scope::PerReplica, None) => (0.0, false),
        (Scope::PerReplica, Some(callers)) => {
            let each = callers.iter().map(|caller| model.components[caller].part().nodes(caller, model, None));
            each.fold((0.0, true), |all, one| (all.0 + one.0, all.1 && one.1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NoFiles;

    fn model(components: &str) -> Model {
        let text = format!(
            r#"{{ "format": 1, "run": {{ "duration": "20s", "warmup": "5s" }}, "components": {{
                "users": {{ "type": "client", "to": "edge", "arrivals": {{ "rate": "50/s", "process": "constant" }} }},
                "edge": {{ "type": "load-balancer", "to": "web", "cost": {{ "per_hour": 0.02, "per_million": 0.5 }} }},
                {components} }} }}"#
        );
        let parsed = Model::parse(&text, "test.json", &[], &NoFiles);
        parsed.unwrap_or_else(|mistakes| panic!("{components}: {mistakes}")).0
    }

    const HANDLER: &str = r#""handlers": { "*": [ { "cpu": "10ms" }, { "call": "pool", "op": "read" } ] }"#;
    const STORES: &str = r#"
        "pool": { "type": "connection-pool", "size": 5, "to": "db", "cost": 0.001 },
        "db": { "type": "database", "shards": 2, "replicas": 2, "cost": { "per_hour": 0.5 },
                "operations": { "read": "1ms" } }"#;

    #[test]
    fn nodes_are_paid_for_by_the_hour_and_calls_by_the_million() {
        let web = format!(r#""web": {{ "type": "server-pool", "replicas": 3, "cost": 0.1, {HANDLER} }}"#);
        let model = model(&format!("{web}, {STORES}"));
        let plan = Plan::compile(&model, &NoFiles).expect("a right model");
        let cost = crate::simulate(&plan, 1).cost.expect("it has costs");
        // 50 calls/s are 131.4 million in a month of 730 h. Each of three servers has a pool; each of two shards three nodes.
        let expected =
            [("db", 6.0 * 0.5 * 730.0), ("edge", 0.02 * 730.0 + 131.4 * 0.5), ("pool", 2.19), ("web", 219.0)];
        for (name, expected) in expected {
            let found = cost.components[name];
            assert!((found - expected).abs() < 2e-3 * expected, "{name}: {found}, expected {expected}");
        }
        assert!((cost.per_month - cost.components.values().sum::<f64>()).abs() < 1e-9);
        let foretold = foretold(&model).expect("it has costs");
        assert!((foretold.per_month - (cost.per_month - 131.4 * 0.5)).abs() < 0.2, "calls apart: {foretold:?}");
        assert!(!foretold.exactly);
    }

    #[test]
    fn what_is_scaled_costs_what_there_was() {
        let web = format!(r#""web": {{ "type": "server-pool", "replicas": 1, "cores": 1, "cost": 1, {HANDLER} }}"#);
        let scaler = r#""scaler": { "type": "autoscaler", "target": "web", "min": 1, "max": 4,
                                    "metrics": [ { "cpu": "20%" } ], "sync": "1s" }"#;
        let model = model(&format!("{web}, {scaler}, {STORES}"));
        let report = crate::simulate(&Plan::compile(&model, &NoFiles).expect("a right model"), 1);
        let mean = report.components["web"].replicas.as_ref().expect("a pool").mean;
        let cost = report.cost.expect("it has costs");
        assert!(mean > 1.5 && (cost.components["web"] - mean * 730.0).abs() < 1e-6, "{mean}: {cost:?}");
        assert!((cost.components["pool"] - mean * 0.73).abs() < 1e-6, "as many copies as replicas: {cost:?}");
        let foretold = foretold(&model).expect("it has costs");
        assert!(foretold.per_month < cost.per_month && !foretold.exactly, "{foretold:?}");
    }

    #[test]
    fn what_stays_is_foretold_exactly() {
        let text = r#"{ "format": 1, "run": { "duration": "1s" }, "components": {
            "users": { "type": "client", "to": "web", "arrivals": { "rate": "50/s" } },
            "web": { "type": "server-pool", "replicas": 3, "cost": 0.1, "handlers": { "*": [] } } } }"#;
        let read = |text: &str| Model::parse(text, "test.json", &[], &NoFiles).expect("a right model").0;
        let priced = read(text);
        assert_eq!(foretold(&priced), Some(Foretold { per_month: 3.0 * 0.1 * 730.0, exactly: true }));
        let free = read(&text.replace(r#""cost": 0.1,"#, ""));
        assert_eq!(foretold(&free), None);
        assert_eq!(crate::simulate(&Plan::compile(&free, &NoFiles).expect("a right model"), 1).cost, None);
    }
}
