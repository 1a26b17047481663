//! The proxy: it listens, takes connections and hands faults to them.

use std::io;
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::counts::{Counter, Counts};
use crate::fault::{Fault, Toward};
use crate::frame::{Frame, Writer};
use crate::handshake::{self, HandshakeFault};
use crate::link::{FrameFault, Link};
use crate::shape::Shape;

/// A proxy that runs until dropped.
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: CancellationToken,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) counter: Counter,
    state: Mutex<State>,
    /// Somebody is to be refused.
    refusal: Notify,
}

#[derive(Debug)]
struct State {
    refused_until: Instant,
    handshakes: Vec<HandshakeFault>,
    held_sessions: Vec<Duration>,
    flaps: Vec<Duration>,
    shape: Option<(Shape, Instant)>,
    kept_to_server: Vec<Frame>,
    kept_to_client: Vec<Frame>,
    links: Vec<Weak<Link>>,
    random: fastrand::Rng,
}

impl Proxy {
    /// Listens at `address`, and passes to `server` what it takes there. The seed decides where cuts fall.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(address: SocketAddr, server: SocketAddr, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(seed));
        let stop = CancellationToken::new();
        let accepting = accept(Arc::clone(&shared), listener, server);
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = accepting => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Self {
            shared,
            address,
            stop,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen and done.
    pub fn counts(&self) -> Counts {
        self.shared.counter.now()
    }

    /// How many WebSocket connections are open.
    pub fn open(&self) -> usize {
        self.shared.links().len()
    }

    /// Makes a fault, and says how many open connections it met. 0 of a fault of handshakes or of the network, which
    /// meets those to come.
    pub fn make(&self, fault: &Fault) -> usize {
        self.shared.make(fault)
    }

    /// Lets go of what is held, and forgets the faults that have met nobody yet.
    pub fn heal(&self) {
        self.shared.heal();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
        for link in self.shared.links() {
            link.cut_now();
        }
    }
}

impl Shared {
    fn new(seed: u64) -> Self {
        Self {
            counter: Counter::default(),
            refusal: Notify::new(),
            state: Mutex::new(State {
                refused_until: Instant::now(),
                handshakes: Vec::new(),
                held_sessions: Vec::new(),
                flaps: Vec::new(),
                shape: None,
                kept_to_server: Vec::new(),
                kept_to_client: Vec::new(),
                links: Vec::new(),
                random: fastrand::Rng::with_seed(seed),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> Vec<Arc<Link>> {
        let mut state = self.state();
        state.links.retain(|link| link.strong_count() > 0);
        state.links.iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn shape(&self) -> Shape {
        match self.state().shape {
            Some((shape, until)) if Instant::now() < until => shape,
            _ => Shape::default(),
        }
    }

    pub(crate) fn count_frame(&self, writer: Writer) {
        self.counter.add(|counts| match writer {
            Writer::Client => counts.frames_to_server += 1,
            Writer::Server => counts.frames_to_client += 1,
        });
    }

    pub(crate) fn next_handshake_fault(&self) -> Option<HandshakeFault> {
        let mut state = self.state();
        (!state.handshakes.is_empty()).then(|| state.handshakes.remove(0))
    }

    /// Keeps a frame for the next connection.
    pub(crate) fn keep(&self, writer: Writer, frame: Frame) {
        let mut state = self.state();
        match writer {
            Writer::Client => state.kept_to_server.push(frame),
            Writer::Server => state.kept_to_client.push(frame),
        }
    }

    fn make(&self, fault: &Fault) -> usize {
        if self.make_ahead(fault) {
            return 0;
        }
        let links = self.links();
        let met = links.iter().filter(|link| self.meets(link, fault)).count();
        // The faults of frames are counted by the frame that they meet.
        if frame_fault(fault).is_none() {
            for _ in 0..met {
                self.counter.fault(fault.name());
            }
        }
        met
    }

    /// Faults that meet what comes. Whether it is one of them.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the other faults are made elsewhere, and a new one shows in its test"
    )]
    fn make_ahead(&self, fault: &Fault) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        match *fault {
            Fault::Refuse { ms } => {
                state.refused_until = now + Duration::from_millis(ms);
                self.counter.fault(fault.name());
                self.refusal.notify_one();
            }
            Fault::Reset { times } => state.meet_handshakes(HandshakeFault::Reset, times),
            Fault::Status { code, times } => {
                state.meet_handshakes(HandshakeFault::Status(code), times);
            }
            Fault::Silent { times } => state.meet_handshakes(HandshakeFault::Silent, times),
            Fault::HoldSession { ms, times } => {
                let more = (0..times).map(|_| Duration::from_millis(ms));
                state.held_sessions.extend(more);
            }
            Fault::Flap { times, within_ms } => {
                for _ in 0..times {
                    let after = state.random.u64(0..=within_ms);
                    state.flaps.push(Duration::from_millis(after));
                }
            }
            Fault::Shape {
                latency_ms,
                jitter_ms,
                bytes_per_second,
                slice,
                ms,
            } => {
                let shape = Shape {
                    latency: Duration::from_millis(latency_ms),
                    jitter: Duration::from_millis(jitter_ms),
                    bytes_per_second: NonZeroU64::new(bytes_per_second),
                    slice: NonZeroUsize::new(slice),
                };
                state.shape = Some((shape, now + Duration::from_millis(ms)));
                self.counter.fault(fault.name());
            }
            _ => return false,
        }
        true
    }

    /// Makes a fault on one connection. Whether it could.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the other faults are made elsewhere, and a new one shows in its test"
    )]
    fn meets(&self, link: &Arc<Link>, fault: &Fault) -> bool {
        match fault {
            Fault::Cut { ending } => {
                let mut state = self.state();
                link.cut(*ending, [state.random.f64(), state.random.f64()]);
            }
            Fault::BlackHole { toward } => link.lanes(*toward).for_each(|lane| lane.swallow()),
            Fault::Close { code, reason } => return link.close(*code, reason),
            Fault::CloseUnanswered => {
                link.lanes(Toward::Both)
                    .for_each(|lane| lane.ignore_closes());
            }
            Fault::Hold { toward, ms } => link
                .lanes(*toward)
                .for_each(|lane| lane.hold(Duration::from_millis(*ms))),
            Fault::Idle { after_ms, ms } => link.cut_when_idle(
                Duration::from_millis(*after_ms),
                Instant::now() + Duration::from_millis(*ms),
            ),
            Fault::Inject { toward, garbage } => {
                return link
                    .lanes(*toward)
                    .all(|lane| lane.inject(Frame::garbage(lane.writer, *garbage)));
            }
            other => {
                if let Some((toward, fault)) = frame_fault(other) {
                    link.lanes(toward).for_each(|lane| lane.meet(fault.clone()));
                }
            }
        }
        true
    }

    fn heal(&self) {
        let mut state = self.state();
        state.refused_until = Instant::now();
        state.handshakes.clear();
        state.held_sessions.clear();
        state.flaps.clear();
        state.shape = None;
        drop(state);
        for link in self.links() {
            link.lanes(Toward::Both).for_each(|lane| lane.release());
        }
    }

    /// Takes up a connection that is open, with the faults that wait for it.
    fn admit(&self, link: &Arc<Link>) {
        self.counter.add(|counts| counts.opened += 1);
        let mut state = self.state();
        state.links.push(Arc::downgrade(link));
        for frame in state.kept_to_server.drain(..) {
            link.to_server.carry(frame);
        }
        for frame in state.kept_to_client.drain(..) {
            link.to_client.carry(frame);
        }
        if let Some(time) = state.held_sessions.pop() {
            self.counter.fault("F29-hold-session");
            link.to_client.hold(time);
        }
        if let Some(after) = state.flaps.pop() {
            self.counter.fault("F11-flap");
            let link = Arc::downgrade(link);
            tokio::spawn(async move {
                sleep(after).await;
                if let Some(link) = link.upgrade() {
                    link.cut_now();
                }
            });
        }
    }
}

impl State {
    fn meet_handshakes(&mut self, fault: HandshakeFault, times: u32) {
        self.handshakes.extend((0..times).map(|_| fault));
    }
}

/// The fault of the next frame that `fault` stands for, if it is one.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the other faults are made elsewhere, and a new one shows in its test"
)]
fn frame_fault(fault: &Fault) -> Option<(Toward, FrameFault)> {
    match fault {
        Fault::Drop { toward } => Some((*toward, FrameFault::Drop)),
        Fault::Late { toward } => Some((*toward, FrameFault::Late)),
        Fault::Twice { toward } => Some((*toward, FrameFault::Twice)),
        Fault::Carry { toward } => Some((*toward, FrameFault::Carry)),
        Fault::Rewrite {
            toward,
            field,
            value,
        } => Some((*toward, FrameFault::Rewrite(field.clone(), value.clone()))),
        _ => None,
    }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener, server: SocketAddr) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut listener = Some(listener);
    loop {
        let until = shared.state().refused_until;
        if Instant::now() < until {
            // Nobody listens: the kernel itself refuses.
            listener = None;
            sleep_until(until).await;
        }
        let Some(open) = &listener else {
            match TcpListener::bind(address).await {
                Ok(bound) => listener = Some(bound),
                // Another program took the port meanwhile; it may give it back.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
            continue;
        };
        tokio::select! {
            accepted = open.accept() => {
                if let Ok((client, _)) = accepted {
                    tokio::spawn(serve(Arc::clone(&shared), client, server));
                }
            }
            () = shared.refusal.notified() => {}
        }
    }
}

async fn serve(shared: Arc<Shared>, client: TcpStream, server: SocketAddr) {
    shared.counter.add(|counts| counts.accepted += 1);
    // Small frames must not wait for each other longer than a fault asks for.
    let _ = client.set_nodelay(true);
    let Ok(Some(opened)) = handshake::open(&shared, client, server).await else {
        return;
    };
    let link = Arc::new(Link::new());
    if opened.is_websocket {
        shared.admit(&link);
    }
    link.run(&shared, opened.client, opened.server).await;
}
