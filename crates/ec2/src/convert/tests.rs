//! What the SDK shows, and what is kept of it.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use aws_sdk_ec2::types::builders;

fn strings(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn tag(key: &str, value: &str) -> types::Tag {
    types::Tag::builder().key(key).value(value).build()
}

fn endpoint_in(state: &str) -> builders::VpcEndpointBuilder {
    types::VpcEndpoint::builder().vpc_endpoint_id("vpce-1").state(state.into())
}

#[test]
fn states_of_endpoints_are_spelt_in_one_way() {
    let rows = [
        ("available", Some("available")),
        ("Available", Some("available")),
        ("pendingAcceptance", Some("pendingacceptance")),
        ("Deleting", Some("deleting")),
        ("deleted", None),
        ("Deleted", None),
    ];
    for (wire, wanted) in rows {
        let seen = endpoint(endpoint_in(wire).build()).map(|endpoint| endpoint.state);
        assert_eq!(seen.as_deref(), wanted, "{wire}");
    }
}

#[test]
fn an_endpoint_keeps_what_matters() {
    let group = types::SecurityGroupIdentifier::builder().group_id("sg-1").group_name("x").build();
    let error = types::LastError::builder().code("InvalidState").message("no room").build();
    let wire = endpoint_in("failed")
        .vpc_id("vpc-1")
        .service_name("com.amazonaws.eu-west-1.ecr.dkr")
        .vpc_endpoint_type(types::VpcEndpointType::Interface)
        .subnet_ids("subnet-2")
        .subnet_ids("subnet-1")
        .groups(group)
        .private_dns_enabled(true)
        .policy_document("{}")
        .requester_managed(true)
        .last_error(error)
        .tags(tag("team", "a"))
        .tags(tag("aws:cloudformation:stack-name", "b"));
    let wanted = Endpoint {
        id: "vpce-1".into(),
        vpc_id: "vpc-1".into(),
        service_name: "com.amazonaws.eu-west-1.ecr.dkr".into(),
        kind: EndpointKind::Interface,
        state: "failed".into(),
        subnet_ids: strings(&["subnet-1", "subnet-2"]),
        group_ids: strings(&["sg-1"]),
        route_table_ids: BTreeSet::new(),
        private_dns: true,
        policy: Some("{}".into()),
        requester_managed: true,
        last_error: Some("InvalidState: no room".into()),
        tags: [("team".to_owned(), "a".to_owned())].into(),
    };
    assert_eq!(endpoint(wire.build()), Some(wanted));
    let odd = endpoint(endpoint_in("available").vpc_endpoint_type("Resource".into()).build());
    assert_eq!(odd.map(|it| it.kind), Some(EndpointKind::Other("Resource".into())));
    assert_eq!(endpoint(types::VpcEndpoint::builder().build()), None, "without an id");
}

#[test]
fn a_subnet_has_the_ranges_that_it_holds() {
    let range = |cidr: &str, state: &str| {
        let state = types::SubnetCidrBlockState::builder().state(state.into()).build();
        types::SubnetIpv6CidrBlockAssociation::builder().ipv6_cidr_block(cidr).ipv6_cidr_block_state(state).build()
    };
    let wire = types::Subnet::builder()
        .subnet_id("subnet-1")
        .availability_zone("eu-west-1a")
        .cidr_block("10.0.0.0/24")
        .ipv6_cidr_block_association_set(range("2001:db8::/64", "associated"))
        .ipv6_cidr_block_association_set(range("2001:db8:1::/64", "disassociated"));
    let seen = subnet(wire.build()).unwrap();
    assert_eq!(seen.cidrs, strings(&["10.0.0.0/24", "2001:db8::/64"]));
    let v6_only = types::Subnet::builder().subnet_id("subnet-2").cidr_block("").build();
    assert_eq!(subnet(v6_only).unwrap().cidrs, BTreeSet::new());
}

/// CloudFormation tags all that it makes; such a tag may choose subnets and route tables.
#[test]
fn what_is_chosen_by_tags_keeps_those_of_aws() {
    let wanted = [("aws:cloudformation:stack-name".to_owned(), "b".to_owned())].into();
    let wire = types::Subnet::builder().subnet_id("subnet-1").tags(tag("aws:cloudformation:stack-name", "b"));
    assert_eq!(subnet(wire.build()).unwrap().tags, wanted);
    let wire = types::RouteTable::builder().route_table_id("rtb-1").tags(tag("aws:cloudformation:stack-name", "b"));
    assert_eq!(route_table(wire.build()).unwrap().tags, wanted);
}

#[test]
fn a_route_table_has_the_associations_that_hold() {
    let association = |subnet: &str, state: types::RouteTableAssociationStateCode| {
        let state = types::RouteTableAssociationState::builder().state(state).build();
        types::RouteTableAssociation::builder().subnet_id(subnet).association_state(state).build()
    };
    use types::RouteTableAssociationStateCode as Code;
    let main = types::RouteTableAssociation::builder().main(true).build();
    let wire = types::RouteTable::builder().route_table_id("rtb-1").associations(association("subnet-1", Code::Associated));
    let wire = wire.associations(association("subnet-2", Code::Disassociated));
    let seen = route_table(wire.clone().build()).unwrap();
    assert_eq!((seen.is_main, seen.subnet_ids), (false, strings(&["subnet-1"])));
    assert!(route_table(wire.associations(main).build()).unwrap().is_main);
}

#[test]
fn a_group_tells_from_where_and_to_which_ports() {
    let everything = types::IpPermission::builder().ip_protocol("-1").from_port(-1).to_port(-1).build();
    let https = types::IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(443)
        .to_port(443)
        .ip_ranges(types::IpRange::builder().cidr_ip("10.0.0.0/24").build())
        .ipv6_ranges(types::Ipv6Range::builder().cidr_ipv6("2001:db8::/64").build())
        .user_id_group_pairs(types::UserIdGroupPair::builder().group_id("sg-2").build())
        .prefix_list_ids(types::PrefixListId::builder().prefix_list_id("pl-1").build());
    let wire = types::SecurityGroup::builder().group_id("sg-1").group_name("x").ip_permissions(everything);
    let seen = security_group(wire.ip_permissions(https.build()).build()).unwrap();
    let [all, https] = seen.ingress.as_slice() else { panic!("{seen:?}") };
    assert_eq!((all.protocol.as_str(), all.from_port, all.to_port), ("-1", None, None));
    assert_eq!((https.from_port, https.to_port), (Some(443), Some(443)));
    assert_eq!(https.cidrs, strings(&["10.0.0.0/24", "2001:db8::/64"]));
    assert_eq!((&https.group_ids, &https.prefix_list_ids), (&strings(&["sg-2"]), &strings(&["pl-1"])));
}

#[test]
fn a_service_counts_once_for_each_kind() {
    let kind = |kind| types::ServiceTypeDetail::builder().service_type(kind).build();
    let wire = types::ServiceDetail::builder()
        .service_name("com.amazonaws.eu-west-1.s3")
        .service_type(kind(types::ServiceType::Gateway))
        .service_type(kind(types::ServiceType::Interface))
        .availability_zones("eu-west-1a");
    let seen = services(wire.build());
    let kinds: Vec<_> = seen.iter().map(|it| it.kind.clone()).collect();
    assert_eq!(kinds, [EndpointKind::Gateway, EndpointKind::Interface]);
    assert!(seen.iter().all(|it| it.zones == strings(&["eu-west-1a"])), "{seen:?}");
}

#[test]
fn name_servers_are_those_of_dhcp() {
    let value = |text: &str| types::AttributeValue::builder().value(text).build();
    let configuration = |key: &str, values: &[&str]| {
        let values = values.iter().map(|text| value(text)).collect();
        types::DhcpConfiguration::builder().key(key).set_values(Some(values)).build()
    };
    let wire = types::DhcpOptions::builder()
        .dhcp_options_id("dopt-1")
        .dhcp_configurations(configuration("domain-name", &["example.com"]))
        .dhcp_configurations(configuration("domain-name-servers", &["10.0.0.2", "AmazonProvidedDNS"]));
    let servers = vec!["10.0.0.2".to_owned(), "AmazonProvidedDNS".to_owned()];
    assert_eq!(dhcp_options(wire.build()), Some(("dopt-1".to_owned(), servers)));
}
