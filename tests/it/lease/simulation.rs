//! One schedule: processes with clocks of their own, a network that delays and loses, and what is done to them, all from one seed.

use super::process::{Micros, Process, Stats};
use super::server::Server;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;
use wharfinger::lease::{ATTEMPT, Answer, CALL, Moment, Next, Request, may_send};

const SECOND: Micros = 1_000_000;
/// By when somebody must lead after the last fault: one that died just before it is waited for by the slowest clock, and then some.
const RECOVERY: Micros = 30 * SECOND;
/// How long he must stay.
const CALM: Micros = 40 * SECOND;

/// A term: whose, and since when by his clock. (Somebody may count transitions anew by hand.)
type Writer = (usize, Duration);

#[derive(Debug, Clone)]
enum Event {
    /// The process looks at what there is to do, if it has set no other alarm since.
    Wake(u64),
    /// A call reaches the API server.
    Arrive(u64, Request),
    /// Its answer comes back.
    Answered(u64, Answer),
    /// It is waited for no longer.
    TimedOut(u64),
    /// The process would write to AWS.
    Write,
    /// What was written has its effect, paused or not.
    Effect(Writer),
    /// Nothing that this process wrote is under way any more: it lets the Lease go.
    LetGo(String),
    /// Something is done to the process.
    Fault,
}

pub(super) struct World {
    random: StdRng,
    now: Micros,
    order: u64,
    queue: BTreeMap<(Micros, u64), (usize, Event)>,
    server: Server,
    processes: Vec<Process>,
    births: usize,
    calls: u64,
    alarms: u64,
    /// Until when what a term permits may have effect.
    claims: BTreeMap<(usize, String, i32), Micros>,
    /// Which term wrote last, and which did before.
    writer: Option<Writer>,
    past: Vec<Writer>,
    heals_at: Micros,
    /// How long faults are apart.
    calm: Micros,
    stats: Stats,
    told: bool,
}

/// Runs the schedule of a seed.
pub(super) fn run(seed: u64, told: bool) -> (Stats, Result<(), String>) {
    let mut random = StdRng::seed_from_u64(seed);
    let heals_at = random.random_range(30 * SECOND..150 * SECOND);
    let (count, calm) = (random.random_range(2..5), random.random_range(1..5));
    let mut world = World {
        random,
        now: 0,
        order: 0,
        queue: BTreeMap::new(),
        server: Server::default(),
        processes: vec![],
        births: 0,
        calls: 0,
        alarms: 0,
        claims: BTreeMap::new(),
        writer: None,
        past: vec![],
        heals_at,
        calm,
        stats: Stats::default(),
        told,
    };
    for index in 0..count {
        let process = world.born();
        world.processes.push(process);
        let begins = world.random.random_range(0..5 * SECOND);
        world.alarm(begins, index);
        world.push(begins, index, Event::Write);
        world.push(begins + 3 * SECOND, index, Event::Fault);
    }
    let outcome = world.play();
    (world.stats, outcome)
}

impl World {
    fn born(&mut self) -> Process {
        self.births += 1;
        Process::born(self.births, &mut self.random)
    }

    fn push(&mut self, at: Micros, process: usize, event: Event) {
        self.order += 1;
        self.queue.insert((at, self.order), (process, event));
    }

    fn alarm(&mut self, at: Micros, process: usize) {
        self.alarms += 1;
        let alarm = self.alarms;
        self.processes[process].alarm = alarm;
        self.push(at, process, Event::Wake(alarm));
    }

    fn tell(&self, process: usize, what: impl FnOnce() -> String) {
        if self.told {
            eprintln!("{:>10.3} {} {}", self.now as f64 / 1e6, self.processes[process].name, what());
        }
    }

    fn play(&mut self) -> Result<(), String> {
        let end = self.heals_at + RECOVERY + CALM;
        let mut leader = None;
        while let Some(((at, _), (process, event))) = self.queue.pop_first() {
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            let paused = self.processes[process].paused_until;
            if paused > self.now && !matches!(event, Event::Arrive(..) | Event::Effect(_) | Event::Fault) {
                self.push(paused, process, event);
                continue;
            }
            self.step(process, event)?;
            if self.now > self.heals_at + RECOVERY {
                let leads = self.leading();
                if leads.len() != 1 || *leader.get_or_insert(leads[0]) != leads[0] {
                    return Err(format!("{:.1} s after the last fault the leaders are {leads:?}", self.since_healed()));
                }
            }
        }
        Ok(())
    }

    fn since_healed(&self) -> f64 {
        (self.now - self.heals_at) as f64 / 1e6
    }

    fn leading(&self) -> Vec<usize> {
        let leads = |process: &Process| process.elector.term().is_some_and(|term| process.boot(self.now) < term.deadline());
        (0..self.processes.len()).filter(|index| leads(&self.processes[*index])).collect()
    }

    fn moment(&mut self, process: usize) -> Moment {
        let jumps = if self.random.random_bool(0.02) { self.random.random_range(-86_400..86_400) } else { 0 };
        let process = &mut self.processes[process];
        process.wall += jumps;
        let wall = Timestamp::from_microsecond(1_700_000_000_000_000 + process.wall * 1_000_000 + self.now as i64);
        Moment { boot: process.boot(self.now), wall: wall.expect("a time") }
    }

    fn step(&mut self, process: usize, event: Event) -> Result<(), String> {
        match event {
            Event::Wake(alarm) if self.processes[process].alarm == alarm && self.processes[process].call.is_none() => {
                self.wake(process)?;
            }
            Event::Wake(_) => {}
            Event::Arrive(call, request) => self.arrive(process, call, &request),
            Event::Answered(call, answer) if self.processes[process].call == Some(call) => self.answered(process, answer)?,
            Event::TimedOut(call) if self.processes[process].call == Some(call) => {
                self.stats.lost_answers += 1;
                self.answered(process, Answer::Unknown)?;
            }
            Event::Answered(..) | Event::TimedOut(_) => {}
            Event::Write => self.write(process),
            Event::Effect(writer) => self.effect(writer)?,
            Event::LetGo(name) if self.processes[process].name == name => self.let_go(process),
            Event::LetGo(_) => {}
            Event::Fault if self.now < self.heals_at => self.fault(process),
            Event::Fault => {}
        }
        Ok(())
    }

    fn wake(&mut self, process: usize) -> Result<(), String> {
        let moment = self.moment(process);
        let next = self.processes[process].elector.next(moment);
        self.note(process)?;
        match next {
            Next::Wait(until) => {
                let at = self.processes[process].real(until).max(self.now + 1);
                self.alarm(at, process);
            }
            Next::Send(request) => {
                self.calls += 1;
                let call = self.calls;
                self.tell(process, || format!("sends {request:?}"));
                let gives_up = self.now + self.processes[process].lasts(CALL);
                self.processes[process].call = Some(call);
                self.push(gives_up, process, Event::TimedOut(call));
                if let Some(delay) = self.delay(process) {
                    self.push(self.now + delay, process, Event::Arrive(call, request));
                }
            }
            // The process ends, and another one takes its place.
            Next::End => self.restart(process, 0),
        }
        Ok(())
    }

    /// How long a message takes; nothing if it is lost.
    fn delay(&mut self, process: usize) -> Option<Micros> {
        let faulty = self.now < self.heals_at;
        if self.processes[process].cut_off_until > self.now || faulty && self.random.random_bool(0.03) {
            return None;
        }
        let slowest = SECOND * [1, 2, 6][self.random.random_range(0..3)];
        let longest = if self.processes[process].slow_until > self.now { slowest } else { 30_000 };
        Some(self.random.random_range(1_000..longest))
    }

    fn arrive(&mut self, process: usize, call: u64, request: &Request) {
        let answer = self.server.handle(request, &mut self.random);
        self.stats.refused += usize::from(answer == Answer::Refused);
        self.tell(process, || format!("  is answered {answer:?}"));
        if let Some(delay) = self.delay(process) {
            self.push(self.now + delay, process, Event::Answered(call, answer));
        }
    }

    fn answered(&mut self, process: usize, answer: Answer) -> Result<(), String> {
        let moment = self.moment(process);
        self.processes[process].call = None;
        self.processes[process].elector.answered(moment, answer);
        self.note(process)?;
        self.wake(process)
    }

    /// Compares what this process now may do with what the others may.
    fn note(&mut self, index: usize) -> Result<(), String> {
        let process = &self.processes[index];
        if process.releasing {
            return Ok(()); // nothing of it writes any more
        }
        let term = process.elector.term().filter(|term| process.boot(self.now) < term.deadline()).cloned();
        let before = process.led.clone();
        // What was sent may have effect until it is cut.
        let after_loss = self.now + process.lasts(ATTEMPT);
        if let Some(epoch) = before.filter(|before| term.as_ref().is_none_or(|term| term.epoch != *before)) {
            self.stats.lapsed += 1;
            let claim = self.claims.entry((index, epoch.uid, epoch.transitions)).or_default();
            *claim = (*claim).min(after_loss);
        }
        self.processes[index].led = term.as_ref().map(|term| term.epoch.clone());
        let Some(term) = term else { return Ok(()) };
        // The watchdog ends a process only after the last attempt: until then it counts.
        let until = self.processes[index].real(term.deadline() + ATTEMPT);
        let key = (index, term.epoch.uid.clone(), term.epoch.transitions);
        if self.claims.insert(key.clone(), until).is_none() {
            self.tell(index, || format!("leads: {:?}", term.epoch));
            self.stats.terms += 1;
            self.stats.after_release += usize::from(term.after_release);
            if let Some((other, until)) = self.claims.iter().find(|(other, until)| **other != key && **until > self.now) {
                let seconds = (until - self.now) as f64 / 1e6;
                return Err(format!(
                    "at {:.3} s {key:?} leads while {other:?} may write for {seconds:.3} s more",
                    self.now as f64 / 1e6
                ));
            }
        }
        Ok(())
    }

    /// One write, if the permit counts at this moment. It has its effect at any time before the attempt is cut.
    fn write(&mut self, index: usize) {
        let pause = self.random.random_range(20_000..400_000);
        self.push(self.now + pause, index, Event::Write);
        let process = &self.processes[index];
        let term = process.elector.term().filter(|_| !process.stopping);
        let Some(term) = term.filter(|term| may_send(term.deadline(), process.boot(self.now))) else { return };
        let (writer, longest) = ((index, term.began), process.lasts(ATTEMPT));
        let at = self.now + self.random.random_range(0..longest);
        self.push(at, index, Event::Effect(writer));
    }

    fn effect(&mut self, writer: Writer) -> Result<(), String> {
        self.stats.writes += 1;
        if self.writer != Some(writer) {
            self.past.extend(self.writer.replace(writer));
        }
        match self.past.contains(&writer) {
            true => Err(format!("at {:.3} s a write of {writer:?} comes after another term's", self.now as f64 / 1e6)),
            false => Ok(()),
        }
    }

    fn fault(&mut self, index: usize) {
        let again = self.now + self.calm * self.random.random_range(SECOND..25 * SECOND);
        self.push(again, index, Event::Fault);
        let until = (self.now + self.random.random_range(SECOND / 2..40 * SECOND)).min(self.heals_at);
        let kind = self.random.random_range(0..8);
        self.tell(index, || format!("fault {kind} until {:.3}", until as f64 / 1e6));
        match kind {
            0 => self.processes[index].cut_off_until = until,
            1 => self.processes[index].paused_until = until,
            2 => self.processes.iter_mut().for_each(|process| process.slow_until = until),
            3 => self.processes.iter_mut().for_each(|process| process.cut_off_until = until),
            4 => self.restart(index, until - self.now),
            5 | 6 => {
                let process = &mut self.processes[index];
                process.stopping = true;
                let (at, name) = (self.now + process.lasts(ATTEMPT), process.name.clone());
                self.push(at, index, Event::LetGo(name));
            }
            _ => {
                let names: Vec<String> = self.processes.iter().map(|process| process.name.clone()).collect();
                let what = self.server.meddle(&names, &mut self.random);
                self.stats.edits += 1;
                self.tell(index, || format!("the Lease is {what}"));
            }
        }
    }

    fn let_go(&mut self, index: usize) {
        let process = &mut self.processes[index];
        process.elector.release();
        process.releasing = true;
        if let Some(epoch) = process.led.take() {
            self.claims.insert((index, epoch.uid, epoch.transitions), self.now);
        }
        self.alarm(self.now, index);
    }

    /// The process ends at once, and a new one begins some time later. What it had sent is on its way.
    fn restart(&mut self, index: usize, after: Micros) {
        let gone = self.now + self.processes[index].lasts(ATTEMPT);
        let ended = self.claims.iter_mut().filter(|((process, ..), _)| *process == index);
        ended.for_each(|(_, until)| *until = (*until).min(gone));
        let (process, begins) = (self.born(), self.now + after);
        self.processes[index] = Process { paused_until: begins, ..process };
        self.alarm(begins, index);
    }
}
