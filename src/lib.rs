//! Wharfinger: container images from private registries, made runnable on Amazon ECS and AWS Batch.
//!
//! A user writes one `PrivateImageWorkload`, and where one login serves many of them a `RegistryCredential`. Wharfinger makes, and keeps,
//! in AWS: the secret with the registry credential, the task execution role with its policy, and the ECS task definition or Batch job
//! definition that names both. Where tasks run in a VPC with no internet, an admin writes a `PullNetwork`, and the VPC endpoints are kept as
//! well. This page is the architecture; `CONTRIBUTING.md` says how to work on it.
//!
//! # The flow
//!
//! ```text
//! spec ─dereference─▶ Inputs ─resolve─▶ Desired ─observe─▶ Observed ─plan─▶ Plan ─apply─▶ Outcomes ─summarise─▶ status
//!      (Kubernetes)           (pure)            (AWS reads)        (pure)       (AWS writes)         (pure)
//! ```
//!
//! Everything left and right of the plan exists so that [`plan::Plan`] can be a plain value: printed, compared with a golden
//! file, shown in a status, asserted in a test. It holds steps (each one call with all its arguments, its reason and the fields
//! that differ) and held items (not ours, unseen, waiting, missing). Carrying it out leaves no choice. Both lists empty =
//! converged.
//!
//! What to look at is a value as well: [`observed::Reads`]. A pass asks for more only where what it saw makes that matter: who uses
//! an older revision is looked for only when one could end.
//!
//! [`converge`] is the flow in one file, once to make and once to remove: a deletion is a plan as well. Three shells share it:
//! the [`controller`], the command line ([`cli`]) and the tests. A dry run is not a flag, it is the last call left out, for want of a
//! permit.
//!
//! # Code map
//!
//! | module | what it is | |
//! |---|---|---|
//! | [`api`] | the custom resources, as users write them | pure |
//! | [`inputs`] | a workload and all that it refers to in Kubernetes, fetched | pure |
//! | [`target`] | account, Region, identity and fences: which AccountBinding counts | pure |
//! | [`desired`] | what should be in AWS, or all that is wrong with the spec | pure |
//! | [`observed`] | what was seen in AWS: absent, present or unknown | pure |
//! | [`mod@plan`] | what to write, in order, and why; what is held, and why; both as text | pure |
//! | [`pass`] | what one pass came to: plan, outcomes, facts | pure |
//! | [`status`] | conditions and the closed list of reasons | pure |
//! | [`prune`] | what has left the files of the command line, by the tags in AWS | pure |
//! | [`mod@import`] | definitions that exist, as workloads | pure |
//! | [`mod@agent_config`] | the logins as configuration of the ECS agent | pure |
//! | [`mod@iam_policy`] | what Wharfinger itself must be allowed in AWS | pure |
//! | [`resource`] | the pure half of each AWS kind, and the words they share: names, tags, ARNs, images, policies, logins | pure |
//! | [`problem`], [`failure`], [`interval`], `nearest` | bad input, failed calls, durations, what was meant | pure |
//! | [`lease`] | who leads: the rules | pure |
//! | [`leader`] | who leads: the thread that keeps the Lease, permits, the watchdog | acts |
//! | [`registry`] | registries, asked whether a login pulls an image | acts |
//! | [`aws`] | the effect half of each AWS kind: how to read and write it, in the SDK's words; accounts; error codes | acts |
//! | [`mod@observe`] | all reads, at the same time | acts |
//! | [`mod@apply`] | the only writer | acts |
//! | [`controller`] | watches, dereference, finalizers, the status write, when to come back | acts |
//! | [`cli`], [`metrics`], [`serve`] | the command line, counters, HTTP ports | acts |
//!
//! Each AWS kind is a pair of files with one subject: `resource/secret.rs` and `aws/secrets_manager.rs`, `resource/role.rs` and
//! `aws/iam.rs` (what a role may do: [`resource::uses`] finds what containers name, [`resource::grants`] says it as a policy), `resource/definition.rs` and `aws/ecs.rs` with `aws/batch.rs`. The first decides, the second calls.
//!
//! EC2 is a pair of crates: `crates/ec2` is its calls in plain types, compiled once, since its SDK is the largest of all and nothing that is
//! edited often should wait for it; `aws/ec2.rs` is what Wharfinger makes of them. `resource/network/` decides which endpoints tasks need
//! and why, where they are and what differs.
//!
//! Definitions are AWS's own JSON from end to end. No field has a Rust twin: [`resource::definition`] reads the few parts that
//! are needed through one view of all shapes, and [`resource::normalise`] knows, as tables of rules, what AWS makes of the
//! rest.
//!
//! # Invariants, as absences
//!
//! `tests/it/tidy.rs` and the core's properties look for these.
//!
//! - Pure code does not wait, ask, read a clock or draw a random number.
//! - No step arises from [`observed::Snapshot::Unknown`], and none for a thing whose tags are not ours.
//! - Nothing but [`mod@apply`] writes to AWS, and it decides nothing: a failed step skips only what waits for it.
//! - Nothing but [`status`] makes a condition. There is no reason outside [`status::Reason`].
//! - Nothing outside [`aws`] names an SDK type, and nothing outside `aws/error.rs` looks at an error code.
//! - No secret value has a printed form: it lives in [`resource::sealed::Sealed`], which is opened to make a secret's value of
//!   it, to fingerprint that, to send it, to scrub it from AWS's messages, and to print it where `--reveal` asks for it.
//! - No write leaves without a permit: the clients that write to AWS are made of one, and what writes to Kubernetes is one function
//!   that takes one. Both ask it right before sending, and cut the call at [`lease::ATTEMPT`].
//! - No status is written over one that the pass has not seen.
//! - No write is retried behind our back. A lost answer is looked up by the next pass before anything is sent again.
//! - No user's `spec` is ever written to, and no list of a user's is reordered.
//! - No ARN out of a spec is granted, passed or written to that no fence admits.
//! - No shared policy is narrowed while it is not known what some workload needs.
//! - A pass writes at most one status; none if only time has passed.
//!
//! # Cross-cutting concerns
//!
//! **Ownership.** "Ours" is three tags (cluster, namespace, owner), set by the call that makes a thing: [`resource::tags`]. A
//! tag that was removed is put back only where our own status names the ARN.
//!
//! **Sharing.** Workloads of a namespace share its role and secrets. `desired/shared.rs` says who else needs what, from the
//! statuses of the others; one lock a namespace keeps two passes from writing shared things at the same time.
//!
//! **Networks.** A `PullNetwork` is in no namespace: [`desired::resolve_network`], [`plan::network`], [`converge::converge_network`]. Who keeps
//! it where several controllers run is said by its AccountBinding, as for namespaces. What several networks of an account and Region are read
//! for is read once (`aws/ec2/memory.rs`), and read anew before anything is written and for whoever asks for a
//! pass (`status/asked.rs`). Workloads know of it what its status says.
//!
//! **History.** A status lists the older revisions with the role and secrets that each names. What is no longer wanted ends in
//! order: revisions that nobody uses, then what only they needed. The new is always made first.
//!
//! **Errors are two jobs.** [`failure::FailureKind`] is for branching, [`failure::Failure`] for people. What is wrong with the
//! input is a [`problem::Problem`]: field, value, rule, remedy, all of them at once. An `Err` in the controller means that
//! Kubernetes failed, never AWS.
//!
//! **Leadership.** [`lease`] is a state machine that is asked what to do and told what came of it; [`leader`] runs it on a thread of
//! its own and turns each term into a [`leader::WritePermit`]. `controller/lead.rs` is what that means to passes: none while another
//! process leads, one over each object when a term begins, and, where the leader before was cut off, some more over what was written
//! for. A lapsed permit is data ([`failure::FailureKind::Lapsed`]) and is never told in a status. The command line has no Lease and
//! says so: [`leader::WritePermit::without_cluster`]. `docs/leadership.md` says what is promised.
//!
//! **Is the image there?** Registries are asked as one more part of what is observed: [`resource::verification`] says what to ask and
//! how long an answer counts, `plan/verify.rs` what follows. Whatever a stranger answers, the login goes only where fences let it.
//!
//! **Is the value current?** The version id of a secret is a keyed hash of its content: [`resource::fingerprint`]. What is guaranteed
//! when several write, and what is not, stands in [`resource::secret`].
//!
//! **What is missing in the cluster.** The controller ends for nothing that may come: `controller/readiness.rs` keeps what it needs and
//! what stands in the way, in the words of `controller/trouble.rs`; `controller/watches.rs` tends one watch a kind and place, and
//! `controller/merge.rs` makes one cache of those of several namespaces. Who acts for a namespace is said in the status of the
//! AccountBinding, which several installations share: `status/binding.rs` decides, `controller/binding.rs` writes.
//!
//! **Tenancy.** Whoever writes a workload is not trusted. Identity, account and fences come from the AccountBinding; statuses
//! of workloads are no authority for grants.

pub mod agent_config;
pub mod api;
pub mod apply;
pub mod aws;
pub mod cli;
pub mod controller;
pub mod converge;
pub mod desired;
pub mod failure;
pub mod iam_policy;
pub mod import;
pub mod inputs;
pub mod interval;
pub mod leader;
pub mod lease;
pub mod metrics;
mod nearest;
pub mod observe;
pub mod observed;
pub mod pass;
pub mod plan;
pub mod problem;
pub mod prune;
pub mod registry;
pub mod resource;
pub mod serve;
pub mod status;
pub mod target;
