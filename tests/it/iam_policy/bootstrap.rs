//! `bootstrap/`: its policies are what `iam-policy` prints, with parameters in place of names; CloudFormation is carried out by moto,
//! Terraform's file is read by a parser of its language.

use super::{must_be, printed, root, temporary};
use crate::tools::{python, tool};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What needs no ARNs of things that exist.
const FEATURES: &str = "secrets,roles,ecs,batch,retirement,deletion,credentials,replicas,readers,parameters";

const BINDING: &str = r#"
apiVersion: wharfinger.dev/v1alpha1
kind: AccountBinding
metadata: {name: bootstrap}
spec:
  accountId: "111122223333"
  regions: [eu-west-1, eu-west-2, eu-west-3, eu-central-1]
  externalId: EXTERNALID
  sessionTags: Namespace
  names: {secretPrefix: SECRETPREFIX/, rolePrefix: ROLEPREFIX_}
  limits: {rolePath: /ROLEPATH/, permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/BOUNDARY"}
"#;

const CONTROLLER: &str = "arn:aws:iam::111122223333:role/CONTROLLER";

/// Names in the documents, and the parameters of CloudFormation and Terraform that stand for them. The order matters.
const PARAMETERS: [(&str, &str, &str); 8] = [
    (CONTROLLER, "${ControllerArn}", "${var.controller_arn}"),
    ("111122223333", "${AWS::AccountId}", "${local.account}"),
    ("arn:aws:", "arn:${AWS::Partition}:", "arn:${local.partition}:"),
    ("EXTERNALID", "${ExternalId}", "${var.external_id}"),
    ("SECRETPREFIX/", "${SecretPrefix}", "${var.secret_prefix}"),
    ("ROLEPREFIX_", "${RolePrefix}", "${var.role_prefix}"),
    ("/ROLEPATH/", "${RolePath}", "${var.role_path}"),
    ("BOUNDARY", "${BoundaryName}", "${var.boundary_name}"),
];

/// What `iam-policy` prints, by the word in the templates.
fn documents() -> Vec<(&'static str, Value)> {
    let binding = temporary("bootstrap.yaml", BINDING);
    let rows: [(&str, &[&str]); 4] = [
        ("boundary", &["--document", "boundary"]),
        ("permissions", &["--feature", FEATURES]),
        ("networks", &["--feature", "pull-networks"]),
        ("trust", &["--document", "trust", "--controller-arn", CONTROLLER]),
    ];
    rows.map(|(word, more)| (word, serde_json::from_str(&printed(&[&["-f", &binding], more].concat())).unwrap())).into()
}

fn filled(text: &str, parameter: impl Fn(&(&str, &str, &str)) -> String) -> String {
    PARAMETERS.iter().fold(text.to_owned(), |text, row| text.replace(row.0, &parameter(row)))
}

/// Texts with parameters in them as `Fn::Sub`.
fn substituted(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains("${") => json!({ "Fn::Sub": text }),
        Value::Array(all) => all.into_iter().map(substituted).collect(),
        Value::Object(all) => all.into_iter().map(|(key, value)| (key, substituted(value))).collect(),
        other => other,
    }
}

#[test]
fn the_templates_have_the_policies_that_are_printed() {
    let [cloudformation, terraform] =
        ["bootstrap/cloudformation.yaml", "bootstrap/terraform/main.tf"].map(|path| root().join(path));
    let [mut template, mut module] = [&cloudformation, &terraform].map(|path| std::fs::read_to_string(path).unwrap());
    for (word, document) in documents() {
        let marker = format!("# generated: {word}\n");
        let of_cloudformation =
            substituted(serde_json::from_str(&filled(&document.to_string(), |row| row.1.to_owned())).unwrap());
        let block = serde_saphyr::to_string(&of_cloudformation).unwrap();
        let block = block.trim_end().replace('\n', "\n        ");
        let (before, rest) = template.split_once(&marker).expect(word);
        let (_, after) = rest.split_once("        # end\n").expect(word);
        template = format!("{before}{marker}        {block}\n        # end\n{after}");

        let block = filled(&serde_json::to_string_pretty(&document).unwrap(), |row| row.2.to_owned());
        let (before, rest) = module.split_once(&marker).expect(word);
        let (head, rest) = rest.split_once("<<JSON\n").expect(word);
        let (_, after) = rest.split_once("\nJSON\n").expect(word);
        module = format!("{before}{marker}{head}<<JSON\n{block}\nJSON\n{after}");
    }
    must_be(&cloudformation, &template);
    must_be(&terraform, &module);
}

/// The policies as IAM has them after the stack was made, in an account of its own.
const CREATE: &str = r#"
import boto3, json, os, sys
account, template = sys.argv[1], open(sys.argv[2]).read()
role = boto3.client("sts").assume_role(RoleArn=f"arn:aws:iam::{account}:role/admin", RoleSessionName="bootstrap")["Credentials"]
session = boto3.Session(role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"])
stacks, iam = session.client("cloudformation"), session.client("iam")
parameters = {"ControllerArn": "arn:aws:iam::444455556666:role/controller", "ExternalId": "6f1c0d5e-example", "SecretPrefix": "a/", "PullNetworks": "true"}
stacks.create_stack(StackName="wharfinger", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"],
                    Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()])
stack = stacks.describe_stacks(StackName="wharfinger")["Stacks"][0]
outputs = {it["OutputKey"]: it["OutputValue"] for it in stack["Outputs"]}
role = iam.get_role(RoleName="wharfinger")["Role"]
def policy(arn):
    return iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
attached = iam.list_attached_role_policies(RoleName="wharfinger")["AttachedPolicies"]
print(json.dumps({"status": stack["StackStatus"], "outputs": outputs, "trust": role["AssumeRolePolicyDocument"],
                  "boundary": policy(outputs["PermissionsBoundaryArn"]), "permissions": [policy(it["PolicyArn"]) for it in attached]}))
"#;

#[test]
fn cloudformation_makes_the_role_with_what_is_printed() {
    let account = "210987000001";
    let template = root().join("bootstrap/cloudformation.yaml");
    let made = python("WHARFINGER_MOTO_PYTHON", CREATE, &[account, template.to_str().unwrap()]);
    assert_eq!(made["status"], "CREATE_COMPLETE");
    let values = |row: &(&str, &str, &str)| match row.1 {
        "${ControllerArn}" => "arn:aws:iam::444455556666:role/controller".to_owned(),
        "${AWS::AccountId}" => account.to_owned(),
        "${ExternalId}" => "6f1c0d5e-example".to_owned(),
        "${SecretPrefix}" => "a/".to_owned(),
        "${RolePrefix}" => "wharfinger_".to_owned(),
        "${RolePath}" => "/wharfinger/".to_owned(),
        "${BoundaryName}" => "wharfinger-boundary".to_owned(),
        _ => "arn:aws:".to_owned(),
    };
    for (word, document) in documents() {
        let wanted: Value = serde_json::from_str(&filled(&document.to_string(), values)).unwrap();
        match word {
            "permissions" | "networks" => assert!(made["permissions"].as_array().unwrap().contains(&wanted), "{word}: {made}"),
            _ => assert_eq!(made[word], wanted, "{word}"),
        }
    }
    assert_eq!(made["permissions"].as_array().map(Vec::len), Some(2));
    assert_eq!(made["outputs"]["RoleArn"], format!("arn:aws:iam::{account}:role/wharfinger"));
    assert_eq!(made["outputs"]["PermissionsBoundaryArn"], format!("arn:aws:iam::{account}:policy/wharfinger-boundary"));
}

/// By the linter that comes with moto.
#[test]
fn the_linter_of_cloudformation_finds_nothing() {
    let linter = PathBuf::from(std::env::var("WHARFINGER_MOTO_PYTHON").unwrap()).with_file_name("cfn-lint");
    let lint = |path: &str| tool(linter.to_str().unwrap(), &[path]);
    let template = root().join("bootstrap/cloudformation.yaml");
    let (code, out, errors) = lint(template.to_str().unwrap());
    assert_eq!((code, out.as_str()), (0, ""), "{errors}");
    let wrong = std::fs::read_to_string(&template).unwrap().replace("MaxSessionDuration", "MaxSessionTime");
    let (code, out, _) = lint(&temporary("wrong.yaml", &wrong));
    assert!(code != 0 && out.contains("MaxSessionTime"), "{out}");
}

/// Resources and variables of a module, as the parser sees them.
const PARSE: &str = r#"
import hcl2, json, sys
print(json.dumps(hcl2.load(open(sys.argv[1]))))
"#;

#[test]
fn terraforms_module_is_terraform_and_has_what_is_printed() {
    let module = root().join("bootstrap/terraform/main.tf");
    let parsed = python("WHARFINGER_SCHEMAS_PYTHON", PARSE, &[module.to_str().unwrap()]).to_string();
    for needle in
        ["aws_iam_policy", "aws_iam_role_policy_attachment", "external_id", "sts:ExternalId", "permissions_boundary_arn"]
    {
        assert!(parsed.contains(needle), "{needle}: {parsed}");
    }
    let text = std::fs::read_to_string(&module).unwrap();
    let heredocs = text.split("<<JSON\n").skip(1).map(|rest| rest.split_once("\nJSON\n").unwrap().0);
    let back = |text: &str| PARAMETERS.iter().fold(text.to_owned(), |text, row| text.replace(row.2, row.0));
    let found: Vec<Value> = heredocs.map(|heredoc| serde_json::from_str(&back(heredoc)).unwrap()).collect();
    assert_eq!(found, documents().into_iter().map(|(_, document)| document).collect::<Vec<_>>());
    let variables: Vec<&str> = text.split("variable \"").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect();
    for variable in
        text.split("var.").skip(1).map(|rest| rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap())
    {
        assert!(variables.contains(&variable), "var.{variable} is not declared");
    }
}
