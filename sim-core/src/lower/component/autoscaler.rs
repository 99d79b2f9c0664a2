//! Autoscalers: no program, a rule.

use super::super::Lowering;
use crate::components::autoscaler::AutoscalerSpec;
use crate::plan::*;

impl Lowering<'_> {
    pub(in crate::lower) fn autoscaler(&mut self, id: u32, spec: &AutoscalerSpec) {
        let target = self.id(spec.target.as_str());
        self.plan.autoscalers.push(AutoscalerPlan {
            component: id,
            target,
            hpa: crate::lower::workload::hpa_spec(spec),
            sync_ns: spec.sync.0,
            lag_ns: spec.metrics_lag.0,
        });
        self.plan_of(id).kind = Kind::Autoscaler(self.plan.autoscalers.len() as u32 - 1);
    }
}
