"""A VPC with no internet, made and looked at with boto3, and the PullNetwork over it: what the demo and the bench have in common of them."""

import json

import world

KIND = "pullnetworks.wharfinger.dev"
ZONES = "ab"


class Vpc:
    """A VPC with a subnet in each of two zones, and a route table of theirs that leads nowhere else."""

    def __init__(self, session):
        self.ec2, self.region = session.client("ec2"), session.region_name
        self.id = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            self.ec2.modify_vpc_attribute(VpcId=self.id, **{attribute: {"Value": True}})
        self.table = self.ec2.create_route_table(VpcId=self.id)["RouteTable"]["RouteTableId"]
        self.subnets = [self.subnet(number, zone) for number, zone in enumerate(ZONES)]

    def subnet(self, number, zone):
        made = self.ec2.create_subnet(VpcId=self.id, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{self.region}{zone}")
        self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=made["Subnet"]["SubnetId"])
        return made["Subnet"]["SubnetId"]

    def filter(self):
        return [{"Name": "vpc-id", "Values": [self.id]}]

    def endpoints(self):
        """The endpoints by the short names of their services, each as AWS shows it."""
        found = self.ec2.describe_vpc_endpoints(Filters=self.filter())["VpcEndpoints"]
        there = [each for each in found if each["State"].lower() != "deleted"]
        return {each["ServiceName"].partition(f".{self.region}.")[2]: each for each in there}

    def groups(self):
        """Names of the security groups that somebody made."""
        found = self.ec2.describe_security_groups(Filters=self.filter())["SecurityGroups"]
        return [each["GroupName"] for each in found if each["GroupName"] != "default"]

    def delete_endpoint(self, id):
        self.ec2.delete_vpc_endpoints(VpcEndpointIds=[id])


def manifest(name, binding, vpc, **spec):
    """The PullNetwork of tasks on Fargate that write logs."""
    return {"apiVersion": "wharfinger.dev/v1alpha1", "kind": "PullNetwork", "metadata": {"name": name}, "spec": {
        "bindingRef": {"name": binding}, "region": vpc.region, "vpcId": vpc.id, "subnetIds": vpc.subnets,
        "tasks": {"fargate": {"awslogs": True}}, "allowS3Gateway": True, **spec}}


def get(name):
    """The object, or None if there is none."""
    text = world.kubectl("get", KIND, name, "-o", "json", "--ignore-not-found")
    return json.loads(text) if text else None


def everyone():
    """All PullNetworks."""
    return json.loads(world.kubectl("get", KIND, "-o", "json"))["items"]
