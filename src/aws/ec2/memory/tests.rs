//! The memory against a fake that counts what it is asked.

use super::*;
use crate::resource::network::EndpointKind;
use futures::future::{join, join_all};
use tokio::sync::Notify;

/// Answers with a number of its own each time, or fails if it is told to.
#[derive(Default)]
struct Aws {
    asked: Mutex<Vec<Vec<String>>>,
    fails: Mutex<bool>,
}

type Answer = Result<usize, ()>;

fn any() -> Terms<fn(&Answer) -> bool> {
    Terms { kept: LATELY, since: None, is_whole: Answer::is_ok }
}

impl Aws {
    fn answer(&self, about: &[String]) -> Answer {
        let mut asked = lock(&self.asked);
        asked.push(about.to_vec());
        if *lock(&self.fails) { Err(()) } else { Ok(asked.len()) }
    }

    async fn shared(&self, looks: &Looks<Answer>, about: &str, company: &[&str], now: Instant) -> Answer {
        self.since(looks, about, company, None, now).await
    }

    async fn since(&self, looks: &Looks<Answer>, about: &str, company: &[&str], since: Option<Instant>, now: Instant) -> Answer {
        let company = company.iter().map(|one| (*one).to_owned()).collect();
        looks.shared(about, &company, Terms { since, ..any() }, now, async |all: Ids| self.answer(&all)).await
    }

    async fn own(&self, looks: &Looks<Answer>, about: &str, now: Instant) -> Answer {
        looks.own(about, now, async |all: Ids| self.answer(&all)).await
    }

    fn asked(&self) -> Vec<String> {
        lock(&self.asked).iter().map(|all| all.join(",")).collect()
    }
}

#[tokio::test]
async fn one_look_serves_the_company_for_a_while() {
    let (aws, looks, start) = (Aws::default(), Looks::default(), Instant::now());
    let later = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(aws.shared(&looks, "a", &["b", "c"], start).await, Ok(1));
    assert_eq!(aws.shared(&looks, "b", &["a", "c"], later(29)).await, Ok(1));
    assert_eq!(aws.shared(&looks, "d", &["a", "b", "c"], later(29)).await, Ok(2), "nobody looked at this one");
    assert_eq!(aws.shared(&looks, "c", &["a"], later(58)).await, Ok(2), "it was looked at again in company");
    assert_eq!(aws.shared(&looks, "c", &["a"], later(59)).await, Ok(3), "too long ago");
    assert_eq!(aws.asked(), ["a,b,c", "a,b,c,d", "a,c"]);
}

#[tokio::test]
async fn an_own_look_is_new_and_of_one_only() {
    let (aws, looks, now) = (Aws::default(), Looks::default(), Instant::now());
    assert_eq!(aws.shared(&looks, "a", &["b"], now).await, Ok(1));
    assert_eq!(aws.own(&looks, "a", now).await, Ok(2));
    assert_eq!(aws.shared(&looks, "a", &["b"], now).await, Ok(2), "it is in the memory");
    assert_eq!(aws.shared(&looks, "b", &["a"], now).await, Ok(1), "and the others as they were");
    assert_eq!(aws.asked(), ["a,b", "a"]);
}

#[tokio::test]
async fn what_was_read_before_a_write_ended_counts_no_more() {
    let (aws, looks, now) = (Aws::default(), Looks::default(), Instant::now());
    let (begun, written) = (Notify::new(), Notify::new());
    let nobody = BTreeSet::new();
    let before = looks.shared("a", &nobody, any(), now, async |all: Ids| {
        begun.notify_one();
        written.notified().await;
        aws.answer(&all)
    });
    let write = async {
        begun.notified().await;
        looks.void();
        written.notify_one();
    };
    assert_eq!(join(before, write).await.0, Ok(1), "whoever waited has it");
    assert_eq!(aws.shared(&looks, "a", &[], now).await, Ok(2), "whoever comes later reads anew");
}

#[tokio::test]
async fn many_at_once_are_one_look() {
    let (aws, looks, now) = (Aws::default(), Looks::default(), Instant::now());
    let names: Vec<String> = (0..100).map(|number| format!("vpc-{number}")).collect();
    let all: BTreeSet<String> = names.iter().cloned().collect();
    let slow = async |all: Ids| {
        tokio::task::yield_now().await;
        aws.answer(&all)
    };
    let each = names.iter().map(|name| looks.shared(name, &all, any(), now, slow));
    assert_eq!(join_all(each).await, [Ok(1); 100]);
    assert_eq!(aws.asked().len(), 1);
}

#[tokio::test]
async fn a_failure_is_told_to_those_who_wait_and_to_nobody_else() {
    let (aws, looks, now) = (Aws::default(), Looks::default(), Instant::now());
    *lock(&aws.fails) = true;
    let slow = async |all: Ids| {
        tokio::task::yield_now().await;
        aws.answer(&all)
    };
    let company = BTreeSet::from(["a", "b"].map(str::to_owned));
    let one = |name| looks.shared(name, &company, any(), now, slow);
    assert_eq!(join(one("a"), one("b")).await, (Err(()), Err(())));
    *lock(&aws.fails) = false;
    assert_eq!(aws.shared(&looks, "a", &["b"], now).await, Ok(2));
    assert_eq!(aws.asked(), ["a,b", "a,b"]);
}

/// Were it about the second alone, the others would seem to have nothing.
#[tokio::test]
async fn who_takes_over_a_look_asks_for_all_of_it() {
    let (aws, looks, now) = (Aws::default(), Looks::default(), Instant::now());
    let company = BTreeSet::from(["b", "c"].map(str::to_owned));
    let never = async |_: Ids| std::future::pending::<Answer>().await;
    let given_up = looks.shared("a", &company, any(), now, never);
    assert!(futures::poll!(Box::pin(given_up)).is_pending());
    assert_eq!(aws.shared(&looks, "b", &[], now).await, Ok(1));
    assert_eq!(aws.asked(), ["a,b,c"]);
}

#[test]
fn what_hardly_changes_is_kept_for_hours() {
    let (kept, now) = (Kept::default(), Instant::now());
    kept.put("a", now, 1);
    assert_eq!(kept.get_at("a", Some(now), now + LONG - Duration::from_secs(60)), Some(1));
    assert_eq!(kept.get_at("a", Some(now + Duration::from_millis(1)), now + LATELY), None, "it was asked for before");
    assert_eq!(kept.get_at("a", None, now + LONG - Duration::from_secs(60)), Some(1), "which does for others");
    assert_eq!(kept.get_at("a", None, now + LONG + Duration::from_secs(60)), None);
    kept.put("a", now, 2);
    kept.forget("a");
    assert_eq!(kept.get("a", None), None);
}

/// Many that are asked for at once are read for once, by whoever comes first after that.
#[tokio::test]
async fn who_asks_is_answered_by_what_was_read_since() {
    let (aws, looks, start) = (Aws::default(), Looks::default(), Instant::now());
    let later = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(aws.shared(&looks, "a", &["b", "c"], start).await, Ok(1));
    assert_eq!(aws.since(&looks, "b", &["a", "c"], Some(later(1)), later(2)).await, Ok(2), "it was read before");
    assert_eq!(aws.since(&looks, "a", &["b", "c"], Some(later(1)), later(3)).await, Ok(2));
    assert_eq!(aws.since(&looks, "c", &["a", "b"], Some(later(3)), later(4)).await, Ok(3));
    assert_eq!(aws.shared(&looks, "a", &["b", "c"], later(5)).await, Ok(3), "what is newer does for all");
    assert_eq!(aws.asked(), ["a,b,c", "a,b,c", "a,b,c"]);
}

/// A service has one of two names. Which one it lacks says nothing.
#[tokio::test]
async fn services_are_kept_once_all_are_there() {
    let names: BTreeSet<String> =
        ["com.amazonaws.x.s3", "cn.com.amazonaws.x.s3", "com.amazonaws.x.ssm", "cn.com.amazonaws.x.ssm"]
            .map(str::to_owned)
            .into();
    let service = |name: &str| EndpointService { name: name.to_owned(), kind: EndpointKind::Interface, zones: BTreeSet::new() };
    let (few, all) =
        (vec![service("com.amazonaws.x.s3")], vec![service("cn.com.amazonaws.x.s3"), service("com.amazonaws.x.ssm")]);
    let memory = NetworkMemory::default();
    let unasked = async || -> Services { panic!("it is remembered") };
    assert_eq!(memory.services(&names, async { Ok(few.clone()) }).await.map(|it| it.len()), Ok(1));
    assert_eq!(memory.services(&names, async { Ok(all.clone()) }).await.map(|it| it.len()), Ok(2), "one was missing");
    assert_eq!(memory.services(&names, unasked()).await.map(|it| it.len()), Ok(2));
}

#[tokio::test]
async fn a_write_voids_however_it_ends() {
    let memory = NetworkMemory::default();
    let none = || {
        Arc::new(Lists {
            vpcs: Ok(BTreeMap::new()),
            subnets: Ok(vec![]),
            route_tables: Ok(vec![]),
            groups: Ok(vec![]),
            endpoints: Ok(vec![]),
        })
    };
    let count = Mutex::new(0);
    let read = async |_: Ids| {
        *lock(&count) += 1;
        none()
    };
    let company = BTreeSet::new();
    memory.shared("a", &company, None, read).await;
    memory.shared("a", &company, None, read).await;
    assert_eq!(*lock(&count), 1);
    let write = async {
        let _void = memory.voiding();
        std::future::pending::<()>().await;
    };
    assert!(futures::poll!(Box::pin(write)).is_pending(), "given up while it is under way");
    memory.shared("a", &company, None, read).await;
    assert_eq!(*lock(&count), 2);
}
