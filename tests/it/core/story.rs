//! Passes in a row: inputs, a world, and the status that each pass leaves to the next. The invariants are checked after each.

use super::fixtures::desired;
use super::invariants;
use super::world::World;
use jiff::{Timestamp, ToSpan};
use wharfinger::api::{ManagementPolicy, PrivateImageWorkloadStatus};
use wharfinger::desired::{Removal, removal, resolve};
use wharfinger::inputs::Inputs;
use wharfinger::pass::{Facts, Pass, Round, facts};
use wharfinger::plan::{self, Plan};
use wharfinger::status::{self, Farewell};
use wharfinger::target as place;

pub(crate) struct Story {
    pub(crate) inputs: Inputs,
    pub(crate) world: World,
    now: Timestamp,
}

impl Story {
    pub(crate) fn new(inputs: Inputs) -> Self {
        Self { inputs, world: World::default(), now: "2026-01-01T00:00:00Z".parse().unwrap() }
    }

    /// A story whose first passes have made everything.
    pub(crate) fn settled(inputs: Inputs) -> Self {
        let mut story = Self::new(inputs);
        story.settle();
        story
    }

    /// What would be written.
    pub(crate) fn plan(&self) -> Plan {
        let desired = desired(&self.inputs);
        plan::converge(&desired, &self.world.look(&desired))
    }

    /// A whole pass. Writes unless `managementPolicy` is Observe.
    pub(crate) fn pass(&mut self) -> Pass {
        let pass = self.writing(usize::MAX);
        self.report(&pass);
        pass
    }

    /// A pass that is killed after so many writes, before it can report.
    pub(crate) fn crash_after(&mut self, writes: usize) {
        self.writing(writes);
    }

    /// Passes until nothing is left to do; the number of writes.
    pub(crate) fn settle(&mut self) -> usize {
        let before = self.world.writes;
        for _ in 0..8 {
            if let Pass::Done(round) = self.pass()
                && round.plan.is_converged()
            {
                return self.world.writes - before;
            }
        }
        panic!("nothing settles: {}", self.plan());
    }

    pub(crate) fn status(&self) -> &PrivateImageWorkloadStatus {
        self.inputs.workload.status.as_ref().unwrap()
    }

    /// Reason and message of a condition that is not True; none if it is.
    pub(crate) fn fault(&self, condition: &str) -> Option<(String, String)> {
        let found = status::find(self.status(), condition).unwrap_or_else(|| panic!("{condition}: {:#?}", self.status()));
        (found.status != "True").then(|| (found.reason.clone(), found.message.clone()))
    }

    /// The plan of a removal.
    pub(crate) fn removal(&self) -> Plan {
        let target = place::of_removal(&self.inputs.claim()).unwrap();
        let mut observed = self.world.observe(&Removal::revisions(&self.inputs, &target));
        let removal = removal(&self.inputs, &target, &observed);
        observed.absorb(self.world.observe(&removal.reads(&observed)));
        plan::remove(&removal, &observed)
    }

    /// Removes; must leave nothing to remove. The plan of it.
    pub(crate) fn remove(&mut self) -> Box<Plan> {
        let plan = self.removal();
        self.world.apply(&plan, usize::MAX);
        let again = self.removal();
        assert!(again.is_converged(), "{again}");
        Box::new(plan)
    }

    /// A whole pass of a removal, and whether the workload may go then.
    pub(crate) fn leave(&mut self) -> Farewell {
        let pass = match place::of_removal(&self.inputs.claim()) {
            Err(problem) => Pass::Refused(vec![problem]),
            Ok(target) => {
                let plan = self.removal();
                let writes = self.inputs.workload.spec.management_policy == ManagementPolicy::Full;
                let outcomes = writes.then(|| self.world.apply(&plan, usize::MAX));
                Pass::Done(Box::new(Round { target, plan, outcomes, warnings: vec![], facts: Facts::default() }))
            }
        };
        status::farewell(&self.inputs.workload, &pass, self.now)
    }

    fn writing(&mut self, limit: usize) -> Pass {
        if self.inputs.workload.spec.suspend {
            return Pass::Suspended;
        }
        let target = match place::choose(&self.inputs.claim()) {
            Ok(target) => target,
            Err(problem) => return Pass::Refused(vec![problem]),
        };
        let desired = match resolve(&self.inputs, &target) {
            Ok(desired) => desired,
            Err(problems) => return Pass::Refused(problems),
        };
        let observed = self.world.look(&desired);
        let plan = plan::converge(&desired, &observed);
        let writes = self.inputs.workload.spec.management_policy == ManagementPolicy::Full;
        let outcomes = writes.then(|| self.world.apply(&plan, limit));
        let facts = facts(&desired, &observed, &plan, outcomes.as_deref().unwrap_or_default());
        Pass::Done(Box::new(Round { target, plan, outcomes, warnings: desired.warnings, facts }))
    }

    /// Writes the status, and looks at it closely.
    pub(crate) fn report(&mut self, pass: &Pass) {
        self.now = self.now.checked_add(1.minute()).unwrap();
        let status = status::summarise(&self.inputs.workload, pass, self.now);
        invariants::check(&self.inputs.workload, pass, &status, self.now);
        self.inputs.workload.status = Some(status);
    }

    /// The same workload with another spec.
    pub(crate) fn respec(&mut self, spec: &str) {
        let metadata = &mut self.inputs.workload.metadata;
        metadata.generation = metadata.generation.map(|generation| generation + 1);
        self.inputs.workload.spec = super::fixtures::workload("api", spec).spec;
    }

    /// Name of the role.
    pub(crate) fn role(&self) -> String {
        desired(&self.inputs).role.name
    }
}

/// The steps of a plan, in a word or two each.
pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    let call = |step: &plan::Step| serde_json::to_value(&step.action).unwrap()["call"].as_str().unwrap().to_owned();
    plan.steps.iter().map(call).collect()
}

/// What is held, and why.
pub(crate) fn holds(plan: &Plan) -> Vec<(String, String)> {
    let why = |held: &plan::Held| match &held.hold {
        plan::Hold::Unobserved(_) => "Unobserved".to_owned(),
        other => format!("{other:?}"),
    };
    plan.held.iter().map(|held| (format!("{:?}", held.subject.kind), why(held))).collect()
}
