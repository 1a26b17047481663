//! Running other programs: progress while they run, their output kept, nothing left behind.
//!
//! Every program gets a process group of its own, so that a browser started by a driver started by a
//! test runner started by cargo ends with it.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// How often a wait looks up.
const TICK: Duration = Duration::from_millis(100);
/// How long a program may take to end when asked to.
const GRACE: Duration = Duration::from_secs(5);
/// How often a line says that a program still runs where there is no terminal to rewrite.
const REMINDER: Duration = Duration::from_secs(30);
/// What takes no longer than this is not worth a line.
const MOMENT: Duration = Duration::from_secs(1);
/// Lines of a failed program's output that are shown.
const TAIL_LINES: usize = 120;

static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());
static STOPPING: AtomicBool = AtomicBool::new(false);

/// What is shown of a program while it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The elapsed time and the last line of output.
    Progress,
    /// Every line of output.
    Stream,
}

/// A program's end.
pub struct Finished {
    /// It exited with 0.
    pub success: bool,
    /// Standard output and standard error, interleaved as written.
    pub output: String,
    /// From start to end.
    pub elapsed: Duration,
}

impl Finished {
    /// The last lines of the output, indented.
    pub fn tail(&self) -> String {
        let lines: Vec<&str> = self.output.lines().collect();
        let shown = lines.iter().skip(lines.len().saturating_sub(TAIL_LINES));
        shown.map(|line| format!("    {line}\n")).collect()
    }
}

/// Ends every running program and then this one, with `code`, when a signal asks for it.
///
/// # Errors
/// When the handler cannot be installed.
pub fn stop_all_on_interrupt(code: i32) -> Result<()> {
    ctrlc::set_handler(move || {
        STOPPING.store(true, Ordering::SeqCst);
        let running = groups().clone();
        for group in &running {
            signal(*group, Signal::SIGTERM);
        }
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && running.iter().any(|group| still_runs(*group)) {
            thread::sleep(TICK);
        }
        for group in &running {
            signal(*group, Signal::SIGKILL);
        }
        std::process::exit(code);
    })
    .context("installing the Ctrl-C handler")
}

/// Runs `command` to its end and fails when it fails. `usual` tells how long that takes, for example `"3 min"`.
/// What takes only a moment is not mentioned.
///
/// # Errors
/// When the program cannot be started, fails, or takes longer than `limit`.
pub fn run(label: &str, usual: &str, command: &mut Command, limit: Duration) -> Result<Finished> {
    let mut progress = Progress::new(label, View::Progress);
    progress.announcement = Some(format!("  {label} (usually {usual})"));
    let finished = follow(progress, command, limit)?;
    ensure!(finished.success, "{label} failed:\n{}", finished.tail());
    if finished.elapsed > MOMENT {
        println!("  {label}: done in {}", human(finished.elapsed));
    }
    Ok(finished)
}

/// Runs `command` to its end, whatever that is, killing it when it takes longer than `limit`.
///
/// # Errors
/// When the program cannot be started.
pub fn watch(label: &str, command: &mut Command, view: View, limit: Duration) -> Result<Finished> {
    follow(Progress::new(label, view), command, limit)
}

fn follow(mut progress: Progress, command: &mut Command, limit: Duration) -> Result<Finished> {
    let started = progress.started;
    let (mut running, lines) = Running::start_piped(command)?;
    let mut output = String::new();
    let mut on_time = true;
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                progress.line(&line);
                output.push_str(&line);
                output.push('\n');
            }
            Err(RecvTimeoutError::Disconnected) => break,
            // A daemon that outlives the program may hold the pipe open.
            Err(RecvTimeoutError::Timeout) if running.has_ended() => break,
            Err(RecvTimeoutError::Timeout) => progress.tick(),
        }
        if on_time && started.elapsed() > limit {
            on_time = false;
            output.push_str(&format!("stopped: still running after {}\n", human(limit)));
            running.stop();
        }
    }
    let success = running.wait()?;
    drop(running);
    progress.clear();
    Ok(Finished {
        success: on_time && success,
        output,
        elapsed: started.elapsed(),
    })
}

/// A program that runs beside this one until dropped.
pub struct Running {
    child: Child,
    group: i32,
}

impl Running {
    /// Starts `command` with whatever standard streams it has been given.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        wait_here_if_stopping();
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        let group = i32::try_from(child.id())?;
        groups().insert(group);
        Ok(Self { child, group })
    }

    fn start_piped(command: &mut Command) -> Result<(Self, Receiver<String>)> {
        let (reader, writer) = io::pipe()?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let running = Self::start(command);
        // The command keeps the pipe's writing ends; the reader sees the end of output once they are gone.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
                let text = String::from_utf8_lossy(&line).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        Ok((running?, lines))
    }

    /// Waits for the end and tells whether it was a success.
    ///
    /// # Errors
    /// When the program cannot be waited for.
    pub fn wait(&mut self) -> Result<bool> {
        let status = self.child.wait();
        wait_here_if_stopping();
        Ok(status?.success())
    }

    /// Whether the program has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks the program and all it started to end, and makes them after [`GRACE`].
    pub fn stop(&mut self) {
        signal(self.group, Signal::SIGTERM);
        let deadline = Instant::now() + GRACE;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(TICK);
        }
        signal(self.group, Signal::SIGKILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended() {
            signal(self.group, Signal::SIGKILL);
        } else {
            self.stop();
        }
        // Reaping can only fail for a child that is gone already.
        drop(self.child.wait());
        groups().remove(&self.group);
    }
}

/// Writes a duration as people say it.
pub fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 60 {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// What a wait shows: one line rewritten on a terminal, a line now and then elsewhere.
struct Progress<'a> {
    label: &'a str,
    view: View,
    terminal: bool,
    started: Instant,
    shown: Instant,
    last_line: String,
    /// Said once the wait is longer than a moment.
    announcement: Option<String>,
}

impl<'a> Progress<'a> {
    fn new(label: &'a str, view: View) -> Self {
        let started = Instant::now();
        Self {
            label,
            view,
            terminal: io::stdout().is_terminal(),
            started,
            shown: started,
            last_line: String::new(),
            announcement: None,
        }
    }

    fn line(&mut self, line: &str) {
        match self.view {
            View::Stream => println!("    {line}"),
            View::Progress => {
                if line.contains(char::is_alphanumeric) {
                    self.last_line = line.trim().chars().take(60).collect();
                }
                self.tick();
            }
        }
    }

    fn tick(&mut self) {
        if self.started.elapsed() > MOMENT
            && let Some(announcement) = self.announcement.take()
        {
            println!("{announcement}");
        }
        let every = if self.terminal { TICK } else { REMINDER };
        let quiet = self.view == View::Stream || self.announcement.is_some();
        if quiet || self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let elapsed = self.started.elapsed().as_secs();
        let text = format!("  … {} {elapsed} s  {}", self.label, self.last_line);
        if self.terminal {
            print!("\r\x1b[K{text}");
            // A terminal that cannot be flushed has nobody watching.
            drop(io::stdout().flush());
        } else {
            println!("{text}");
        }
    }

    fn clear(&self) {
        if self.terminal && self.view == View::Progress {
            print!("\r\x1b[K");
        }
    }
}

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signal(group: i32, signal: Signal) {
    let _already_gone = killpg(Pid::from_raw(group), signal);
}

/// Whether the program that leads `group` has not ended yet.
fn still_runs(group: i32) -> bool {
    waitpid(Pid::from_raw(group), Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive)
}

/// Once the handler runs, nothing else may start or report: it ends this program.
fn wait_here_if_stopping() {
    while STOPPING.load(Ordering::SeqCst) {
        thread::park();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Finished {
        let mut command = Command::new("sh");
        watch("test", command.args(["-c", script]), View::Progress, limit).unwrap()
    }

    #[test]
    fn both_streams_are_kept_in_order_and_the_exit_code_is_seen() {
        let finished = shell("echo a; echo b >&2; exit 3", Duration::from_secs(60));
        assert_eq!(finished.output, "a\nb\n");
        assert!(!finished.success);
    }

    #[test]
    fn a_program_over_its_limit_ends_with_all_it_started() {
        let finished = shell("sleep 600 & echo $!; wait", Duration::from_millis(300));
        assert!(!finished.success);
        let started = finished.output.lines().next().unwrap().parse().unwrap();
        let deadline = Instant::now() + GRACE;
        // Init reaps it in its own time.
        while nix::sys::signal::kill(Pid::from_raw(started), None).is_ok() {
            assert!(Instant::now() < deadline, "{started} still runs");
            thread::sleep(TICK);
        }
    }

    #[test]
    fn a_daemon_that_keeps_the_output_open_does_not_hold_the_end_up() {
        let finished = shell("setsid sleep 30 & echo done", Duration::from_secs(60));
        assert!(finished.success);
        assert!(finished.elapsed < Duration::from_secs(20));
    }
}
