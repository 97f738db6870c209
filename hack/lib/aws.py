"""What the demo looks at in AWS, with its own eyes (boto3) and never a secret's value."""

import json

from botocore.exceptions import ClientError


class Account:
    """The clients of one account and what is there of ours."""

    def __init__(self, session):
        self.secrets, self.iam = session.client("secretsmanager"), session.client("iam")
        self.ecs, self.batch = session.client("ecs"), session.client("batch")

    def secret(self, arn):
        """{"name", "stages": {version id: stages}, "tags"}, or None if it is gone or about to go."""
        try:
            found = self.secrets.describe_secret(SecretId=arn)
        except ClientError as error:
            return absent(error, "ResourceNotFoundException")
        if "DeletedDate" in found:
            return None
        return {"name": found["Name"], "stages": found["VersionIdsToStages"], "tags": {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}}

    def current_version(self, arn):
        found = self.secret(arn)
        return next((v for v, stages in found["stages"].items() if "AWSCURRENT" in stages), None) if found else None

    def role(self, name):
        try:
            role = self.iam.get_role(RoleName=name)["Role"]
        except ClientError as error:
            return absent(error, "NoSuchEntity")
        attached = self.iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        return {"arn": role["Arn"], "trust": role["AssumeRolePolicyDocument"], "attached": [p["PolicyArn"] for p in attached]}

    def inline(self, role):
        """The role's inline policies: {name: document}."""
        names = self.iam.list_role_policies(RoleName=role)["PolicyNames"]
        return {name: self.iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}

    def delete_inline(self, role, policy):
        self.iam.delete_role_policy(RoleName=role, PolicyName=policy)

    def task_definition(self, arn):
        return self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]

    def job_definition(self, arn):
        return self.batch.describe_job_definitions(jobDefinitions=[arn])["jobDefinitions"][0]

    def active_task_definitions(self, family):
        return self.ecs.list_task_definitions(familyPrefix=family, status="ACTIVE")["taskDefinitionArns"]

    def active_job_definitions(self, name):
        found = self.batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
        return [each["jobDefinitionArn"] for each in found]


def absent(error, code):
    if error.response["Error"]["Code"] == code:
        return None
    raise error


def statements(document):
    """A policy document as lines for people: Effect, actions, resources or principals, conditions."""
    lines = []
    for statement in listed(document["Statement"]):
        subject = statement.get("Resource", statement.get("Principal"))
        lines.append(f"{statement['Effect']} {', '.join(listed(statement['Action']))}")
        lines += [f"  on {each}" for each in listed(subject)] if "Resource" in statement else [f"  to {json.dumps(subject)}"]
        if "Condition" in statement:
            lines.append(f"  if {json.dumps(statement['Condition'])}")
    return "\n".join(lines)


def allowed(document):
    """All (action, resource) pairs that a policy document allows."""
    return {(action, resource) for s in listed(document["Statement"]) if s["Effect"] == "Allow"
            for action in listed(s["Action"]) for resource in listed(s["Resource"])}


def listed(value):
    return value if isinstance(value, list) else [value]
