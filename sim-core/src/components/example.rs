//! The example of CONTRIBUTING.md, which only tests have: a component that takes this file and its lines in `mod.rs`.

use crate::analysis::load::{self, Walk, seconds};
use crate::components::{Nature, Outgoing, Part, counted};
use crate::experiment::levers::{Lever, Order};
use crate::lower::{CallSpec, Caller, Lowering, site};
use crate::model::Model;
use crate::model::cost::Cost;
use crate::model::link::Link;
use crate::model::spec::About;
use crate::model::value::{Count, TimeDistribution};
use crate::plan::{Op, StationPlan};
use crate::spec;

spec! {
    /// Works on each call for a while, then hands it on.
    pub struct ProxySpec, component("proxy") {
        /// Where calls go.
        to: Link = required.beside("link");
        /// What each call takes in it.
        service: TimeDistribution = default("1ms");
        /// How many calls it works on at a time.
        threads: Count = default(1).range(1, 100_000);
        /// What it costs; a bare number is per hour of each node.
        cost: Cost = optional;
        about ABOUT;
    }
}

const ABOUT: About = About {
    imitates: "A reverse proxy that ends TLS: each call takes one of its threads for a while.",
    leaves_out: &["Answers take no time in it: leans towards too fast where they are large."],
    checked: &["One thread against M/M/1."],
};

impl Part for ProxySpec {
    fn nature() -> Nature {
        Nature { endpoint: true, works: true, ..Nature::CALLED }
    }

    fn stations(&self) -> Vec<&'static str> {
        vec!["threads"]
    }

    fn links(&self) -> Vec<Outgoing<'_>> {
        vec![Outgoing::over(&self.to)]
    }

    fn answers_from(&self) -> Option<&Link> {
        Some(&self.to)
    }

    fn lower(&self, id: u32, name: &str, lowering: &mut Lowering) {
        lowering.plan_of(id).stations = vec![StationPlan::plain("threads", self.threads.0 as u32)];
        let (entry, reply, cell) = (lowering.here(), lowering.label(), lowering.work_cell(id));
        let draw = lowering.draw(&self.service.0, site(&[name, "service"]));
        let mut caller = Caller::new(id, &[name], None);
        lowering.unwinding(reply, |lowering| {
            lowering.emit(Op::Work { station: 0, admission: true, cell, draw });
            lowering.call(&mut caller, CallSpec { inherit_op: true, ..CallSpec::plain(&self.to) });
        });
        lowering.place(reply);
        lowering.release_sessions(&caller);
        lowering.emit(Op::Reply);
        lowering.plan_of(id).entry_by_class.fill(entry);
    }

    fn load<'a>(&'a self, name: &'a str, call: load::Call<'a>, walk: &mut Walk<'a>) -> f64 {
        walk.add(name, "threads", call.rate * seconds(&self.service));
        seconds(&self.service) + walk.link(&self.to, call)
    }

    fn servers(&self, _: &str, _: &str, _: &mut Walk) -> Option<f64> {
        Some(self.threads.0 as f64)
    }

    fn levers(&self, name: &str, _: &Model) -> Vec<Lever> {
        vec![Lever::count(name, Some("threads"), "threads", "threads", self.threads.0, Order::Usually)]
    }

    fn assumptions(&self) -> Vec<&'static str> {
        vec!["Answers take no time in a proxy: leans towards too fast."]
    }

    fn facts(&self) -> Vec<String> {
        vec![counted(self.threads.0, "thread")]
    }
}

mod tests {
    use crate::analysis::load;
    use crate::experiment::levers;
    use crate::model::diagnostic::Diagnostics;
    use crate::model::{Model, NoFiles};
    use crate::{Plan, simulate};

    fn read(components: &str) -> Result<Model, Diagnostics> {
        let text = format!(
            r#"{{ "format": 1, "run": {{ "duration": "200s" }}, "components": {{
                "users": {{ "type": "client", "to": "edge", "arrivals": {{ "rate": "700/s" }} }},
                "edge": {{ "type": "load-balancer", "to": "tls" }}, {components} }} }}"#
        );
        Model::parse(&text, "test.json", &[], &NoFiles).map(|(model, _)| model)
    }

    const WEB: &str = r#""web": { "type": "server-pool", "handlers": { "*": [] } }"#;

    #[test]
    fn one_thread_is_a_queue_of_one_server() {
        let tls = r#""tls": { "type": "proxy", "to": "web", "service": "exp(1ms)", "cost": 1 }"#;
        let model = read(&format!("{tls}, {WEB}")).expect("a right model");
        let report = simulate(&Plan::compile(&model, &NoFiles).expect("a right model"), 1);
        let mean_s = report.latency.mean_s.expect("it has requests");
        assert!((mean_s - 0.001 / (1.0 - 0.7)).abs() < 0.0002, "{mean_s}");
        let proxy = &report.components["tls"];
        assert_eq!((proxy.kind.as_str(), proxy.calls), ("proxy", report.requests.offered));
        assert!((proxy.utilization.expect("it has a station") - 0.7).abs() < 0.01);
        assert_eq!(report.cost.expect("it has a price").per_month, 730.0);
        assert!(report.assumptions.iter().any(|said| said.contains("proxy")));
        let threads = load::offered(&model).stations.into_iter().find(|station| station.component == "tls");
        assert!((threads.expect("it has load").utilization() - 0.7).abs() < 1e-9);
        assert!(levers::levers(&model).iter().any(|lever| lever.component == "tls"));
    }

    #[test]
    fn mistakes_behind_it_are_found() {
        let database = r#""web": { "type": "database", "operations": { "write": "1ms" } }"#;
        let cases = [
            (r#""tls": { "type": "proxy", "to": "wep" }"#, WEB, "there is no component wep"),
            (r#""tls": { "type": "proxy", "to": "web", "threads": 0 }"#, WEB, "0"),
            (r#""tls": { "type": "proxy", "to": "web" }"#, database, "can arrive here as `read`"),
        ];
        for (tls, web, told) in cases {
            let mistakes = read(&format!("{tls}, {web}")).expect_err(told);
            assert!(mistakes.iter().any(|mistake| mistake.found.contains(told)), "{told}: {mistakes}");
        }
    }
}
