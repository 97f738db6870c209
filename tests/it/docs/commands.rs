//! The reference of the command line, from its own definition.

use super::generated::{cell, table};
use clap::{Arg, Command, CommandFactory};
use wharfinger::cli::Arguments;

/// As many values as fit beside the flag.
const FEW: usize = 5;

/// The program's own definition, complete: with the usage of each command.
pub(super) fn program() -> Command {
    let mut program = Arguments::command();
    program.build();
    program
}

/// Name and text of the page.
pub(super) fn page() -> (String, String) {
    let program = program();
    let mut text = format!(
        "# Every command and flag\n\n{}. How they are used, and their exit codes: [command line](../command-line.md).\n",
        about(&program).trim_end_matches('.')
    );
    let (common, own): (Vec<&Arg>, Vec<&Arg>) = flags(&program).partition(|flag| flag.is_global_set());
    assert!(own.is_empty(), "flags of the program that no command has: {own:?}");
    text.push_str(&format!("\n## Flags of every command\n\n{}", of_flags(&common)));
    for command in commands(&program) {
        add(command, "wharfinger", &mut text);
    }
    ("commands.md".to_owned(), text)
}

fn add(command: &Command, parent: &str, text: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    let usage = command.clone().render_usage().to_string();
    text.push_str(&format!("\n## {name}\n\n{}\n\n```text\n{}\n```\n", about(command), usage.trim_start_matches("Usage: ")));
    let own: Vec<&Arg> = flags(command).filter(|flag| !flag.is_global_set()).collect();
    if !own.is_empty() {
        text.push_str(&format!("\n{}", of_flags(&own)));
    }
    for command in commands(command) {
        add(command, &name, text);
    }
}

fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|flag| !flag.is_hide_set() && !["help", "version"].contains(&flag.get_id().as_str()))
}

fn about(command: &Command) -> String {
    command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default()
}

fn of_flags(flags: &[&Arg]) -> String {
    let rows: Vec<[String; 4]> = flags.iter().map(|flag| of_flag(flag)).collect();
    table(["flag", "environment", "default", "meaning"], &rows)
}

fn of_flag(flag: &Arg) -> [String; 4] {
    let takes_value = flag.get_action().takes_values();
    let names: Vec<String> = flag.get_value_names().into_iter().flatten().map(ToString::to_string).collect();
    let values = if takes_value { flag.get_possible_values() } else { vec![] };
    let choice: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
    let value = if (1..=FEW).contains(&choice.len()) { choice.join("\\|") } else { names.join("\\|") };
    let short = flag.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let written = match (flag.get_long(), takes_value) {
        (Some(long), true) => format!("{short}`--{long} {value}`"),
        (Some(long), false) => format!("{short}`--{long}`"),
        (None, _) => format!("`{value}`"),
    };
    let environment = flag.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
    let default = match flag.get_default_values() {
        _ if flag.is_required_set() => "*required*".to_owned(),
        [default] if takes_value => format!("`{}`", default.to_string_lossy()),
        _ => String::new(),
    };
    let mut meaning = flag.get_long_help().or(flag.get_help()).map(ToString::to_string).unwrap_or_default();
    let each = values.iter().map(|value| match value.get_help() {
        Some(help) => format!("`{}`: {help}", value.get_name()),
        None => format!("`{}`", value.get_name()),
    });
    if choice.len() > FEW || values.iter().any(|value| value.get_help().is_some()) {
        meaning = format!("{}. Values: {}", meaning.trim_end_matches('.'), each.collect::<Vec<_>>().join("; "));
    }
    [written, environment, default, cell(&meaning)]
}

#[test]
fn every_command_and_every_flag_is_on_the_page() {
    let (program, (_, text)) = (program(), page());
    fn every(command: &Command) -> Vec<&Command> {
        std::iter::once(command).chain(commands(command).flat_map(every)).collect()
    }
    let all = every(&program);
    assert!(all.len() > 10, "{}", all.len());
    for command in &all[1..] {
        assert!(text.contains(&format!(" {}\n", command.get_name())), "{}", command.get_name());
        for flag in flags(command) {
            let long = flag.get_long().map(|long| format!("--{long}")).unwrap_or_default();
            assert!(text.contains(&long), "{long}");
            assert!(flag.get_help().is_some(), "{} {flag:?} says nothing of itself", command.get_name());
        }
    }
}
