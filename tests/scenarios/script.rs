//! The scripts' language.
//!
//! A line is a step; the lines after it that begin with `>` are all the outputs that it must give, in order. Blank
//! lines and lines that begin with `#` say nothing. Time begins at 1,000 s, stands still between steps, and is named
//! in ms.
//!
//! | step | |
//! |---|---|
//! | `connect`, `reconnect`, `close [CODE [REASON]]` | commands |
//! | `send NAME [bytes=N] [ttl=N]` | a message; the first is `m1` |
//! | `request NAME [bytes=N] [ttl=N] [timeout=N]` | a request; messages and requests count together |
//! | `withdraw mN` | |
//! | `ready` | connects and opens without a token; its outputs are not shown |
//! | `opened N`, `closing N`, `closed N CODE [REASON]`, `failed N malformed\|other` | what happens on socket N |
//! | `policy N CODE stop\|refresh\|slowly\|too-large\|retry` | the same close, with a replaced policy's verdict |
//! | `frame N message\|ping\|pong\|invalid\|answer:mN [bytes=N]` | a frame came on socket N |
//! | `buffered N BYTES` | the size of socket N's send buffer |
//! | `token N SECRET\|none\|failed\|unauthorized [life=N] [url=…]` | the provider answers question N |
//! | `page online\|offline\|visible\|hidden\|leave\|return` | |
//! | `wait MS` | time passes, and every timer fires when it is due; outputs show how long after the step began |
//! | `next` | time passes until the next timer fires |
//! | `jump MS` | time passes and no timer fires |
//! | `late` | the timer fires now, however early or late |
//! | `retry MIN MAX` | checks that the next attempt begins so many ms from now |
//! | `timer NAME\|none` | checks what the armed timer is for |

use std::fmt::Write;
use std::time::Duration;

use everwire::Config;
use everwire::proto::{Connection, Input, Instant, SocketEvent, SocketId, State};

use super::render::{render, timer_name};
use super::words::{Words, message_id};

pub const SECOND: Duration = Duration::from_secs(1);

const START: Instant = Instant::from_millis(1_000_000);
const SEED: u64 = 20_260;

/// Runs `script` against a connection with the default options, changed by `configure`.
pub fn check(configure: impl FnOnce(&mut Config), script: &str) {
    check_seed(SEED, configure, script);
}

/// The same with a seed of one's own.
pub fn check_seed(seed: u64, configure: impl FnOnce(&mut Config), script: &str) {
    let mut config = Config::new("ws://host/ws");
    configure(&mut config);
    let mut run = Run::new(Connection::new(config, u128::from(seed), START).unwrap());
    let lines = || {
        script
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    for step in lines().filter(|line| !line.starts_with(['>', '#'])) {
        run.step(step);
    }
    let expected: Vec<&str> = lines().filter(|line| !line.starts_with('#')).collect();
    let actual: Vec<&str> = run.trace.lines().map(str::trim).collect();
    if expected != actual {
        let same = expected.iter().zip(&actual).take_while(|(a, b)| a == b);
        let at = same.count();
        panic!(
            "the trace differs at line {at}\n  expected {}\n  actual   {}\n\nthe whole trace was\n{}",
            expected.get(at).unwrap_or(&"the end"),
            actual.get(at).unwrap_or(&"the end"),
            run.trace,
        );
    }
}

struct Run {
    connection: Connection<String>,
    now: Instant,
    step_began: Instant,
    secrets: Vec<String>,
    trace: String,
}

impl Run {
    fn new(connection: Connection<String>) -> Self {
        Self {
            connection,
            now: START,
            step_began: START,
            secrets: Vec::new(),
            trace: String::new(),
        }
    }

    fn step(&mut self, line: &str) {
        writeln!(self.trace, "{line}").unwrap();
        self.step_began = self.now;
        let words = Words::new(line);
        match words.verb {
            "wait" => self.wait(words.number(0)),
            "next" => {
                let (at, _) = self.connection.poll_timeout().expect("a timer is armed");
                self.now = at;
                self.step_began = at;
                self.input(Input::Timeout);
            }
            "jump" => self.now = self.now.after(words.number(0)),
            "late" => self.input(Input::Timeout),
            "retry" => self.check_retry(words.number(0), words.number(1)),
            "timer" => self.check_timer(words.text(0)),
            "ready" => self.make_ready(),
            "connect" | "reconnect" | "close" | "send" | "request" | "withdraw" => {
                self.command(&words);
            }
            _ => {
                let input = words.input(&mut self.secrets);
                self.input(input);
            }
        }
        self.drain();
        self.check_nothing_shows_a_secret();
    }

    fn command(&mut self, words: &Words) {
        let now = self.now;
        match words.verb {
            "connect" => self.connection.connect(now),
            "reconnect" => self.connection.reconnect(now),
            "withdraw" => self.connection.withdraw(message_id(words.text(0))),
            "close" => {
                let code = words.get(0).map_or(1000, |code| code.parse().unwrap());
                if let Err(error) = self.connection.close(code, &words.rest(1)) {
                    self.show(format_args!("refused {}", error.as_str()));
                }
            }
            _ => {
                if let Err(error) = self.connection.send(now, words.outgoing()) {
                    let code = error.code.as_str();
                    self.show(format_args!("refused {code} {}", error.payload));
                }
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.connection.handle_input(self.now, input);
    }

    fn wait(&mut self, ms: u64) {
        let until = self.now.after(ms);
        let due = |run: &Self| run.connection.poll_timeout().filter(|(at, _)| *at <= until);
        while let Some((at, _)) = due(self) {
            self.now = self.now.max(at);
            self.input(Input::Timeout);
            self.drain();
        }
        self.now = until;
    }

    fn make_ready(&mut self) {
        self.connection.connect(self.now);
        let socket = self.socket().expect("no token is needed");
        self.input(Input::Socket(socket, SocketEvent::Opened));
        while self.connection.poll_output().is_some() {}
    }

    fn socket(&self) -> Option<SocketId> {
        match self.connection.state() {
            State::Opening { socket, .. } | State::Ready { socket, .. } => Some(*socket),
            _ => None,
        }
    }

    fn check_retry(&self, min: u64, max: u64) {
        let State::Backoff { retry_at } = self.connection.state() else {
            panic!("no attempt waits, but\n{}", self.trace);
        };
        let wait = retry_at.since(self.now);
        let in_range = (min..=max).contains(&wait);
        assert!(in_range, "{wait} is not {min} to {max} in\n{}", self.trace);
    }

    fn check_timer(&self, expected: &str) {
        let timer = self.connection.poll_timeout().map(|(_, timer)| timer);
        let name = timer.map_or("none", timer_name);
        assert_eq!(name, expected, "in\n{}", self.trace);
    }

    fn check_nothing_shows_a_secret(&self) {
        let prints = format!("{:?}", self.connection);
        let shows = self.secrets.iter().find(|secret| prints.contains(*secret));
        assert_eq!(shows, None, "in a debug print in\n{}", self.trace);
    }

    fn drain(&mut self) {
        while let Some(output) = self.connection.poll_output() {
            let prints = format!("{output:?}");
            let shows = self.secrets.iter().find(|secret| prints.contains(*secret));
            assert_eq!(shows, None, "in the debug print {prints}");
            let mut text = render(output);
            for secret in &self.secrets {
                text = text.replace(secret, "***");
            }
            self.show(format_args!("{text}"));
        }
    }

    fn show(&mut self, text: std::fmt::Arguments) {
        let passed = self.now.since(self.step_began);
        let after = if passed > 0 {
            format!("+{passed} ")
        } else {
            String::new()
        };
        writeln!(self.trace, "    > {after}{text}").unwrap();
    }
}
