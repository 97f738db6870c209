//! The settings of a spec that stand by themselves. The API server checks them too; files meet no API server.

use crate::api::{PrivateImageWorkloadSpec, Verify};
use crate::problem::Problem;

/// The longest name of a Kubernetes object.
const MAX_NAME: usize = 253;
/// The most credentials of a workload: a bound of ours, with which the API server can afford its rules.
const MAX_CREDENTIALS: usize = 20;

pub(super) fn check(spec: &PrivateImageWorkloadSpec, problems: &mut Vec<Problem>) {
    if let Some(interval) = spec.interval.as_deref().filter(|text| crate::interval::parse(Some(text)).is_none()) {
        let rule = "this is not a duration";
        problems.push(Problem::spec("spec.interval", interval, rule, "write one such as 30m, 1h or 0s"));
    }
    if let Some(days) = spec.recovery_window_in_days.filter(|days| !(7..=30).contains(days)) {
        let rule = "Secrets Manager allows a recovery window of 7 to 30 days";
        problems.push(Problem::spec("spec.recoveryWindowInDays", days, rule, "choose one within"));
    }
    if spec.pin_digest && spec.verify == Verify::Off {
        let rule = "the digest is what verify finds, and verify is Off";
        problems.push(Problem::spec("spec.pinDigest", "true", rule, "set verify to Warn or Enforce"));
    }
    if spec.credentials.len() > MAX_CREDENTIALS {
        let count = format!("{} credentials", spec.credentials.len());
        problems.push(Problem::spec(
            "spec.credentials",
            count,
            "a workload has at most 20",
            "use one Secret for several registries",
        ));
    }
    for (index, credential) in spec.credentials.iter().enumerate() {
        let Some(reference) = &credential.secret_ref else { continue };
        if !(1..=MAX_NAME).contains(&reference.name.len()) {
            let field = format!("spec.credentials[{index}].secretRef.name");
            problems.push(Problem::spec(field, &reference.name, "a Secret's name has 1 to 253 characters", "name a Secret"));
        }
    }
}
