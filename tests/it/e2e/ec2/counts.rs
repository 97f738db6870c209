//! How many reads it takes, and what is remembered for whom.

use super::super::vpc::Vpc;
use super::{Aws, group, present, reads};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::time::Instant;
use wharfinger::observe::{Freshness, observe_network};
use wharfinger::resource::network::ObservedNetwork;

const LISTS: [&str; 4] = ["DescribeRouteTables", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcEndpoints"];

#[tokio::test]
async fn a_full_check_takes_nine_reads_at_first_and_four_from_then_on() {
    let aws = Aws::enter().await;
    let vpc = aws.account.vpc().await;
    let check = async || {
        let seen = observe_network(&aws.reader, &reads(&vpc.id), &BTreeSet::new(), Freshness::Shared).await;
        let mut calls = aws.calls();
        calls.sort();
        (seen, calls)
    };
    let (first, calls) = check().await;
    assert_eq!(calls.len(), 9, "{calls:?}");
    let (second, calls) = check().await;
    assert_eq!((calls, second), (LISTS.map(str::to_owned).to_vec(), first));
    // What is not as it should be is looked at each time, so that whoever mends it need not wait.
    aws.account.ec2("ModifyVpcAttribute", &[("VpcId", &vpc.id), ("EnableDnsHostnames.Value", "false")]).await;
    let other = Aws::enter_account(&aws.account.id).await;
    for _ in 0..2 {
        assert!(!present(&other.look(&vpc.id).await.dns).hostnames);
    }
    aws.account.ec2("ModifyVpcAttribute", &[("VpcId", &vpc.id), ("EnableDnsHostnames.Value", "true")]).await;
    assert!(present(&other.look(&vpc.id).await.dns).hostnames);
    // What is remembered does for nobody who asks, nor before a write.
    let asked = Instant::now();
    aws.account.ec2("ModifyVpcAttribute", &[("VpcId", &vpc.id), ("EnableDnsHostnames.Value", "false")]).await;
    assert!(present(&check().await.0.dns).hostnames, "nobody asks");
    for freshness in [Freshness::Since(asked), Freshness::Own] {
        let seen = observe_network(&aws.reader, &reads(&vpc.id), &BTreeSet::new(), freshness).await;
        assert!(!present(&seen.dns).hostnames, "{freshness:?}");
        assert_eq!(aws.calls().len(), 6, "the lists and the DNS attributes: {freshness:?}");
    }
}

async fn look_at_all(aws: &Aws, ids: &BTreeSet<String>, freshness: Freshness) -> Vec<ObservedNetwork> {
    join_all(ids.iter().map(async |id| observe_network(&aws.reader, &reads(id), ids, freshness).await)).await
}

/// Requests that come together are answered by one look, which is newer than they are.
#[tokio::test]
async fn networks_that_are_asked_for_together_are_read_together() {
    let aws = Aws::enter().await;
    let vpcs: Vec<Vpc> = join_all((0..10).map(|_| aws.account.vpc())).await;
    let ids: BTreeSet<String> = vpcs.iter().map(|vpc| vpc.id.clone()).collect();
    look_at_all(&aws, &ids, Freshness::Shared).await;
    aws.account.ec2("CreateSecurityGroup", &[("VpcId", &vpcs[3].id), ("GroupName", "x"), ("GroupDescription", "x")]).await;
    let asked = Instant::now();
    aws.calls();
    let sees = |all: Vec<ObservedNetwork>| all.iter().any(|it| present(&it.groups).iter().any(|group| group.name == "x"));
    assert!(!sees(look_at_all(&aws, &ids, Freshness::Shared).await) && aws.calls().is_empty());
    assert!(sees(look_at_all(&aws, &ids, Freshness::Since(asked)).await));
    let mut calls = aws.calls();
    calls.retain(|call| call != "DescribeVpcAttribute"); // there is no call for many
    calls.sort();
    assert_eq!(calls, LISTS, "for all of them");
    assert!(
        sees(look_at_all(&aws, &ids, Freshness::Since(asked)).await) && aws.calls().is_empty(),
        "it is newer than the request"
    );
}

#[tokio::test]
async fn a_hundred_networks_are_read_together() {
    let aws = Aws::enter().await;
    let vpcs: Vec<Vpc> = join_all((0..100).map(|_| aws.account.vpc())).await;
    let ids: BTreeSet<String> = vpcs.iter().map(|vpc| vpc.id.clone()).collect();
    let check = async || {
        let each = ids.iter().map(async |id| {
            let seen = observe_network(&aws.reader, &reads(id), &ids, Freshness::Shared).await;
            assert_eq!(present(&seen.subnets).len(), 2, "{id}");
            assert_eq!(present(&seen.vpc).id, *id);
        });
        join_all(each).await;
        aws.calls()
    };
    let mut first = check().await;
    first.retain(|call| call != "DescribeVpcAttribute"); // there is no call for many
    assert!(first.len() <= 10, "{first:?}");
    assert_eq!(check().await, [] as [&str; 0], "a moment later nothing is read");
    aws.write(group(&vpcs[0])).await;
    aws.calls();
    let mut after = check().await;
    after.sort();
    assert_eq!(after, LISTS, "a write makes the memory void");
    assert!(present(&aws.look(&vpcs[0].id).await.groups).iter().any(|group| group.name == "wharfinger-x"));
}

/// EC2 takes 200 values a filter.
#[tokio::test]
async fn more_networks_than_a_filter_holds_take_more_calls() {
    let aws = Aws::enter().await;
    let vpc = aws.account.vpc().await;
    let company: BTreeSet<String> = (0..400).map(|number| format!("vpc-{number:017x}")).collect();
    let seen = observe_network(&aws.reader, &reads(&vpc.id), &company, Freshness::Shared).await;
    assert_eq!(present(&seen.subnets).len(), 2);
    let calls = aws.calls();
    for call in LISTS {
        assert_eq!(calls.iter().filter(|made| *made == call).count(), 3, "{call} of 401 VPCs: {calls:?}");
    }
}
