//! What a step waits for, and when what was held back is taken up again.

use super::{Outcome, Round};
use crate::failure::FailureKind;
use crate::plan::{Action, Plan, Step, Subject};
use std::time::Duration;

/// Calls that are waited for together, at one a second.
const TOGETHER: usize = 9;

/// The subject that this step waits for and that did not come about. `outcomes` = those of the steps before it. After a throttled
/// call the rest of that kind waits as well: more calls would only use up what others need. What our own pace holds back is there
/// all the same, only not as it should be.
pub fn blocked(step: &Step, plan: &Plan, outcomes: &[Outcome]) -> Option<Subject> {
    let earlier = plan.steps.iter().zip(outcomes);
    let stops = |(earlier, outcome): &(&Step, &Outcome)| {
        let waits = step.after.contains(&earlier.subject);
        match outcome {
            Outcome::Done(_) => false,
            Outcome::Failed(failure) => match failure.kind {
                FailureKind::Throttled => waits || earlier.subject.kind == step.subject.kind,
                FailureKind::HeldBack => waits && pulls_anew(&step.action),
                _ => waits,
            },
            Outcome::Skipped(_) => waits,
        }
    };
    earlier.filter(stops).map(|(earlier, _)| earlier.subject.clone()).next()
}

/// Whether containers start by it, which pull with what their secrets hold now.
fn pulls_anew(action: &Action) -> bool {
    matches!(action, Action::UpdateService { .. })
}

impl Round {
    /// When what was held back has its turn: long enough that several calls of one kind have theirs together. None if something
    /// failed for another reason.
    pub fn turn(&self) -> Option<Duration> {
        let turns: Option<Vec<Duration>> = self.failures().map(|failure| failure.retry_after).collect();
        let turn = turns?.into_iter().min()?;
        let open = self.results().filter(|(_, outcome)| !matches!(outcome, Some(Outcome::Done(_)))).count();
        Some(turn + Duration::from_secs(open.saturating_sub(1).min(TOGETHER) as u64))
    }
}
