//! A recording of all that goes into a connection and comes out of it, without payloads and secrets. It can be run again:
//! `docs/trace.md` describes the format, and `tests/replay` runs it.

mod inputs;
mod line;
mod outputs;
mod recording;
mod secrets;
mod settings;
mod store;

use alloc::string::String;

use crate::config::Settings;
use crate::error::ErrorCode;
use crate::proto::{
    Answer, Connection, Input, Instant, Loaded, MessageId, Outgoing, Output, SendError, State,
    Stats, Status, Timer,
};
use line::Line;
use recording::Recording;
use secrets::Secrets;

pub use line::kebab;
pub use recording::VERSION;

/// A [`Connection`] that records itself. Its methods are those of the connection, and say there what they do.
#[derive(Debug)]
pub struct Traced<P> {
    connection: Connection<P>,
    recording: Recording,
    secrets: Secrets,
    /// The latest time that was handed in.
    now: Instant,
    /// What was armed when the outputs were last all taken.
    armed: Option<(Instant, Timer)>,
    /// Whether all outputs were taken. What comes before that comes from a handler.
    is_drained: bool,
}

impl<P: Clone> Traced<P> {
    /// See [`Connection::unchecked`]. Half of the seed is recorded, from which the pace of attempts comes. The other half
    /// serves to name the client to the server together with it, and changes nothing else.
    pub fn unchecked(config: impl Into<Settings>, seed: u128, now: Instant) -> Self {
        let config = config.into();
        let mut secrets = Secrets::default();
        let begin = settings::begin(&config, &mut secrets, seed as u64, now);
        Self {
            connection: Connection::unchecked(config, seed, now),
            recording: Recording::new(begin),
            secrets,
            now,
            armed: None,
            is_drained: true,
        }
    }

    /// The recording as one JSON object, its steps on a line each.
    pub fn trace(&self) -> String {
        self.recording.to_json(self.is_drained)
    }

    /// The steps from the first on, each ended by a newline, as far as they are kept.
    pub fn steps(&self) -> &str {
        self.recording.steps()
    }

    /// What stands behind `#number`: a run from a recording has secrets of its own.
    pub fn secret(&self, number: usize) -> Option<&str> {
        self.secrets.get(number)
    }

    /// See [`Connection::connect`].
    pub fn connect(&mut self, now: Instant) {
        self.command(now, |line| line.word("do", "connect"));
        self.connection.connect(now);
    }

    /// See [`Connection::reconnect`].
    pub fn reconnect(&mut self, now: Instant) {
        self.command(now, |line| line.word("do", "reconnect"));
        self.connection.reconnect(now);
    }

    /// See [`Connection::close`].
    ///
    /// # Errors
    /// Those of the connection.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), ErrorCode> {
        self.command(self.now, |line| {
            line.word("do", "close")
                .number("code", code)
                .word("reason", inputs::short(reason))
        });
        let result = self.connection.close(code, reason);
        self.refused(result.err());
        result
    }

    /// See [`Connection::send`].
    ///
    /// # Errors
    /// Those of the connection.
    pub fn send(&mut self, now: Instant, message: Outgoing<P>) -> Result<MessageId, SendError<P>> {
        self.command(now, |line| {
            let line = line
                .word("do", "send")
                .number("bytes", message.bytes)
                .maybe("ttl", message.ttl_ms);
            match message.answer {
                Answer::No => line,
                Answer::Within(ms) => line.flag("request").maybe("timeout", ms),
            }
        });
        let result = self.connection.send(now, message);
        match &result {
            Ok(id) => self.recording.push(Line::new().number("id", id.0)),
            Err(error) => self.refused(Some(error.code)),
        }
        result
    }

    /// See [`Connection::send_volatile`].
    ///
    /// # Errors
    /// Those of the connection.
    pub fn send_volatile(
        &mut self,
        now: Instant,
        payload: P,
        bytes: u32,
    ) -> Result<(), SendError<P>> {
        self.command(now, |line| {
            line.word("do", "volatile").number("bytes", bytes)
        });
        let result = self.connection.send_volatile(now, payload, bytes);
        self.refused(result.as_ref().err().map(|error| error.code));
        result
    }

    /// See [`Connection::withdraw`].
    pub fn withdraw(&mut self, id: MessageId) {
        self.command(self.now, |line| {
            line.word("do", "withdraw").number("id", id.0)
        });
        self.connection.withdraw(id);
    }

    /// See [`Connection::handled`].
    pub fn handled(&mut self, now: Instant, position: u64) {
        self.command(now, |line| {
            line.word("do", "handled").number("position", position)
        });
        self.connection.handled(now, position);
    }

    /// See [`Connection::restored`].
    pub fn restored(&mut self, now: Instant, wall_ms: u64, loaded: Loaded<P>) {
        let loads = store::loaded(&loaded, &mut self.secrets);
        self.command(now, |line| {
            line.word("do", "restored")
                .number("wall", wall_ms)
                .raw("loaded", &loads)
        });
        self.connection.restored(now, wall_ms, loaded);
    }

    /// See [`Connection::handle_input`].
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        let line = self.begin(now);
        let line = inputs::input(line, &input, &mut self.secrets);
        self.recording.push(line);
        self.connection.handle_input(now, input);
    }

    /// See [`Connection::poll_output`].
    pub fn poll_output(&mut self) -> Option<Output<P>> {
        let output = self.connection.poll_output();
        if let Some(output) = &output {
            let line = outputs::output(output, &mut self.secrets);
            self.recording.push(line);
        } else {
            self.is_drained = true;
            self.record_timer();
        }
        output
    }

    /// See [`Connection::poll_timeout`].
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.connection.poll_timeout()
    }

    /// See [`Connection::state`].
    pub fn state(&self) -> &State {
        self.connection.state()
    }

    /// See [`Connection::status`].
    pub fn status(&self) -> Status {
        self.connection.status()
    }

    /// See [`Connection::next_id`].
    pub fn next_id(&self) -> MessageId {
        self.connection.next_id()
    }

    /// See [`Connection::stats`].
    pub fn stats(&self, now: Instant) -> Stats {
        self.connection.stats(now)
    }

    fn command(&mut self, now: Instant, describe: impl FnOnce(Line) -> Line) {
        let line = describe(self.begin(now));
        self.recording.push(line);
    }

    fn begin(&mut self, now: Instant) -> Line {
        self.now = now;
        let line = Line::new().number("t", now.as_millis());
        match core::mem::take(&mut self.is_drained) {
            true => line,
            false => line.flag("within"),
        }
    }

    fn refused(&mut self, code: Option<ErrorCode>) {
        if let Some(code) = code {
            self.recording
                .push(Line::new().word("refused", code.as_str()));
        }
    }

    /// The deadline, if it is another one than before.
    fn record_timer(&mut self) {
        let armed = self.connection.poll_timeout();
        if armed == core::mem::replace(&mut self.armed, armed) {
            return;
        }
        let line = Line::new();
        let line = match armed {
            Some((at, timer)) => line.case("wait", timer).number("until", at.as_millis()),
            None => line.word("wait", "nothing"),
        };
        self.recording.push(line);
    }
}
