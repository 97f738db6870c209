//! `--secret`: Secrets that are not among the files, out of a file, a folder or an environment variable. The value itself never stands
//! on the command line, and no message repeats what stands there.

use super::files::quiet;
use crate::desired::is_object_name;
use crate::inputs::Source;
use crate::resource::login;
use anyhow::{Context, anyhow, bail};
use k8s_openapi::api::core::v1;
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::path::Path;

/// What stands behind `--secret`. It is taken as it is: clap would repeat what it refuses, and that may be a password.
#[derive(Clone)]
pub(crate) struct GivenSecret(String);

impl GivenSecret {
    pub(crate) fn parse(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for GivenSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("GivenSecret")
    }
}

/// Where the content is.
#[derive(Debug, PartialEq, Eq)]
enum Origin<'a> {
    File(&'a str),
    Variable(&'a str),
}

/// The logins, by namespace and name.
pub(super) fn read(given: &[GivenSecret], default_namespace: &str) -> anyhow::Result<BTreeMap<(String, String), Source>> {
    let mut found = BTreeMap::new();
    for GivenSecret(text) in given {
        let (namespace, name, origin) = split(text)?;
        let (namespace, name) = (namespace.unwrap_or(default_namespace).to_owned(), name.to_owned());
        let source = content(&origin).with_context(|| format!("--secret {name}"))?;
        if found.insert((namespace.clone(), name.clone()), source).is_some() {
            bail!("--secret: Secret {namespace}/{name} is given twice; leave one of them out");
        }
    }
    Ok(found)
}

const FORM: &str = "write [NAMESPACE/]NAME=@FILE or [NAMESPACE/]NAME=env:VARIABLE";

/// Namespace, name, and where the content is.
fn split(text: &str) -> anyhow::Result<(Option<&str>, &str, Origin<'_>)> {
    let Some((key, value)) = text.split_once('=') else { bail!("--secret: it has no `=`; {FORM}") };
    let (namespace, name) = key.split_once('/').map_or((None, key), |(namespace, name)| (Some(namespace), name));
    if !is_object_name(name) || !namespace.is_none_or(is_object_name) {
        bail!("--secret: what stands before `=` is no name of a Secret: a-z, 0-9, '-' and '.'; {FORM}");
    }
    let origin = match (value.strip_prefix('@'), value.strip_prefix("env:")) {
        (Some(file), _) if !file.is_empty() => Origin::File(file),
        (_, Some(variable)) if !variable.is_empty() => Origin::Variable(variable),
        _ => bail!(
            "--secret {name}: a value on the command line can be seen by whoever lists processes, and stays in the shell's history; {FORM}"
        ),
    };
    Ok((namespace, name, origin))
}

fn content(origin: &Origin) -> anyhow::Result<Source> {
    match origin {
        Origin::File(path) if Path::new(path).is_dir() => folder(Path::new(path)),
        Origin::File(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
            document(&text).with_context(|| (*path).to_owned())
        }
        Origin::Variable(variable) => {
            let text = std::env::var(variable).map_err(|_| anyhow!("environment variable {variable} is not set"))?;
            document(&text).with_context(|| format!("environment variable {variable}"))
        }
    }
}

/// A file for each key, as a Secret that is mounted has it.
fn folder(path: &Path) -> anyhow::Result<Source> {
    let mut data = BTreeMap::new();
    for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
        let file = entry?.path();
        let key = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if file.is_file() && !key.starts_with("..") {
            data.insert(key, std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        }
    }
    Ok(Source::Found(login::parse(login::type_of(&data), &data)))
}

const SHAPES: &str =
    "it is none of: the manifest of a Secret, a Docker config.json with `auths`, an object with `username` and `password`";

/// What a text holds, told apart by its shape. No message quotes it.
fn document(text: &str) -> anyhow::Result<Source> {
    let value: Value =
        serde_saphyr::from_str_with_options(text, quiet()).map_err(|_| anyhow!("neither YAML nor JSON; {SHAPES}"))?;
    if value["kind"] == "Secret" {
        let secret: v1::Secret = serde_json::from_value(value)
            .map_err(|_| anyhow!("this Secret cannot be read: `data` must be base64 and `stringData` text"))?;
        return Ok(crate::controller::logins(&secret));
    }
    let data: BTreeMap<String, Vec<u8>> = match (&value["auths"], &value["username"], &value["password"]) {
        (Value::Object(_), ..) => [(login::CONFIG_JSON.1.to_owned(), value.to_string().into_bytes())].into(),
        (_, Value::String(username), Value::String(password)) => {
            [("username", username), ("password", password)].map(|(key, text)| (key.to_owned(), text.clone().into_bytes())).into()
        }
        _ => bail!("{SHAPES}"),
    };
    Ok(Source::Found(login::parse(login::type_of(&data), &data)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_there_is_split_and_never_repeated() {
        assert_eq!(split("regcred=@a=b.yaml").expect("a file"), (None, "regcred", Origin::File("a=b.yaml")));
        assert_eq!(split("payments/regcred=env:A").expect("a variable"), (Some("payments"), "regcred", Origin::Variable("A")));
        let rows = [
            ("hunter2", "has no `=`"),
            ("hunter2 =@x", "before `=`"),
            ("a/b/hunter2=@x", "before `=`"),
            ("regcred=hunter2", "a value on the command line"),
            ("regcred=", "a value on the command line"),
            ("regcred=@", "a value on the command line"),
            ("regcred=env:", "a value on the command line"),
        ];
        for (text, part) in rows {
            let told = split(text).expect_err(text).to_string();
            assert!(told.contains(part) && told.contains("NAME=env:VARIABLE") && !told.contains("hunter2"), "{text}: {told}");
        }
        assert_eq!(format!("{:?}", GivenSecret("regcred=hunter2".into())), "GivenSecret");
    }

    #[test]
    fn each_shape_holds_a_login_and_no_other_is_quoted() {
        let login = "dXNlcjpodW50ZXIy"; // user:hunter2
        let config = format!(r#"{{"auths": {{"registry.example.com": {{"auth": "{login}"}}}}}}"#);
        let manifest = format!(
            "kind: Secret\napiVersion: v1\ntype: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '{config}'\n"
        );
        for text in [&config, &manifest, "username: user\npassword: hunter2\n"] {
            let found = document(text).expect("a Secret");
            assert!(matches!(found, Source::Found(Ok(_))), "{text}: {found:?}");
        }
        for text in
            ["hunter2", "password: hunter2", "[hunter2]", "{hunter2", "kind: Secret\ndata: {a: hunter2}", "auths: hunter2"]
        {
            let told = format!("{:#}", document(text).expect_err(text));
            assert!(!told.contains("hunter2"), "{text}: {told}");
        }
    }
}
