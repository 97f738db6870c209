//! Tables of what one process does, second by second.

use super::*;

fn at(seconds: f64) -> Moment {
    let wall = Timestamp::from_millisecond(1_700_000_000_000 + (seconds * 1000.0) as i64).unwrap();
    Moment { boot: Duration::from_secs_f64(1000.0 + seconds), wall }
}

fn boot(seconds: f64) -> Duration {
    at(seconds).boot
}

fn seen(version: u32, holder: &str, transitions: i32) -> Seen {
    let record = Record { holder: holder.to_owned(), transitions, ..Record::default() };
    Seen { uid: "u1".to_owned(), version: version.to_string(), record }
}

fn released(version: u32, transitions: i32) -> Seen {
    let mut seen = seen(version, "", transitions);
    seen.record.released = Some(seen.epoch());
    seen
}

/// What the API server makes of a replacement.
fn written(next: Next, version: u32) -> Seen {
    match next {
        Next::Send(Request::Replace { seen, record }) => Seen { version: version.to_string(), record, ..seen },
        other => panic!("it writes nothing: {other:?}"),
    }
}

/// Has it look, and see this.
fn look(elector: &mut Elector, seconds: f64, answer: Answer) {
    assert_eq!(elector.next(at(seconds)), Next::Send(Request::Get), "at {seconds}");
    elector.answered(at(seconds), answer);
}

/// Has it write; the call takes so many seconds.
fn write(elector: &mut Elector, seconds: f64, takes: f64, version: u32) -> Record {
    let written = written(elector.next(at(seconds)), version);
    elector.answered(at(seconds + takes), Answer::Seen(written.clone()));
    written.record
}

/// One that leads since 0, with version 2 of the Lease.
fn leader() -> Elector {
    let mut elector = Elector::new("me");
    look(&mut elector, 0.0, Answer::Seen(released(1, 4)));
    write(&mut elector, 0.0, 0.0, 2);
    elector
}

#[test]
fn what_is_released_is_taken_at_once_and_what_only_looks_so_is_waited_for() {
    let restored = Seen { uid: "u2".to_owned(), ..released(1, 4) };
    let counted = Seen { record: Record { transitions: 5, ..released(1, 4).record }, ..released(1, 4) };
    let rows = [
        ("released", released(1, 4), true),
        ("emptied", seen(1, "", 4), false),
        ("restored", restored, false),
        ("counted", counted, false),
        ("held", seen(1, "other", 4), false),
    ];
    for (name, lease, at_once) in rows {
        let mut elector = Elector::new("me");
        look(&mut elector, 0.0, Answer::Seen(lease));
        let takes = matches!(elector.next(at(0.0)), Next::Send(Request::Replace { .. }));
        assert_eq!(takes, at_once, "{name}");
    }
}

#[test]
fn a_term_counts_from_before_its_renewal_was_sent() {
    let mut elector = leader();
    let term = elector.term().unwrap().clone();
    assert_eq!((term.deadline(), term.after_release), (boot(8.0), true));
    assert_eq!(term.epoch, Epoch { uid: "u1".to_owned(), transitions: 5 });
    assert_eq!(elector.next(at(0.0)), Next::Wait(boot(2.0)));
    let record = write(&mut elector, 2.0, 1.9, 3);
    assert_eq!((record.transitions, record.renewed), (5, Some(at(2.0).wall)));
    assert_eq!(elector.term().unwrap().deadline(), boot(10.0), "not 11.9");
    assert_eq!(elector.next(at(3.9)), Next::Wait(boot(4.0)), "nor is the next one later");
    for (now, fits) in [(7.0, true), (7.1, false), (10.0, false)] {
        assert_eq!(may_send(boot(10.0), boot(now)), fits, "an attempt that begins at {now} ends before 10");
    }
}

#[test]
fn whoever_waits_counts_from_the_last_change_that_he_saw() {
    let mut elector = Elector::new("me");
    look(&mut elector, 0.0, Answer::Seen(seen(1, "other", 4)));
    look(&mut elector, 2.0, Answer::Seen(seen(1, "other", 4)));
    look(&mut elector, 14.0, Answer::Seen(seen(2, "other", 4)));
    assert_eq!(elector.next(at(15.5)), Next::Wait(boot(16.0)), "it was renewed");
    look(&mut elector, 28.0, Answer::Seen(seen(2, "other", 4)));
    assert_eq!(elector.next(at(28.9)), Next::Wait(boot(29.0)), "not by the next look: as soon as it may");
    let record = write(&mut elector, 29.0, 0.0, 3);
    assert_eq!((record.holder.as_str(), record.transitions, record.acquired), ("me", 5, Some(at(29.0).wall)));
    assert!(!elector.term().unwrap().after_release);
}

#[test]
fn a_lease_that_is_gone_is_made_empty_and_waited_for_by_whoever_made_it() {
    for mut elector in [Elector::new("me"), leader()] {
        if elector.term().is_some() {
            assert!(matches!(elector.next(at(2.0)), Next::Send(Request::Replace { .. })));
            elector.answered(at(2.0), Answer::Refused);
        }
        look(&mut elector, 3.0, Answer::Absent);
        assert_eq!(elector.term(), None, "what is gone is nobody's");
        assert_eq!(elector.next(at(3.0)), Next::Send(Request::Create(Record::default())));
        let made = Seen { uid: "u2".to_owned(), ..seen(9, "", 0) };
        elector.answered(at(3.0), Answer::Seen(made.clone()));
        for now in [5.0, 17.9] {
            look(&mut elector, now, Answer::Seen(made.clone()));
        }
        assert_eq!(write(&mut elector, 18.0, 0.0, 10).holder, "me");
    }
}

#[test]
fn a_leader_that_is_not_sure_looks_before_it_writes_again() {
    let gone = Answer::Absent;
    let rows = [
        ("its own", Answer::Seen(seen(3, "me", 5)), true),
        ("with a label", Answer::Seen(seen(7, "me", 5)), true),
        ("another's", Answer::Seen(seen(3, "other", 6)), false),
        ("emptied", Answer::Seen(seen(3, "", 5)), false),
        ("counted anew", Answer::Seen(seen(3, "me", 9)), false),
        ("made anew", Answer::Seen(Seen { uid: "u2".to_owned(), ..seen(3, "me", 5) }), false),
        ("gone", gone, false),
        ("not seen", Answer::Unknown, true),
    ];
    for unsure in [Answer::Refused, Answer::Unknown, Answer::Absent] {
        for (name, found, leads) in &rows {
            let mut elector = leader();
            assert!(matches!(elector.next(at(2.0)), Next::Send(Request::Replace { .. })));
            elector.answered(at(2.5), unsure.clone());
            assert!(elector.term().is_some(), "{unsure:?} alone ends no term");
            assert_eq!(elector.next(at(2.5)), Next::Wait(boot(2.75)));
            look(&mut elector, 2.75, found.clone());
            assert_eq!(elector.term().is_some(), *leads, "{unsure:?}, then {name}");
        }
    }
}

#[test]
fn a_term_that_is_not_renewed_ends() {
    let mut elector = leader();
    let mut now = 2.0;
    while now < 8.0 {
        match elector.next(at(now)) {
            Next::Send(_) => elector.answered(at(now), Answer::Unknown),
            Next::Wait(until) => now = until.as_secs_f64() - 1000.0,
            Next::End => panic!("it was not asked to end"),
        }
    }
    elector.next(at(8.0));
    assert_eq!(elector.term(), None);
    // Its own name in the Lease gives it nothing: it waits as others do, from the last change that it saw.
    elector.answered(at(8.0), Answer::Seen(seen(2, "me", 5)));
    assert_eq!(elector.next(at(9.0)), Next::Wait(boot(10.0)));
    look(&mut elector, 14.0, Answer::Seen(seen(2, "me", 5)));
    assert_eq!(write(&mut elector, 15.0, 0.0, 3).transitions, 6);
}

#[test]
fn a_takeover_whose_answer_was_lost_is_known_by_what_was_written() {
    for (waits, known) in [(1.0, true), (8.5, false)] {
        let mut elector = Elector::new("me");
        look(&mut elector, 0.0, Answer::Seen(released(1, 4)));
        let lost = written(elector.next(at(0.0)), 2);
        elector.answered(at(0.1), Answer::Unknown);
        assert_eq!(elector.term(), None, "nobody knows");
        look(&mut elector, 3.0 + waits - 1.0, Answer::Seen(lost.clone()));
        let next = elector.next(at(3.0 + waits - 1.0));
        assert_eq!(matches!(next, Next::Send(Request::Replace { .. })), known, "{next:?}");
    }
    let mut elector = Elector::new("me");
    look(&mut elector, 0.0, Answer::Seen(released(1, 4)));
    elector.next(at(0.0));
    elector.answered(at(0.1), Answer::Unknown);
    look(&mut elector, 3.0, Answer::Seen(seen(2, "me", 5)));
    assert!(matches!(elector.next(at(3.0)), Next::Wait(_)), "our name, but not what we wrote: by hand, then");
}

#[test]
fn what_is_written_to_another_lease_is_no_renewal() {
    let mut elector = leader();
    let renewed = written(elector.next(at(2.0)), 3);
    elector.answered(at(2.0), Answer::Seen(Seen { uid: "u2".to_owned(), ..renewed }));
    assert_eq!(elector.term(), None);
}

#[test]
fn a_leader_that_ends_releases_and_others_just_end() {
    let mut elector = leader();
    elector.release();
    let record = write(&mut elector, 1.0, 0.0, 3);
    assert_eq!((record.holder.as_str(), record.released), ("", Some(Epoch { uid: "u1".to_owned(), transitions: 5 })));
    assert_eq!(elector.next(at(1.0)), Next::End);
    let mut other = Elector::new("other");
    look(&mut other, 0.0, Answer::Seen(seen(1, "me", 4)));
    other.release();
    assert_eq!(other.next(at(0.0)), Next::End);
    let mut unlucky = leader();
    unlucky.release();
    let lost = written(unlucky.next(at(1.0)), 3);
    unlucky.answered(at(3.0), Answer::Unknown);
    look(&mut unlucky, 3.25, Answer::Seen(lost));
    assert_eq!(unlucky.next(at(3.25)), Next::End, "it was released after all");
}

#[test]
fn what_was_written_early_in_a_term_is_looked_at_again() {
    let after = |seconds| read_back(Duration::from_secs(seconds)).map(|wait| wait.as_secs());
    assert_eq!([0, 7, 8, 60, 139, 140, 900].map(after), [Some(8), Some(1), Some(42), Some(35), Some(1), None, None]);
}
