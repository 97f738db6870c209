//! The API server's part: one Lease, replaced only by whoever names the version that is there.

use rand::RngExt;
use rand::rngs::StdRng;
use wharfinger::lease::{Answer, Record, Request, Seen};

#[derive(Default)]
pub(super) struct Server {
    pub(super) lease: Option<Seen>,
    versions: u64,
    uids: u64,
}

impl Server {
    pub(super) fn handle(&mut self, request: &Request, random: &mut StdRng) -> Answer {
        match (request, self.lease.take()) {
            (Request::Get, None) => Answer::Absent,
            (Request::Get, Some(seen)) => self.store(seen),
            (Request::Create(_), Some(seen)) => {
                self.lease = Some(seen);
                Answer::Refused
            }
            (Request::Create(record), None) => {
                self.uids += 1;
                let uid = format!("uid-{}", self.uids);
                self.write(uid, record.clone())
            }
            // A real one says either, by the version of Kubernetes.
            (Request::Replace { .. }, None) => {
                if random.random_bool(0.5) {
                    Answer::Absent
                } else {
                    Answer::Refused
                }
            }
            (Request::Replace { seen, record }, Some(there)) => {
                if (&seen.uid, &seen.version) == (&there.uid, &there.version) {
                    return self.write(there.uid, record.clone());
                }
                self.lease = Some(there);
                Answer::Refused
            }
        }
    }

    fn write(&mut self, uid: String, record: Record) -> Answer {
        self.versions += 1;
        self.store(Seen { uid, version: self.versions.to_string(), record })
    }

    fn store(&mut self, seen: Seen) -> Answer {
        self.lease = Some(seen.clone());
        Answer::Seen(seen)
    }

    /// What a person may do to it by hand.
    pub(super) fn meddle(&mut self, processes: &[String], random: &mut StdRng) -> &'static str {
        let Some(mut seen) = self.lease.take() else { return "there is nothing to edit" };
        let what = match random.random_range(0..6) {
            0 => return "deleted",
            1 => {
                seen.record.holder = String::new();
                "emptied"
            }
            2 => {
                seen.record.holder = processes[random.random_range(0..processes.len())].clone();
                "given to somebody"
            }
            3 => {
                seen.record.holder = "nobody-we-know".to_owned();
                "given to a stranger"
            }
            4 => {
                seen.record.transitions += random.random_range(-2..3);
                "counted anew"
            }
            _ => "labelled",
        };
        self.write(seen.uid, seen.record);
        what
    }
}
