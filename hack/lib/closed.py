"""The demo's scenes in a VPC with no internet: endpoints that follow from what runs there, a workload that is bound to them, what is
deleted by hand, and the end."""

import json
import subprocess

import network
import world
from aws import listed
from story import tell

NETWORK, VAULT = "fargate", "vault"


def vault(account, namespace):
    """A workload with its image in Amazon ECR, which it may pull through its network only."""
    ecs = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
           "containerDefinitions": [{"name": VAULT}]}
    return {"apiVersion": "wharfinger.dev/v1alpha1", "kind": "PrivateImageWorkload", "metadata": {"name": VAULT, "namespace": namespace},
            "spec": {"image": f"{account}.dkr.ecr.eu-west-1.amazonaws.com/payments/vault:1.0.0", "ecs": ecs,
                     "pullNetworkRef": {"name": NETWORK, "restrictPulls": "Both"}}}


def is_blocked(thing):
    """The condition that says why a deletion waits."""
    ready = world.condition(thing, "Ready")
    return ready if ready.get("reason") == "DeletionBlocked" else None


class Scenes:
    """Each begins where AWS and the controller were quiet."""

    def __init__(self, demo, account, namespace):
        self.demo, self.story, self.account, self.namespace = demo, demo.story, account, namespace
        self.vpc = network.Vpc(world.session(account))

    def run(self):
        self.close_network()
        self.open_endpoint_again()
        self.delete_network()

    def vault(self):
        return world.workload(self.namespace, VAULT)

    def close_network(self):
        self.story.step("A VPC with no internet: what runs there says which endpoints it needs")
        thing = network.manifest(NETWORK, "prod", self.vpc, namespaceSelector={"matchLabels": {"team": self.namespace}})
        file = world.state() / "network.json"
        file.write_text(json.dumps(thing))
        self.plan(file)
        self.story.holds("a plan makes nothing", not self.vpc.endpoints() and not self.vpc.groups())
        self.story.did(f"kubectl apply (PullNetwork {NETWORK}: tasks on Fargate that write logs)")
        world.kubectl("apply", "-f", str(file))
        status = self.demo.wait(f"{NETWORK} to be Ready", lambda: world.is_ready(it := network.get(NETWORK)) and it["status"])
        for each in status["endpoints"]:
            self.story.fact(each["service"], f"{each['id']}, {each['type']}\n{each['reason']}")
        self.story.fact("billed by the hour", f"{status['billedInterfaces']} network interfaces")
        self.story.fact("needs another way out", world.condition({"status": status}, "InternetPathNeeded").get("message", "nothing"))
        there = self.vpc.endpoints()
        self.story.holds("AWS has just the endpoints that the status tells", {each["service"]: each["id"] for each in status["endpoints"]}
                         == {service: it["VpcEndpointId"] for service, it in there.items()}, str(sorted(there)))
        self.demo.wrote(self.demo.settle(), AuthorizeSecurityGroupIngress=1, CreateSecurityGroup=1, CreateVpcEndpoint=5)
        self.story.did(f"kubectl apply (workload {VAULT}: pullNetworkRef {NETWORK}, restrictPulls: Both)")
        world.kubectl("apply", "-f", "-", input=json.dumps(vault(self.account, self.namespace)))
        self.demo.wait(f"{VAULT} to be Ready", lambda: world.is_ready(self.vault()))
        self.story.holds("its role may pull in this VPC and through its ECR endpoints only", self.pulls_through() == (
            {self.vpc.id}, {there["ecr.dkr"]["VpcEndpointId"], there["ecr.api"]["VpcEndpointId"]}), str(self.pulls_through()))
        self.demo.settle()
        self.story.did(f"kubectl annotate pullnet {NETWORK} wharfinger.dev/requestedAt=…")
        world.poke(None, (NETWORK,), self.demo.controller, network.KIND)
        self.demo.wrote(self.demo.settle())

    def plan(self, file):
        """Shows what the program would do for a network, without a cluster."""
        command = ["plan", "-f", "examples/00-platform/account-binding.yaml", "-f", str(file)]
        self.story.did("wharfinger plan -f examples/00-platform/account-binding.yaml -f network.json")
        done = subprocess.run([world.binary("debug"), *command], capture_output=True, text=True, cwd=world.ROOT)
        for line in done.stdout.splitlines():
            tell(f"      {line}")
        self.story.holds("`plan` ends with 2: there is something to do", done.returncode == 2, done.stderr)

    def pulls_through(self):
        """The VPCs and the endpoints that the role of the workload may pull through."""
        role = self.vault()["status"]["executionRoleArn"].rpartition("/")[2]
        found = [statement.get("Condition", {}).get("StringEquals", {}) for document in self.demo.aws.inline(role).values()
                 for statement in listed(document["Statement"]) if "ecr:BatchGetImage" in listed(statement["Action"])]
        key = lambda name: {value for each in found for value in listed(each.get(name, []))}  # noqa: E731
        return key("aws:SourceVpc"), key("aws:SourceVpce")

    def open_endpoint_again(self):
        self.story.step("Somebody deletes an endpoint behind the controller's back")
        before = self.vpc.endpoints()["ecr.dkr"]["VpcEndpointId"]
        self.story.did(f"aws ec2 delete-vpc-endpoints --vpc-endpoint-ids {before}")
        self.vpc.delete_endpoint(before)
        self.story.holds("the endpoint is gone", "ecr.dkr" not in self.vpc.endpoints())
        self.story.did(f"kubectl annotate pullnet {NETWORK} wharfinger.dev/requestedAt=…   (or wait for spec.interval)")
        world.poke(None, (NETWORK,), self.demo.controller, network.KIND)
        after = self.demo.wait("the endpoint to be back", lambda: self.vpc.endpoints().get("ecr.dkr"))["VpcEndpointId"]
        self.story.fact("endpoint before", before)
        self.story.fact("endpoint now", after)
        self.demo.wait(f"the role of {VAULT} to follow", lambda: after in self.pulls_through()[1])
        self.demo.wrote(self.demo.settle(), CreateVpcEndpoint=1, PutRolePolicy=1)

    def delete_network(self):
        self.story.step("The network goes when nobody names it any more")
        self.demo.did("delete", "pullnet", NETWORK, "--wait=false")
        blocked = lambda: is_blocked(network.get(NETWORK))  # noqa: E731
        self.story.fact("it waits", self.demo.wait("the deletion to wait", blocked)["message"])
        self.story.holds("its endpoints are all there", len(self.vpc.endpoints()) == 5)
        self.demo.did("delete", "piw", VAULT, "-n", self.namespace, "--timeout=60s")
        self.demo.wait("the network to be gone", lambda: not network.get(NETWORK))
        self.demo.settle()
        self.story.holds("no endpoint and no security group is left", not self.vpc.endpoints() and not self.vpc.groups())
