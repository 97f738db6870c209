//! The program as a process: the controller of one test. It never outlives the test.

use super::http::{self, Message};
use super::parts::parts;
use super::proxy::PATIENCE;
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_wharfinger");

/// What a controller finds where.
pub(super) struct Places<'a> {
    /// The URL of AWS.
    pub(super) aws: &'a str,
    /// Another kubeconfig than the usual one.
    pub(super) kubeconfig: Option<&'a Path>,
}

pub(super) struct Controller {
    child: Child,
    log: PathBuf,
}

impl Controller {
    /// `run` tells the processes of one test apart. `level` = of the log.
    pub(super) fn start(
        namespace: &str,
        run: usize,
        places: &Places<'_>,
        flags: &[String],
        environment: &[(&str, String)],
        level: &str,
    ) -> Self {
        let elsewhere = flags.iter().any(|flag| flag.starts_with("--watch-namespaces"));
        let watched = if elsewhere { vec![] } else { vec!["--watch-namespaces", namespace] };
        let log = parts().state.join(format!("{namespace}.{run}.log"));
        let file = File::create(&log).expect("a log file beside the parts");
        let mut command = Command::new(PROGRAM);
        if let Some(file) = places.kubeconfig {
            command.env("KUBECONFIG", file);
        }
        let child = command
            .args(["controller", "--state-namespace", namespace])
            .args(watched)
            .args(["--metrics-addr", "127.0.0.1:0", "--health-addr", "127.0.0.1:0", "--log-format", "json"])
            .args(flags)
            .env("AWS_ENDPOINT_URL", places.aws)
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
        self.signal("TERM");
        self.ended().await
    }

    /// Sends a signal, `STOP` or such.
    pub(super) fn signal(&self, name: &str) {
        let signal = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(signal.expect("kill").success());
    }

    /// How it ends.
    pub(super) async fn ended(&mut self) -> std::process::ExitStatus {
        self.wait_for("its end", |controller| controller.child.try_wait().ok().flatten()).await
    }

    /// Waits until it logs this message; the line.
    pub(super) async fn says(&mut self, message: &str) -> Value {
        self.wait_for(&format!("the log line `{message}`"), |controller| controller.line(message)).await
    }

    /// Waits until it is ready and has this role: `leading` or `standby`.
    pub(super) async fn is(&mut self, role: &str) {
        let mut last = (0, String::new());
        let asking = async {
            while (last.0, last.1.trim_end()) != (200, role) {
                last = self.get("health_addr", "/readyz").await;
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(PATIENCE, asking).await.is_err() {
            panic!("waited {PATIENCE:?} in vain for /readyz to say {role}: {last:?}; {}", self.tail());
        }
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
        self.line("serving")?[listener].as_str().map(str::to_owned)
    }

    /// The fields of the first line of its log with a message that begins so.
    fn line(&self, message: &str) -> Option<Value> {
        self.log().lines().find_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            let fields = line.get("fields").unwrap_or(&line);
            fields["message"].as_str()?.starts_with(message).then(|| fields.clone())
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
