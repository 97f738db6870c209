//! Examples of commands: what they call is there, and takes what it is given. The shell runs none of them.

mod words;

use super::commands::program;
use super::{Page, assert_none, page, pages};
use crate::kept::root;
use crate::tools::{run, tool};
use clap::error::ErrorKind;
use std::collections::{BTreeMap, BTreeSet};
use wharfinger::cli::Arguments;
pub(super) use words::commands;

/// What the programs know that the examples call.
pub(super) struct Known {
    targets: BTreeSet<String>,
    /// Names of resources in every spelling.
    resources: BTreeSet<String>,
    /// Flags of every command of kubectl, and whether they take a value.
    flags: BTreeMap<String, bool>,
}

impl Known {
    /// Asks the Makefile, the API server among the parts, and our own CRDs.
    pub(super) fn ask() -> Self {
        let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
        let targets = makefile.lines().filter_map(|line| line.strip_prefix(".PHONY: ")).map(str::to_owned).collect();
        let listed = run("kubectl", &["api-resources", "--no-headers"]);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut resources: BTreeSet<String> = listed
            .lines()
            .flat_map(|line| {
                let words = words(line);
                let kind = words.last().unwrap().to_lowercase();
                let short = if words.len() > 4 { words[1].split(',').map(str::to_owned).collect() } else { vec![] };
                [vec![words[0].clone(), kind], short].concat()
            })
            .collect();
        for crd in wharfinger::api::definitions() {
            let names = crd.spec.names;
            resources.extend([names.plural, names.kind.to_lowercase()].into_iter().chain(names.short_names.unwrap_or_default()));
        }
        Self { targets, resources, flags: kubectl_flags(&run("kubectl", &["options"])) }
    }
}

/// What is wrong with a command. Of programs that are not known here nothing is.
pub(super) fn mistake(words: &[String], known: &Known) -> Option<String> {
    let rest: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    match words[0].as_str() {
        "wharfinger" => ours(words),
        "kubectl" if rest.first() == Some(&"wharfinger") => ours(&words[1..]),
        "kubectl" => kubectl(&rest, known),
        "helm" => helm(&rest),
        "make" => {
            let mut targets = rest.iter().filter(|word| !word.starts_with('-') && !word.contains('='));
            let unknown = targets.find(|target| !known.targets.contains(**target))?;
            Some(format!("the Makefile has no target {unknown}"))
        }
        script if script.starts_with("hack/") => (!root().join(script).is_file()).then(|| format!("there is no {script}")),
        _ => None,
    }
}

/// The program's own answer to its arguments.
fn ours(words: &[String]) -> Option<String> {
    match <Arguments as clap::Parser>::try_parse_from(words) {
        Err(error) if !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => Some(error.to_string()),
        _ => None,
    }
}

/// A resource that nobody serves, a command or a flag that kubectl does not have.
fn kubectl(words: &[&str], known: &Known) -> Option<String> {
    // Flags of one command are known when the command is.
    let (command, _) = operands(words, &known.flags);
    let (code, help, _) = tool("kubectl", &[&command, &["--help"][..]].concat());
    if code != 0 || help.starts_with("kubectl controls") {
        return Some(format!("kubectl has no command {}", command.join(" ")));
    }
    let flags = known.flags.clone().into_iter().chain(kubectl_flags(&help)).collect();
    let (operands, unknown) = operands(words, &flags);
    if let Some(unknown) = unknown {
        return Some(format!("kubectl {} has no flag {unknown}", operands.join(" ")));
    }
    let named = match operands[0] {
        "get" | "describe" | "delete" | "edit" | "patch" | "annotate" | "label" | "wait" | "explain" => operands.get(1),
        "rollout" => operands.get(2),
        "logs" | "exec" | "port-forward" => operands.get(1).filter(|operand| operand.contains('/')),
        _ => None,
    };
    let mut named = named?.split(',').map(|name| name.split(['/', '.']).next().unwrap());
    let unknown = named.find(|name| !known.resources.contains(*name))?;
    Some(format!("there is no resource {unknown}"))
}

/// The words before `--` that are neither flags nor values of flags, up to a flag that is not known; and that flag.
fn operands<'a>(words: &[&'a str], flags: &BTreeMap<String, bool>) -> (Vec<&'a str>, Option<&'a str>) {
    let (mut found, mut words) = (vec![], words.iter().take_while(|word| **word != "--"));
    while let Some(word) = words.next() {
        match flags.get(word.split('=').next().unwrap()) {
            Some(takes_value) if *takes_value && !word.contains('=') => drop(words.next()),
            Some(_) => {}
            None if word.len() > 1 && word.starts_with('-') => return (found, Some(word)),
            None => found.push(*word),
        }
    }
    (found, None)
}

/// Each flag that a help text of kubectl tells, and whether it takes a value.
fn kubectl_flags(help: &str) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for line in help.lines().filter(|line| line.starts_with("    -") && line.ends_with(':')) {
        let (names, default) = line.trim().trim_end_matches(':').split_once('=').unwrap_or((line.trim(), ""));
        found.extend(names.split(", ").map(|name| (name.to_owned(), !["true", "false"].contains(&default))));
    }
    found
}

/// A flag that helm does not have, and values that the chart refuses.
fn helm(words: &[&str]) -> Option<String> {
    let verb = words.first()?;
    let (code, help, _) = tool("helm", &[verb, "--help"]);
    if code != 0 {
        return Some(format!("helm has no command {verb}"));
    }
    let unknown = words.iter().filter(|word| word.starts_with("--")).map(|word| word.split('=').next().unwrap());
    if let Some(unknown) = { unknown }.find(|flag| !help.contains(&format!("{flag} "))) {
        return Some(format!("helm {verb} has no flag {unknown}"));
    }
    let set = words.windows(2).filter(|pair| ["--set", "--set-string", "--set-json"].contains(&pair[0]));
    template(&set.flatten().copied().collect::<Vec<_>>())
}

/// What the chart says to values.
pub(super) fn template(values: &[&str]) -> Option<String> {
    let (code, _, errors) = tool("helm", &[&["template", "wharfinger", "charts/wharfinger"], values].concat());
    (code != 0).then_some(errors)
}

/// What is wrong in the blocks of commands, and in the commands within lines.
fn check(pages: &[Page], known: &Known) -> (usize, Vec<String>) {
    let (mut count, mut found) = (0, vec![]);
    for page in pages {
        let mut tell = |line: usize, told: String| found.push(format!("{}:{line}: {told}", page.path));
        for block in page.blocks.iter().filter(|block| ["console", "sh", "bash"].contains(&block.language.as_str())) {
            let script = if block.language == "console" { words::typed(&block.text) } else { block.text.clone() };
            match commands(&script) {
                Ok(commands) => {
                    count += commands.len();
                    let told =
                        commands.iter().filter_map(|words| Some(format!("{}: {}", words.join(" "), mistake(words, known)?)));
                    told.for_each(|told| tell(block.line, told));
                }
                Err(told) => tell(block.line, told),
            }
        }
        for (line, code) in &page.code {
            mistake_within_a_line(code, known).into_iter().for_each(|told| tell(*line, format!("{code}: {told}")));
        }
    }
    (count, found)
}

/// Commands within a line leave things out: then only the command's name is looked at.
fn mistake_within_a_line(code: &str, known: &Known) -> Option<String> {
    let words: Vec<String> = code.split_whitespace().map(str::to_owned).collect();
    match words.first()?.as_str() {
        "make" => mistake(&words, known),
        "wharfinger" if words.len() > 1 && !code.contains(['…', '[', '|', '$']) => {
            match <Arguments as clap::Parser>::try_parse_from(&words) {
                Err(error) if matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand) => {
                    Some(error.to_string())
                }
                _ => None,
            }
        }
        "wharfinger" if words.len() > 1 => {
            let command = &words[1];
            let known = command.starts_with(['-', '[', '…']) || program().get_subcommands().any(|it| it.get_name() == command);
            (!known).then(|| format!("wharfinger has no command {command}"))
        }
        _ => None,
    }
}

#[test]
fn every_command_takes_what_it_is_given() {
    let (count, found) = check(&pages(), &Known::ask());
    assert!(count > 60, "{count} commands");
    assert_none(&found);
}

#[test]
fn a_command_that_cannot_work_is_found() {
    let rows = [
        ("$ wharfinger plan -f x.yaml | tail -1\nPlan: 4 changes\n$ code=0; kubectl wharfinger crds --write x || code=$?", None),
        ("$ kubectl get piw,regcred -n payments -o yaml\n$ kubectl -n a wait --for=condition=Ready piw/api", None),
        (
            "$ helm upgrade wharfinger charts/wharfinger --reuse-values --set 'secrets.namespaces={a}' \\\n    --set replicas=2",
            None,
        ),
        ("$ make demo KEEP=1\n$ hack/parts/run -- kubectl version\n$ true", None),
        ("$ wharfinger plan --filname x.yaml", Some("--filname")),
        ("$ wharfinger status-of x", Some("status-of")),
        ("$ cat x |\n  wharfinger apply -f - --purge", Some("--purge")),
        ("$ kubectl get pwi", Some("no resource pwi")),
        ("$ kubectl grab piw", Some("no command grab")),
        ("$ kubectl get piw --namespaces a", Some("no flag --namespaces")),
        ("$ helm install wharfinger charts/wharfinger --set replica=2", Some("replica")),
        ("$ helm install wharfinger charts/wharfinger --make-it-so", Some("no flag --make-it-so")),
        ("$ make coffee", Some("no target coffee")),
        ("$ hack/no-such-script", Some("no hack/no-such-script")),
        ("$ wharfinger plan -f 'x", Some("quote")),
    ];
    let known = Known::ask();
    for (block, expected) in rows {
        let (count, found) = check(&[page(&("x.md".to_owned(), format!("```console\n{block}\n```\n")))], &known);
        assert_eq!(found.len(), expected.iter().len(), "{block}: {count}: {found:?}");
        assert!(found.concat().contains(expected.unwrap_or_default()), "{block}: {found:?}");
    }
    for (code, right) in [
        ("make test", true),
        ("make tea", false),
        ("wharfinger plan -f PATH…", true),
        ("wharfinger plot", false),
        ("wharfinger iam-policy --documents x", false),
        ("wharfinger iam-policy --document trust", true),
    ] {
        assert_eq!(mistake_within_a_line(code, &known).is_none(), right, "{code}");
    }
}
