//! The program as a process: the controller of one test. It never outlives the test.

use super::http::{self, Message};
use super::parts::parts;
use super::proxy::PATIENCE;
use serde_json::Value;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_wharfinger");

pub(super) struct Controller {
    child: Child,
    log: PathBuf,
}

impl Controller {
    /// `run` tells the processes of one test apart. `level` = of the log.
    pub(super) fn start(
        namespace: &str,
        run: usize,
        endpoint: &str,
        flags: &[String],
        environment: &[(&str, String)],
        level: &str,
    ) -> Self {
        let elsewhere = flags.iter().any(|flag| flag.starts_with("--watch-namespaces"));
        let watched = if elsewhere { vec![] } else { vec!["--watch-namespaces", namespace] };
        let log = parts().state.join(format!("{namespace}.{run}.log"));
        let file = File::create(&log).expect("a log file beside the parts");
        let child = Command::new(PROGRAM)
            .args(["controller", "--state-namespace", namespace])
            .args(watched)
            .args(["--metrics-addr", "127.0.0.1:0", "--health-addr", "127.0.0.1:0", "--log-format", "json"])
            .args(flags)
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("WHARFINGER_LOG", level)
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("the log file again"))
            .stderr(file)
            .spawn()
            .expect("the controller starts");
        Self { child, log }
    }

    /// All that it has logged.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The end of its log, and whether it still runs.
    pub(super) fn tail(&mut self) -> String {
        let state = match self.child.try_wait() {
            Ok(Some(status)) => format!("it ended: {status}"),
            _ => "it runs".to_owned(),
        };
        let log = self.log();
        let lines: Vec<&str> = log.lines().rev().take(25).collect();
        let lines: Vec<&str> = lines.into_iter().rev().collect();
        format!("the end of the controller's log ({state}):\n{}", lines.join("\n"))
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill(); // it may have ended by itself
        let _ = self.child.wait();
    }

    /// SIGTERM, and how it ends.
    pub(super) async fn terminate(&mut self) -> std::process::ExitStatus {
        let signal = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(signal.expect("kill").success());
        self.wait_for("its end after SIGTERM", |controller| controller.child.try_wait().ok().flatten()).await
    }

    /// What a GET on one of its two listeners answers: status and text. `listener` = `metrics_addr` or `health_addr`.
    pub(super) async fn get(&mut self, listener: &str, path: &str) -> (u16, String) {
        let address = self.wait_for("the log line `serving`", |controller| controller.address(listener)).await;
        let request = Message::new(format!("GET {path} HTTP/1.1"), &[("host", address.as_str())], "");
        let answer = http::exchange(&address, &request).await.unwrap_or_else(|error| panic!("{listener}{path}: {error}"));
        (answer.status(), answer.text())
    }

    /// Waits until `/readyz` answers so: status, and all these parts of its text. The text.
    pub(super) async fn readyz(&mut self, status: u16, parts: &[&str]) -> String {
        let mut last = String::new();
        let asking = async {
            loop {
                let (answered, text) = self.get("health_addr", "/readyz").await;
                last = format!("{answered} {text}");
                if answered == status && parts.iter().all(|part| text.contains(part)) {
                    return text;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        match timeout(PATIENCE, asking).await {
            Ok(text) => text,
            Err(_) => panic!("waited {PATIENCE:?} in vain for /readyz to say {status} {parts:?}; it says {last}"),
        }
    }

    /// The lines of its log that warn of this.
    pub(super) fn warnings(&self, part: &str) -> Vec<String> {
        let log = self.log();
        log.lines().filter(|line| line.contains("\"WARN\"") && line.contains(part)).map(str::to_owned).collect()
    }

    fn address(&self, listener: &str) -> Option<String> {
        self.log().lines().find_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let fields = line.get("fields").unwrap_or(&line);
            (fields["message"] == "serving").then(|| fields[listener].as_str().map(str::to_owned))?
        })
    }

    async fn wait_for<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        let looking = async {
            loop {
                match look(self) {
                    Some(found) => return found,
                    None => sleep(Duration::from_millis(20)).await,
                }
            }
        };
        match timeout(PATIENCE, looking).await {
            Ok(found) => found,
            Err(_) => panic!("waited {PATIENCE:?} in vain for {what}; {}", self.tail()),
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.kill();
    }
}
