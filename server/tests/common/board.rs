//! The board's server as a process of its own, on a free port.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and no test file uses all of this"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::{Value, json};

use crate::common::Client;

/// A running server.
pub struct Board {
    process: Child,
    pub address: String,
}

/// What the REST API answered.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Board {
    /// Tasks in memory, on a free port.
    pub fn start() -> Self {
        Self::with(&["--memory", "--port", "0"])
    }

    /// Starts with these arguments and waits for the line that says it listens.
    pub fn with(arguments: &[&str]) -> Self {
        let mut process = command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://");
        Self {
            address: address.unwrap().to_owned(),
            process,
        }
    }

    /// Calls the REST API as `user`.
    pub fn call(&self, method: &str, path: &str, user: &str, body: Option<Value>) -> Answer {
        self.call_with(method, path, &[("x-user", user)], body)
            .unwrap()
    }

    /// Calls the REST API with these headers; an error if nobody listens.
    pub fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Answer, ureq::Error> {
        // A fresh connection each time: one kept from before a restart would be dead.
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}/api{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let mut response = agent.run(request.body(body).unwrap())?;
        let text = response.body_mut().read_to_string()?;
        Ok(Answer {
            status: response.status().as_u16(),
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        })
    }

    /// Creates a task as `user` and gives it.
    pub fn create(&self, user: &str, task: Value) -> Value {
        let created = self.call("POST", "/tasks", user, Some(task));
        assert_eq!(created.status, 201, "{created:?}");
        created.body
    }

    /// Makes a fault on `tab` and says how many sockets it met.
    pub fn fault(&self, fault: &str, tab: &str) -> u64 {
        let body = Some(json!({ "tab": tab }));
        let made = self.call("POST", &format!("/faults/{fault}"), "ann", body);
        assert_eq!(made.status, 202, "{made:?}");
        made.body["sockets"].as_u64().unwrap()
    }

    /// A fresh token of `user`.
    pub fn token(&self, user: &str) -> String {
        let body = Some(json!({ "user": user }));
        let answer = self.call("POST", "/token", user, body);
        answer.body["token"].as_str().unwrap().to_owned()
    }

    /// The address of the socket of `user` in `tab`.
    pub fn url(&self, user: &str, tab: &str) -> String {
        format!("ws://{}/ws/{user}?tab={tab}", self.address)
    }

    /// An authenticated socket that is registered.
    pub async fn client(&self, user: &str, tab: &str) -> Client {
        let mut client = Client::authenticated(&self.url(user, tab), &self.token(user)).await;
        client.ask("ping", Value::Null, 0).await;
        client
    }

    /// Ends the process as `kill -9` does.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks the process to end.
    pub fn terminate(&self) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the process's end.
    pub fn exit_status(&mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The binary with these arguments and the repository's page.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everwire-server"));
    command
        .args(["--www", concat!(env!("CARGO_MANIFEST_DIR"), "/../www")])
        .args(arguments);
    command
}
