"""EC2, as far as VPC endpoints and their security groups go, made to answer as AWS answers. moto 5.2.5 does otherwise.

Where AWS says so: the EC2 API reference of each call, its list of error codes, and "Ensuring idempotency in Amazon EC2 API requests".
"""

import json

from moto.core.responses import ActionResult
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError, InvalidPermissionDuplicateError
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.vpcs import VPCBackend, VPCEndPoint
from moto.ec2.responses.vpcs import VPCs

create, modify, services = VPCBackend.create_vpc_endpoint, VPCs.modify_vpc_endpoint, VPCBackend.describe_vpc_endpoint_services
create_vpc = VPCBackend.create_vpc
delete_group, authorize = SecurityGroupBackend.delete_security_group, SecurityGroupBackend.authorize_security_group_ingress


def is_interface(kind):
    return (kind or "Gateway").lower() == "interface"


# --- CreateVpc: a VPC has DHCP options from the start, with the name servers of AWS (VPC user guide, DHCP option sets).


def create_vpc_with_dns(self, *arguments, **named):
    vpc = create_vpc(self, *arguments, **named)
    # The Region's default VPC is made before there is a place for options.
    if hasattr(self, "dhcp_options_sets"):
        self.associate_dhcp_options(self.create_dhcp_options(domain_name_servers=["AmazonProvidedDNS"]), vpc)
    return vpc


# --- DescribeVpcEndpointServices: filters by name. moto looks for their values under a name that it does not give them.


def services_by_filters(self, service_names, filters, max_results, next_token, region):
    filters = [{**it, "Value": it.get("Values") or it.get("Value") or []} for it in filters or []]
    return services(self, service_names, filters, max_results, next_token, region)


def offered(self, service_name, interface):
    """What the Region has of a service, of one of the two kinds."""
    found = services(self, [], [{"Name": "service-name", "Value": [service_name]}], 0, None, self.region_name)
    return [it for it in found["servicesDetails"] if is_interface(it["ServiceType"][0]["ServiceType"]) == interface]


def check_private_dns(self, vpc_id, service_name, besides=None):
    vpc = self.get_vpc(vpc_id)
    on = [str(value).lower() == "true" for value in (vpc.enable_dns_support, vpc.enable_dns_hostnames)]
    if not all(on):
        raise EC2ClientError(
            "InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for "
            f"{vpc_id}")
    taken = [it for it in self.vpc_end_points.values() if it.id != besides and it.vpc_id == vpc_id and it.service_name == service_name]
    if any(is_interface(it.vpc_endpoint_type) and it.private_dns_enabled for it in taken):
        domain = offered(self, service_name, True)[0].get("PrivateDnsName", service_name)
        raise EC2ClientError(
            "InvalidParameter",
            f"private-dns-enabled cannot be set because there is already a conflicting DNS domain for {domain} in the VPC {vpc_id}")


# --- CreateVpcEndpoint: a token that was seen makes nothing: the answer tells what was made then, even if it is gone by now, and other
# parameters are refused. The type is Gateway where none is said, an interface without groups gets the VPC's default one, a gateway takes
# no route table that leads to its service already, and no service is made up.


def create_once(self, vpc_id, service_name, endpoint_type, policy_document, route_table_ids, subnet_ids=None, client_token=None,
                security_group_ids=None, tags=None, private_dns_enabled=None, **named):
    asked = json.dumps([vpc_id, service_name, endpoint_type, policy_document, route_table_ids, subnet_ids, security_group_ids, tags,
                        private_dns_enabled])
    known = self.__dict__.setdefault("endpoint_tokens", {})
    if client_token in known:
        before, made = known[client_token]
        if before != asked:
            raise EC2ClientError(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
        return made
    self.get_vpc(vpc_id)
    interface = is_interface(endpoint_type)
    if not offered(self, service_name, interface):
        raise EC2ClientError("InvalidServiceName", f"The Vpc Endpoint Service '{service_name}' does not exist")
    if interface:
        for subnet_id in subnet_ids or []:
            if self.get_subnet(subnet_id).vpc_id != vpc_id:
                raise EC2ClientError("InvalidParameter", f"Subnet {subnet_id} does not belong to VPC {vpc_id}")
        zones = [self.get_subnet(subnet_id).availability_zone for subnet_id in subnet_ids or []]
        if len(set(zones)) < len(zones):
            raise EC2ClientError("DuplicateSubnetsInSameZone", f"Found another VPC endpoint subnet in the availability zone of {zones[0]}")
        if private_dns_enabled:
            check_private_dns(self, vpc_id, service_name)
        security_group_ids = security_group_ids or [self.get_default_security_group(vpc_id).id]
    else:
        check_routes(self, service_name, route_table_ids)
    made = create(self, vpc_id, service_name, "Interface" if interface else "Gateway", policy_document, route_table_ids, subnet_ids,
                  client_token=client_token, security_group_ids=security_group_ids, tags=tags,
                  private_dns_enabled=bool(interface and private_dns_enabled), **named)
    if client_token:
        known[client_token] = (asked, made)
    return made


def check_routes(self, service_name, route_table_ids, besides=None):
    for endpoint in self.vpc_end_points.values():
        both = set(route_table_ids or []) & set(endpoint.route_table_ids or [])
        if endpoint.id != besides and endpoint.service_name == service_name and both:
            raise EC2ClientError(
                "RouteAlreadyExists", f"route table {min(both)} already has a route with destination-prefix-list-id of {service_name}")


# --- ModifyVpcEndpoint: PrivateDnsEnabled and ResetPolicy count as well.


def modify_all(self):
    endpoint = self.ec2_backend.get_vpc_end_point(self._get_param("VpcEndpointId"))
    private_dns = self._get_bool_param("PrivateDnsEnabled")
    if private_dns and not endpoint.private_dns_enabled:
        check_private_dns(self.ec2_backend, endpoint.vpc_id, endpoint.service_name, besides=endpoint.id)
    check_routes(self.ec2_backend, endpoint.service_name, self._get_param("AddRouteTableIds", []), besides=endpoint.id)
    answer = modify(self)
    if private_dns is not None:
        endpoint.private_dns_enabled = private_dns
    if self._get_bool_param("ResetPolicy"):
        endpoint.policy_document = json.dumps(VPCEndPoint.DEFAULT_POLICY)
    return answer


# --- DeleteVpcEndpoints: what is not there is told item by item, and what was deleted is not shown any more.


def delete_and_tell(self):
    wanted, known = self._get_param("VpcEndpointIds", []), self.ec2_backend.vpc_end_points
    missing = [it for it in wanted if it not in known]
    for it in wanted:
        if it in known:
            self.ec2_backend.delete_vpc_endpoints(vpce_ids=[it])
            known.pop(it)
    told = [{"ResourceId": it, "Error": {"Code": "InvalidVpcEndpoint.NotFound", "Message": f"The VpcEndpoint Id '{it}' does not exist"}}
            for it in missing]
    return ActionResult({"Unsuccessful": told})


# --- DeleteSecurityGroup: not while something uses it. AuthorizeSecurityGroupIngress: all of the rules, or none.


def delete_unused_group(self, name=None, group_id=None):
    if any(group_id in (it.security_group_ids or []) for it in self.vpc_end_points.values()):
        raise DependencyViolationError(f"resource {group_id} has a dependent object")
    return delete_group(self, name, group_id)


def authorize_all_or_none(self, group_name_or_id, ip_protocol, from_port, to_port, ip_ranges, *arguments, **named):
    group = self.get_security_group_by_name_or_id(group_name_or_id, named.get("vpc_id"))
    rules = self._iterate_security_rules(ip_protocol, group.group_id, from_port, to_port, ip_ranges, [], []) if group else []
    if isinstance(ip_ranges, list) and any(rule in group.ingress_rules for rule in rules):
        raise InvalidPermissionDuplicateError()
    return authorize(self, group_name_or_id, ip_protocol, from_port, to_port, ip_ranges, *arguments, **named)


def install():
    """Puts all of this into moto."""
    VPCs.modify_vpc_endpoint, VPCs.delete_vpc_endpoints = modify_all, delete_and_tell
    VPCBackend.create_vpc = create_vpc_with_dns
    VPCBackend.create_vpc_endpoint, VPCBackend.describe_vpc_endpoint_services = create_once, services_by_filters
    SecurityGroupBackend.delete_security_group = delete_unused_group
    SecurityGroupBackend.authorize_security_group_ingress = authorize_all_or_none
