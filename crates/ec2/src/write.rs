//! Writing. Each function is one call, sent once.

use crate::seen::Tags;
use crate::wanted::{EndpointChange, NewEndpoint};
use crate::{Client, Failed, failed};
use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, ResourceType, Tag, TagSpecification, VpcEndpointType};
use std::collections::BTreeSet;

/// HTTPS.
const PORT: i32 = 443;
/// What the rules of a group say of themselves.
const DESCRIPTION: &str = "wharfinger";

/// An item of a batch that failed although the call did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsuccessful {
    /// EC2's error code.
    pub code: String,
    /// EC2's message.
    pub message: String,
    /// The request id of the call.
    pub request_id: Option<String>,
}

impl Client {
    /// CreateSecurityGroup with its tags: the id.
    pub async fn create_security_group(
        &self,
        name: &str,
        description: &str,
        vpc_id: &str,
        tags: &Tags,
    ) -> Result<Option<String>, Failed> {
        let call = self.0.create_security_group().group_name(name).description(description).vpc_id(vpc_id);
        let call = call.tag_specifications(specification(ResourceType::SecurityGroup, tags));
        Ok(call.send().await.map_err(failed)?.group_id)
    }

    /// AuthorizeSecurityGroupIngress: TCP 443 from these ranges.
    pub async fn authorize_security_group_ingress(&self, group_id: &str, cidrs: &BTreeSet<String>) -> Result<(), Failed> {
        let call = self.0.authorize_security_group_ingress().group_id(group_id).ip_permissions(https(cidrs, Some(DESCRIPTION)));
        call.send().await.map(|_| ()).map_err(failed)
    }

    /// RevokeSecurityGroupIngress: TCP 443 from these ranges, whatever they say of themselves.
    pub async fn revoke_security_group_ingress(&self, group_id: &str, cidrs: &BTreeSet<String>) -> Result<(), Failed> {
        let call = self.0.revoke_security_group_ingress().group_id(group_id).ip_permissions(https(cidrs, None));
        call.send().await.map(|_| ()).map_err(failed)
    }

    /// DeleteSecurityGroup.
    pub async fn delete_security_group(&self, group_id: &str) -> Result<(), Failed> {
        self.0.delete_security_group().group_id(group_id).send().await.map(|_| ()).map_err(failed)
    }

    /// CreateVpcEndpoint with its tags: the id. The type is always said, for EC2 takes `Gateway` where it is not.
    pub async fn create_vpc_endpoint(&self, new: &NewEndpoint) -> Result<Option<String>, Failed> {
        let kind = if new.is_gateway { VpcEndpointType::Gateway } else { VpcEndpointType::Interface };
        let call = self.0.create_vpc_endpoint().vpc_id(&new.vpc_id).service_name(&new.service_name).vpc_endpoint_type(kind);
        let call = call.set_subnet_ids(list(&new.subnet_ids)).set_security_group_ids(list(&new.group_ids));
        let call = call.set_route_table_ids(list(&new.route_table_ids)).set_private_dns_enabled(new.private_dns_enabled);
        let call = call.set_policy_document(new.policy_document.as_ref().map(ToString::to_string));
        let call = call.client_token(&new.client_token).tag_specifications(specification(ResourceType::VpcEndpoint, &new.tags));
        Ok(call.send().await.map_err(failed)?.vpc_endpoint.and_then(|made| made.vpc_endpoint_id))
    }

    /// ModifyVpcEndpoint.
    pub async fn modify_vpc_endpoint(&self, id: &str, change: &EndpointChange) -> Result<(), Failed> {
        let call = self.0.modify_vpc_endpoint().vpc_endpoint_id(id);
        let call = call.set_add_subnet_ids(list(&change.add_subnet_ids)).set_remove_subnet_ids(list(&change.remove_subnet_ids));
        let call = call.set_add_security_group_ids(list(&change.add_group_ids));
        let call = call.set_remove_security_group_ids(list(&change.remove_group_ids));
        let call = call.set_add_route_table_ids(list(&change.add_route_table_ids));
        let call = call.set_remove_route_table_ids(list(&change.remove_route_table_ids));
        let call = call.set_private_dns_enabled(change.private_dns_enabled);
        let call = call.set_policy_document(change.policy_document.as_ref().map(ToString::to_string));
        call.set_reset_policy(change.reset_policy.then_some(true)).send().await.map(|_| ()).map_err(failed)
    }

    /// DeleteVpcEndpoints of one. It succeeds although nothing was deleted: the item says so.
    pub async fn delete_vpc_endpoints(&self, id: &str) -> Result<Option<Unsuccessful>, Failed> {
        use aws_types::request_id::RequestId;
        let answer = self.0.delete_vpc_endpoints().vpc_endpoint_ids(id).send().await.map_err(failed)?;
        let request_id = answer.request_id().map(str::to_owned);
        let error = answer.unsuccessful.unwrap_or_default().into_iter().find_map(|item| item.error);
        Ok(error.map(|error| Unsuccessful {
            code: error.code.unwrap_or_else(|| "Unknown".to_owned()),
            message: error.message.unwrap_or_else(|| "AWS gave no message".to_owned()),
            request_id,
        }))
    }

    /// CreateTags.
    pub async fn create_tags(&self, resource_id: &str, tags: &Tags) -> Result<(), Failed> {
        let call = self.0.create_tags().resources(resource_id).set_tags(Some(to_tags(tags)));
        call.send().await.map(|_| ()).map_err(failed)
    }
}

/// IPv4 and IPv6 ranges have lists of their own.
fn https(cidrs: &BTreeSet<String>, description: Option<&str>) -> IpPermission {
    let description = description.map(str::to_owned);
    let (v6, v4): (Vec<&String>, Vec<&String>) = cidrs.iter().partition(|cidr| cidr.contains(':'));
    let v4 = v4.into_iter().map(|cidr| IpRange::builder().cidr_ip(cidr).set_description(description.clone()).build());
    let v6 = v6.into_iter().map(|cidr| Ipv6Range::builder().cidr_ipv6(cidr).set_description(description.clone()).build());
    let call = IpPermission::builder().ip_protocol("tcp").from_port(PORT).to_port(PORT);
    call.set_ip_ranges(some(v4.collect())).set_ipv6_ranges(some(v6.collect())).build()
}

fn list(ids: &BTreeSet<String>) -> Option<Vec<String>> {
    some(ids.iter().cloned().collect())
}

/// An empty list is not sent.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn specification(kind: ResourceType, tags: &Tags) -> TagSpecification {
    TagSpecification::builder().resource_type(kind).set_tags(Some(to_tags(tags))).build()
}

fn to_tags(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_both_families_go_to_their_lists() {
        let cidrs: BTreeSet<String> = ["10.0.0.0/24", "2001:db8::/64"].map(str::to_owned).into();
        let rule = https(&cidrs, Some("why"));
        assert_eq!((rule.ip_protocol(), rule.from_port(), rule.to_port()), (Some("tcp"), Some(443), Some(443)));
        let v4: Vec<_> = rule.ip_ranges().iter().map(|range| (range.cidr_ip(), range.description())).collect();
        let v6: Vec<_> = rule.ipv6_ranges().iter().map(|range| (range.cidr_ipv6(), range.description())).collect();
        assert_eq!((v4, v6), (vec![(Some("10.0.0.0/24"), Some("why"))], vec![(Some("2001:db8::/64"), Some("why"))]));
        let rule = https(&["10.0.0.0/24".to_owned()].into(), None);
        assert_eq!((rule.ip_ranges.unwrap_or_default()[0].description(), rule.ipv6_ranges), (None, None));
    }
}
