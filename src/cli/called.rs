//! How the program was called: by its own name, as `kubectl wharfinger`, or by kubectl for the completion of that.
//!
//! kubectl runs the file `kubectl-NAME` on the path for `kubectl NAME`, and `kubectl_complete-NAME` to complete it. Both may be
//! links to this program.

use super::arguments::{Arguments, CompletionArguments};
use super::{OK, print};
use clap::{CommandFactory, FromArgMatches};
use std::ffi::OsString;
use std::path::Path;

/// What is to be done.
pub enum Called {
    /// A command.
    Run(Box<Arguments>),
    /// Nothing but to tell this: what is wrong, or the help that was asked for.
    Tell(clap::Error),
    /// The words that may come next, as kubectl takes them.
    Complete(String),
}

/// From the words of the command line, the first of which is the program's own path.
pub fn called(words: Vec<OsString>) -> Called {
    let own = words.first().map(Path::new).and_then(Path::file_stem).and_then(|name| name.to_str());
    let mut command = Arguments::command();
    match own {
        Some("kubectl_complete-wharfinger") => return Called::Complete(candidates(command, words)),
        Some("kubectl-wharfinger") => command = command.bin_name("kubectl wharfinger"),
        _ => {}
    }
    let read = command.try_get_matches_from_mut(words).and_then(|matches| Arguments::from_arg_matches(&matches));
    match read {
        Ok(arguments) => Called::Run(Box::new(arguments)),
        Err(error) => Called::Tell(error.format(&mut command)),
    }
}

/// kubectl's own form, cobra's: a candidate a line with its help behind a tab, then a number: 4 = complete no files, 0 = do.
fn candidates(mut command: clap::Command, words: Vec<OsString>) -> String {
    let last = words.len().saturating_sub(1);
    let here = std::env::current_dir().ok();
    let found = clap_complete::engine::complete(&mut command, words, last, here.as_deref()).unwrap_or_default();
    let lines = found.iter().map(|it| {
        let help = it.get_help().map(|help| format!("\t{}", help.to_string().lines().next().unwrap_or_default()));
        format!("{}{}\n", it.get_value().to_string_lossy(), help.unwrap_or_default())
    });
    let lines: String = lines.collect();
    let directive = if lines.is_empty() { 0 } else { 4 };
    format!("{lines}:{directive}\n")
}

/// `completions`: the script for a shell.
pub(super) fn completions(what: &CompletionArguments) -> anyhow::Result<u8> {
    let mut script = vec![];
    clap_complete::generate(what.shell, &mut Arguments::command(), "wharfinger", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn usage_names_the_program_as_it_was_called() {
        for (own, usage) in [
            ("wharfinger", "Usage: wharfinger "),
            ("bin/kubectl-wharfinger", "Usage: kubectl wharfinger "),
            ("kubectl-wharfinger.exe", "Usage: kubectl wharfinger "),
        ] {
            let Called::Tell(error) = called(words(&[own, "--help"])) else { panic!("{own}: no help") };
            assert!(error.to_string().contains(usage), "{own}: {error}");
        }
    }

    #[test]
    fn kubectl_is_told_what_may_come_next() {
        let told = |more: &[&str]| match called(words(&[&["kubectl_complete-wharfinger"], more].concat())) {
            Called::Complete(told) => told,
            _ => panic!("{more:?}: no completion"),
        };
        assert!(told(&["expl"]).starts_with("explain\t") && told(&["expl"]).ends_with("\n:4\n"), "{}", told(&["expl"]));
        assert!(told(&["plan", "--out"]).contains("--output"), "{}", told(&["plan", "--out"]));
        assert_eq!(told(&["plan", "-o", "js"]).lines().next().and_then(|line| line.split('\t').next()), Some("json"));
        assert_eq!(told(&["nothing", "of", "ours"]), ":0\n");
    }
}
