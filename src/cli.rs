//! The command line: one program that is the controller and the tool. Parses, dispatches and prints; decides nothing.

mod agent_config;
mod arguments;
mod called;
mod check;
mod doctor;
mod explain;
mod files;
mod iam_policy;
mod import;
mod local;
mod networks;
mod output;
mod probe;
mod prune;
mod remote;
mod secrets;
mod session;
mod status;
mod text;

pub use arguments::{Arguments, Command};
pub use called::{Called, called};

use crate::api::crds;
use crate::controller::{self, Scope};
use anyhow::Context;
use arguments::{Common, ControllerArguments, LogFormat, RenderArguments, Rendered};
use clap::ColorChoice;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Converged, or done.
pub(crate) const OK: u8 = 0;
/// Something is wrong.
pub(crate) const ERROR: u8 = 1;
/// `plan`: there are changes.
pub(crate) const CHANGES: u8 = 2;
/// The reader went away: what a shell says of a program that SIGPIPE ended. Rust ignores that signal, and so no write to AWS is cut off.
const CLOSED_PIPE: u8 = 141;

/// Runs one command; the exit code.
pub async fn run(arguments: Arguments) -> ExitCode {
    init_logs(&arguments);
    match arguments.common.color {
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
        ColorChoice::Auto => anstream::ColorChoice::Auto,
    }
    .write_global();
    // One TLS library in the process; an error means that it is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match dispatch(arguments).await {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::from(CLOSED_PIPE),
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::from(ERROR)
        }
    }
}

async fn dispatch(arguments: Arguments) -> anyhow::Result<u8> {
    let common = arguments.common;
    match arguments.command {
        Command::Controller(settings) => run_controller(&common, settings).await,
        Command::Plan(what) if what.files.is_empty() => remote::plan(&common, &what).await,
        Command::Plan(what) => local::plan(&common, &what).await,
        Command::Apply(what) => local::apply(&common, &what).await,
        Command::Delete(what) => local::delete(&common, &what).await,
        Command::Status(what) => status::run(&common, &what).await,
        Command::Render(RenderArguments { other: Some(Rendered::AgentConfig(what)), .. }) => agent_config::run(&common, &what),
        Command::Render(RenderArguments { what, .. }) => local::render(&common, &what).await,
        Command::Import(what) => import::run(&common, what),
        Command::IamPolicy(what) => iam_policy::run(&what),
        Command::Probe { url } => probe::run(&url).await,
        Command::Doctor(what) => doctor::run(&common, &what).await,
        Command::Explain(what) => explain::run(&what),
        Command::Completions(what) => called::completions(&what),
        Command::Crds { write } => print_crds(write.as_deref()),
    }
}

async fn run_controller(common: &Common, settings: ControllerArguments) -> anyhow::Result<u8> {
    let config = remote::config(common).await?;
    let client = remote::client(config.clone())?;
    let home = common.state_namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let places = settings.places;
    let settings = controller::Settings {
        namespaces: Scope::of(places.watch_namespaces.map(|list| list.0)),
        secret_namespaces: Scope::of(places.secret_namespaces.map(|list| list.0)),
        lease: controller::Lease {
            config,
            namespace: places.lease_namespace.unwrap_or_else(|| home.clone()),
            name: places.lease_name,
        },
        state_namespace: home,
        cluster_id: settings.cluster_id,
        concurrency: settings.concurrency,
        aws_timeout: common.aws_timeout(),
        metrics_addr: settings.metrics_addr,
        health_addr: settings.health_addr,
    };
    controller::run(client, settings, common.registries()?, controller::stop_signal()).await?;
    Ok(OK)
}

fn print_crds(folder: Option<&std::path::Path>) -> anyhow::Result<u8> {
    for (name, text) in crds()? {
        match folder {
            Some(folder) => {
                let path = folder.join(&name);
                std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
                std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
                say(&format!("wrote {}", path.display()));
            }
            None => print(&format!("---\n{text}"))?,
        }
    }
    Ok(OK)
}

/// Progress and complaints, for people: standard error.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}"); // a closed standard error leaves nobody to tell
}

/// Results: standard output, without colours where it is no terminal. A reader that went away ends the program quietly.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn init_logs(arguments: &Arguments) {
    let default = match arguments.command {
        Command::Controller(_) => "info",
        _ => "error",
    };
    let wanted = EnvFilter::try_from_env("WHARFINGER_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let filter = wanted.and(filter_fn(may_be_shown));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    match arguments.common.log_format {
        LogFormat::Json => tracing_subscriber::registry().with(layer.json().flatten_event(true).with_filter(filter)).init(),
        LogFormat::Text => tracing_subscriber::registry().with(layer.with_filter(filter)).init(),
    }
}

/// Libraries that show what goes over the wire in their finer logs: AWS repeats a value that it refuses.
const WIRE: [&str; 6] = ["aws_smithy", "aws_runtime", "aws_sigv4", "hyper", "h2", "kube_client"];

/// Says of a watch that is refused the same at each try. We say it once.
const REPEATS: &str = "kube_runtime::watcher";

/// Whatever level is asked for, no log shows a request or an answer.
fn may_be_shown(metadata: &Metadata) -> bool {
    let of_wire = WIRE.iter().any(|library| metadata.target().starts_with(library));
    (!of_wire || *metadata.level() <= Level::INFO) && !metadata.target().starts_with(REPEATS)
}
