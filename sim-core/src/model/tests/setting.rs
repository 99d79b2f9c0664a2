//! Settings by path, variants, events, digests.

use super::mistakes::SMALL;
use super::*;
use crate::components::Component;

fn set(sets: &[(&str, &str)]) -> Result<Model, Vec<String>> {
    let sets: Vec<(String, String)> = sets.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
    Model::parse(SMALL, "small.yaml", &sets, &NoFiles).map(|(model, _)| model).map_err(told)
}

fn pool<'m>(model: &'m Model, name: &str) -> &'m crate::components::server_pool::ServerPoolSpec {
    match &model.components[name] {
        Component::ServerPool(pool) => pool,
        other => panic!("{name} is {}", other.kind()),
    }
}

#[test]
fn settings_change_the_tree() {
    let sets = [
        ("web.replicas", "6"),
        ("components.web.speed", "0.5"),
        ("users.arrivals.rate", "900/s"),
        ("web.handlers.read[0].cpu", "exp(4ms)"),
        ("run.seed", "7"),
        ("classes.read.priority", "2"),
        ("read.size", "4KiB"),
        ("items.popularity", "zipf(0.99)"),
        ("web.queue.timeout", "1s"),
        ("users.to.timeout", "2s"),
        ("users.link.rtt", "1ms"),
        ("edge.to[0].weight", "3"),
        ("edge.policy", "weighted-round-robin"),
        ("db.operations.read.rows", "100"),
        ("objectives", "[\"p99 < 1s\"]"),
        ("web.handlers.read[1].call.timeout", "50ms"),
        ("web.handlers.read[1].times", "2"),
        ("web.handlers.read[1].deadline", "1s"),
    ];
    let model = set(&sets).expect("all of them are right");
    assert_eq!(pool(&model, "web").replicas.0, 6);
    assert_eq!(pool(&model, "web").queue.timeout.map(|time| time.0), Some(1_000_000_000));
    assert_eq!(model.run.seed.0, 7);
    assert_eq!(model.objectives.len(), 1);
    let Component::Client(users) = &model.components["users"] else { panic!("users is a client") };
    assert_eq!(users.to.options.timeout.map(|time| time.0), Some(2_000_000_000));
    assert_eq!(users.to.options.rtt.0.mean(), 1e6);
    assert_eq!(model.document.get("web.replicas").map(ToString::to_string), Some("6".to_string()));
    assert_eq!(model.document.line_of("components.web.handlers.save[1].hold"), 16);
}

#[test]
fn wrong_settings_are_told() {
    for (path, value, expected) in [
        ("web.replcas", "6", "0: web.replcas: there is no field replcas; did you mean replicas?"),
        ("wbe.replicas", "6", "0: wbe.replicas: there is no wbe; did you mean web?"),
        (
            "components.wbe.replicas",
            "6",
            "0: components.wbe.replicas: there is no wbe in components; did you mean web?",
        ),
        ("web.replicas", "many", "0: components.web.replicas: found \"many\"; expected a whole number"),
        ("web.replicas.x", "6", "0: web.replicas.x: there is no field x: components.web.replicas is 2"),
        ("web.handlers.raed[0].cpu", "2ms", "0: web.handlers.raed[0].cpu: there is no raed; did you mean read?"),
        ("web.handlers.read[7].cpu", "2ms", "0: web.handlers.read[7].cpu: there is no item 7; expected 0 to 1"),
        (
            "web.handlers.read.0.cpu",
            "2ms",
            "0: web.handlers.read.0.cpu: there is no field 0: components.web.handlers.read is a list; items stand in brackets: components.web.handlers.read[0]",
        ),
        ("web[0].cpu", "2ms", "0: web[0].cpu: there is no item 0: components.web is a map"),
        ("", "2ms", "0: expected a path, as web.handlers.browse[0].cpu; found \"\""),
        ("run.duratoin", "2ms", "0: run.duratoin: there is no field duratoin; did you mean duration?"),
    ] {
        assert_eq!(set(&[(path, value)]).map(|_| ()), Err(vec![expected.to_string()]), "{path}");
    }
}

#[test]
fn like_copies_and_own_fields_win() {
    let text = format!(
        "{SMALL}  other: {{ like: web, cores: 4 }}\n  third: {{ like: other, replicas: 9, layout: {{ x: 1 }} }}\n"
    )
    .replacen("[web]", "[web, other, third]", 1);
    let sets =
        [("web.replicas".to_string(), "7".to_string()), ("third.handlers.read[0].cpu".to_string(), "9ms".to_string())];
    let (model, _) = Model::parse(&text, "", &sets, &NoFiles).map_err(told).expect("is right");
    let facts = |name| (pool(&model, name).replicas.0, pool(&model, name).cores.0);
    assert_eq!((facts("web"), facts("other"), facts("third")), ((7, 1000), (7, 4000), (9, 4000)));
    let cpu = |name| match &pool(&model, name).handlers["read"][0] {
        step::Step::Cpu(step) => step.cpu.0.mean(),
        other => panic!("{other:?} is another step"),
    };
    assert_eq!((cpu("web"), cpu("third")), (2e6, 9e6));
    assert_eq!(model.document.get("third.cores").map(ToString::to_string), Some("4".to_string()));
}

#[test]
fn variants_are_models() {
    let text = format!("{SMALL}variants: {{ more: {{ web.replicas: 3, users.arrivals.rate: 20/s }} }}\n");
    let (model, _) = read(&text).map_err(told).expect("is right");
    let more = model.variant("more").map_err(told).expect("is right");
    assert_eq!((pool(&model, "web").replicas.0, pool(&more, "web").replicas.0), (2, 3));
    assert_ne!(model.digest(), more.digest());
    assert_eq!(
        model.variant("mor").map(|_| ()).map_err(told),
        Err(vec!["0: variants: there is no variant mor; did you mean more?".to_string()])
    );
}

#[test]
fn events_say_what_a_component_is_from_then_on() {
    let text = format!(
        "{SMALL}events: [ {{ at: 5s, set: {{ web.replicas: 9 }} }}, {{ at: 2s, set: {{ web.speed: 2, web.error_rate: 4% }} }} ]\n"
    );
    let (model, _) = read(&text).map_err(told).expect("is right");
    let facts: Vec<_> = model
        .changes
        .iter()
        .map(|change| match &change.spec {
            Component::ServerPool(pool) => {
                (change.at_ns / 1_000_000_000, change.field.as_str(), pool.replicas.0, pool.speed.0)
            }
            other => panic!("web is {}", other.kind()),
        })
        .collect();
    assert_eq!(facts, [(2, "speed", 2, 2.0), (2, "error_rate", 2, 2.0), (5, "replicas", 9, 2.0)]);
}

#[test]
fn the_digest_is_of_what_is_simulated() {
    let digest = |text: &str| read(text).map(|(model, _)| model.digest()).map_err(told).expect("is right");
    let base = digest(SMALL);
    let other_order = SMALL.replacen("  edge: { type: load-balancer, to: [web] }\n", "", 1)
        + "  edge: { to: [web], type: load-balancer }\n";
    for same in [
        format!(
            "name: other\nx-note: 1\nlayout: {{}}\n{SMALL}variants: {{ more: {{ web.replicas: 3 }} }}\nexpect: [ 'p99 < 1s' ]\n"
        ),
        SMALL.replacen("replicas: 2", "replicas: 2.0\n    layout: { x: 1 }\n    description: none", 1),
        SMALL.replacen("duration: 10s", "duration: 10s, seed: 9", 1),
        other_order,
        read(SMALL).expect("is right").0.document.root.to_string(),
    ] {
        assert_eq!(digest(&same), base, "{same}");
    }
    for other in [
        SMALL.replacen("replicas: 2", "replicas: 3", 1),
        SMALL.replacen("10/s", "11/s", 1),
        SMALL.replace("edge", "front"),
    ] {
        assert_ne!(digest(&other), base);
    }
}

#[test]
fn files_enter_the_digest() {
    struct One(&'static str);
    impl Files for One {
        fn read(&self, _: &str) -> Result<Vec<u8>, String> {
            Ok(self.0.as_bytes().to_vec())
        }
    }
    let text = SMALL.replacen("{ rate: 10/s }", "{ trace: log.csv }", 1);
    let digest = |content| Model::parse(&text, "", &[], &One(content)).map(|(model, _)| model.digest()).map_err(told);
    assert!(digest("time\n1\n").is_ok());
    assert_eq!(digest("time\n1\n"), digest("time\n1\n"));
    assert_ne!(digest("time\n1\n"), digest("time\n2\n"));
}
