//! Ten thousand clients lose one server at the same moment: do they come back spread out?

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use everwire::Config;
use everwire::proto::{
    CloseFrame, Connection, Input, Instant, OpenFailure, Output, SocketEvent, SocketId,
};

use crate::dice::Dice;

const CLIENTS: usize = 10_000;
/// The share of all clients, in percent, that any window may see from the third retry on.
const AT_MOST: f64 = 5.0;
const WINDOW: u64 = 100;
const LOST_AT: u64 = 60_000;
/// A handshake, there and back. The same for all: different ones would only help.
const HANDSHAKE: u64 = 20;

/// How the server is away.
#[derive(Clone, Copy, Debug)]
enum Away {
    /// Every handshake fails at once.
    Refuses,
    /// No handshake ends before the client gives up.
    Hangs,
}

struct Client {
    connection: Connection<()>,
    retries: u32,
}

struct Storm {
    clients: Vec<Client>,
    /// When which client has what to do: a timer, or the end of a handshake.
    queue: BinaryHeap<Reverse<(u64, usize, Option<SocketId>)>>,
    away: Away,
    back_at: u64,
    /// When a retry began, and the how manieth in a row it was.
    retries: Vec<(u64, u32)>,
}

#[test]
fn from_the_third_retry_on_no_tenth_of_a_second_sees_more_than_a_twentieth_of_the_clients() {
    let mut worst = 0.0_f64;
    for away in [Away::Refuses, Away::Hangs] {
        for away_for in [1_000, 3_000, 10_000, 30_000, 120_000] {
            let mut storm = Storm::new(away, away_for);
            storm.lose_all(1006);
            storm.calm_down();
            let share = worst_share(&storm.retries, 3);
            println!("{away:?} for {away_for} ms: {share:.2} % in the worst {WINDOW} ms");
            worst = worst.max(share);
        }
    }
    println!(
        "from the third retry on, the worst {WINDOW} ms see {worst:.2} % of {CLIENTS} clients"
    );
    assert!(worst <= AT_MOST, "{worst:.2} %");
}

#[test]
fn a_restart_that_was_announced_brings_them_back_spread_over_ten_seconds() {
    let mut worst = 0.0_f64;
    for away_for in [0, 3_000, 30_000] {
        let mut storm = Storm::new(Away::Refuses, away_for);
        storm.lose_all(1012);
        storm.calm_down();
        worst = worst.max(worst_share(&storm.retries, 1));
    }
    println!("after a 1012, the worst {WINDOW} ms see {worst:.2} % of {CLIENTS} clients");
    assert!(worst <= AT_MOST, "{worst:.2} %");
}

impl Storm {
    /// All clients open, for long enough to have forgotten how they got there.
    fn new(away: Away, away_for: u64) -> Self {
        let mut dice = Dice::new(20_260);
        let clients = (0..CLIENTS).map(|_| Client::open(dice.roll())).collect();
        Self {
            clients,
            queue: BinaryHeap::new(),
            away,
            back_at: LOST_AT + away_for,
            retries: Vec::new(),
        }
    }

    fn lose_all(&mut self, code: u16) {
        for client in 0..CLIENTS {
            let frame = CloseFrame {
                code,
                reason: String::new(),
            };
            let closed = SocketEvent::Closed(frame, None);
            self.input(LOST_AT, client, Input::Socket(SocketId(1), closed));
        }
    }

    /// Runs until every client is open again.
    fn calm_down(&mut self) {
        let mut away = CLIENTS;
        while let Some(Reverse((now, client, handshake))) = self.queue.pop() {
            let input = match handshake {
                None => Input::Timeout,
                Some(socket) if now - HANDSHAKE >= self.back_at => {
                    away -= 1;
                    Input::Socket(socket, SocketEvent::Opened)
                }
                Some(socket) => Input::Socket(socket, SocketEvent::Failed(OpenFailure::Other)),
            };
            self.input(now, client, input);
            if away == 0 {
                return;
            }
        }
        panic!("{away} clients never came back");
    }

    fn input(&mut self, now: u64, client: usize, input: Input) {
        let at = Instant::from_millis(now);
        let Client {
            connection,
            retries,
        } = &mut self.clients[client];
        connection.handle_input(at, input);
        let mut opens = None;
        while let Some(output) = connection.poll_output() {
            if let Output::Open { socket, .. } = output {
                *retries += 1;
                self.retries.push((now, *retries));
                opens = Some(socket);
            }
        }
        let is_back = now >= self.back_at;
        let answered = opens.filter(|_| is_back || matches!(self.away, Away::Refuses));
        if let Some(socket) = answered {
            self.queue
                .push(Reverse((now + HANDSHAKE, client, Some(socket))));
        } else if connection.status() != everwire::proto::Status::Open
            && let Some((at, _)) = connection.poll_timeout()
        {
            self.queue.push(Reverse((at.as_millis(), client, None)));
        }
    }
}

impl Client {
    fn open(seed: u64) -> Self {
        let at = Instant::from_millis;
        let mut connection =
            Connection::new(Config::new("ws://host/ws"), u128::from(seed), at(0)).unwrap();
        connection.connect(at(0));
        connection.handle_input(at(0), Input::Socket(SocketId(1), SocketEvent::Opened));
        connection.handle_input(at(LOST_AT - 1), Input::Timeout);
        while connection.poll_output().is_some() {}
        Self {
            connection,
            retries: 0,
        }
    }
}

/// The largest share of the clients, in percent, that begins a retry within one window, from retry `first` on.
fn worst_share(retries: &[(u64, u32)], first: u32) -> f64 {
    let late = retries.iter().filter(|(_, number)| *number >= first);
    let mut times: Vec<u64> = late.map(|(at, _)| *at).collect();
    times.sort_unstable();
    let mut begin = 0;
    let mut most = 0;
    for (end, at) in times.iter().enumerate() {
        while times[begin] + WINDOW <= *at {
            begin += 1;
        }
        most = most.max(end + 1 - begin);
    }
    100.0 * most as f64 / CLIENTS as f64
}
