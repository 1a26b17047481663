//! One direction of a connection: a reader that makes the faults of frames, and a writer that makes those of bytes.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::frame::{Frame, Piece, Splitter, Writer};
use crate::link::FrameFault;
use crate::proxy::Shared;

const READ_BYTES: usize = 16 * 1024;
/// What waits between reader and writer. Once it is full the sender feels it, as with a real network.
const PIECES: usize = 256;

/// What the writer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Passing,
    HeldUntil(Instant),
    Swallowing,
}

/// Makes faults on one direction.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) writer: Writer,
    flow: watch::Sender<Flow>,
    pieces: mpsc::Sender<Packet>,
    incoming: Mutex<Option<mpsc::Receiver<Packet>>>,
    plan: Mutex<Plan>,
    /// The source has no more to say.
    source_ended: CancellationToken,
    /// Of the whole connection.
    cut: CancellationToken,
}

#[derive(Debug)]
struct Plan {
    last_read: Instant,
    /// For the frames to come, one each.
    faults: Vec<FrameFault>,
    /// Waits for the frame after it.
    late: Option<Frame>,
    /// From an older connection.
    carried: Option<Frame>,
    deaf_to_close: bool,
    /// The source is read and not heard.
    muted: bool,
    /// The part of the next bytes that still arrives before the cut.
    cut_after: Option<f64>,
}

#[derive(Debug)]
struct Packet {
    bytes: Vec<u8>,
    arrived: Instant,
}

impl Lane {
    pub(crate) fn new(writer: Writer, cut: CancellationToken) -> Self {
        let (pieces, incoming) = mpsc::channel(PIECES);
        Self {
            writer,
            flow: watch::Sender::new(Flow::Passing),
            pieces,
            incoming: Mutex::new(Some(incoming)),
            plan: Mutex::new(Plan {
                last_read: Instant::now(),
                faults: Vec::new(),
                late: None,
                carried: None,
                deaf_to_close: false,
                muted: false,
                cut_after: None,
            }),
            source_ended: CancellationToken::new(),
            cut,
        }
    }

    pub(crate) fn hold(&self, time: Duration) {
        self.change(Flow::HeldUntil(Instant::now() + time));
    }

    pub(crate) fn swallow(&self) {
        self.change(Flow::Swallowing);
    }

    /// A black hole has no way back.
    fn change(&self, to: Flow) {
        self.flow.send_if_modified(|flow| {
            let changes = *flow != Flow::Swallowing;
            if changes {
                *flow = to;
            }
            changes
        });
    }

    /// Lets go of what is held.
    pub(crate) fn release(&self) {
        self.change(Flow::Passing);
    }

    pub(crate) fn cut_after(&self, part: f64) {
        self.plan().cut_after = Some(part);
    }

    pub(crate) fn ignore_closes(&self) {
        self.plan().deaf_to_close = true;
    }

    pub(crate) fn meet(&self, fault: FrameFault) {
        self.plan().faults.push(fault);
    }

    pub(crate) fn carry(&self, frame: Frame) {
        self.plan().carried = Some(frame);
    }

    /// Lets nothing more of the source through but its end.
    pub(crate) fn mute(&self) {
        self.plan().muted = true;
    }

    /// Writes a frame of the proxy's own after those that are on their way. Whether there was room for it.
    pub(crate) fn inject(&self, frame: Frame) -> bool {
        let bytes = frame.into_bytes();
        let arrived = Instant::now();
        self.pieces.try_send(Packet { bytes, arrived }).is_ok()
    }

    /// When the source last said something.
    pub(crate) fn last_read(&self) -> Instant {
        self.plan().last_read
    }

    pub(crate) fn source_ended(&self) -> CancellationToken {
        self.source_ended.clone()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn push(&self, bytes: Vec<u8>) {
        let arrived = Instant::now();
        // The writer is gone: so is the peer.
        let _ = self.pieces.send(Packet { bytes, arrived }).await;
    }

    /// Passes bytes until the source ends or the destination is gone. `other_ended` is the destination's own end.
    pub(crate) async fn run(
        &self,
        shared: &Arc<Shared>,
        source: impl AsyncRead + Unpin,
        mut splitter: Splitter,
        destination: impl AsyncWrite + Unpin,
        other_ended: CancellationToken,
    ) {
        let incoming = self
            .incoming
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(incoming) = incoming else { return };
        let reading = async {
            self.read(shared, source, &mut splitter).await;
            self.source_ended.cancel();
            // Nothing to write is the sign of the end.
            self.push(Vec::new()).await;
        };
        let writing = self.write(shared, incoming, destination, other_ended);
        tokio::pin!(reading);
        tokio::pin!(writing);
        tokio::select! {
            () = &mut writing => {}
            () = &mut reading => writing.await,
        }
    }

    async fn read(
        &self,
        shared: &Shared,
        mut source: impl AsyncRead + Unpin,
        splitter: &mut Splitter,
    ) {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            while let Some(piece) = splitter.next() {
                match piece {
                    Piece::Frame(frame) => self.take_frame(shared, frame).await,
                    Piece::Raw(bytes) => self.push(bytes).await,
                }
            }
            match source.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(length) => splitter.push(buffer.get(..length).unwrap_or_default()),
            }
            self.plan().last_read = Instant::now();
        }
    }

    async fn take_frame(&self, shared: &Shared, frame: Frame) {
        let is_dropped = {
            let plan = self.plan();
            plan.muted || (plan.deaf_to_close && frame.is_close())
        };
        let written = if is_dropped {
            Vec::new()
        } else if frame.is_message() {
            shared.count_frame(self.writer);
            self.distort(shared, frame)
        } else {
            vec![frame]
        };
        for frame in written {
            self.push(frame.into_bytes()).await;
        }
    }

    /// What is written instead of `frame`.
    fn distort(&self, shared: &Shared, mut frame: Frame) -> Vec<Frame> {
        let mut plan = self.plan();
        let before = plan.late.take();
        let after = plan.carried.take();
        let fits = |fault: &FrameFault, frame: &mut Frame| match fault {
            FrameFault::Rewrite(field, value) => frame.rewrite(field, value),
            FrameFault::Drop | FrameFault::Late | FrameFault::Twice | FrameFault::Carry => true,
        };
        let at = plan.faults.iter().position(|fault| fits(fault, &mut frame));
        let fault = at.map(|at| plan.faults.remove(at));
        if let Some(fault) = &fault {
            shared.counter.fault(fault.name());
        }
        let this = match fault {
            None | Some(FrameFault::Rewrite(..)) => vec![frame],
            Some(FrameFault::Drop) => Vec::new(),
            Some(FrameFault::Late) => {
                plan.late = Some(frame);
                Vec::new()
            }
            Some(FrameFault::Twice) => vec![frame.clone(), frame],
            Some(FrameFault::Carry) => {
                shared.keep(self.writer, frame);
                Vec::new()
            }
        };
        this.into_iter().chain(before).chain(after).collect()
    }

    async fn write(
        &self,
        shared: &Shared,
        mut incoming: mpsc::Receiver<Packet>,
        mut destination: impl AsyncWrite + Unpin,
        other_ended: CancellationToken,
    ) {
        let mut due = Instant::now();
        let mut is_gone = false;
        while let Some(packet) = incoming.recv().await {
            due = due.max(packet.arrived + shared.shape().delay());
            // The timer would make a millisecond even of what is due already.
            if due > Instant::now() {
                sleep_until(due).await;
            }
            let is_swallowed = self.gate().await == Flow::Swallowing || is_gone;
            if packet.bytes.is_empty() {
                if is_swallowed || self.plan().deaf_to_close {
                    // The destination does not learn of the end; it has to find out by itself.
                    return other_ended.cancelled().await;
                }
                // One that is gone needs no goodbye.
                let _ = destination.shutdown().await;
                return;
            }
            if is_swallowed {
                continue;
            }
            let cut_after = self.plan().cut_after;
            if let Some(part) = cut_after {
                let length = (packet.bytes.len() as f64 * part) as usize;
                let rest = packet.bytes.get(..length).unwrap_or_default();
                let _ = destination.write_all(rest).await;
                return self.cut.cancel();
            }
            let written = write_shaped(shared, &mut destination, &packet.bytes).await;
            is_gone = written.is_err();
        }
    }

    /// Waits while everything is held.
    async fn gate(&self) -> Flow {
        let mut flow = self.flow.subscribe();
        loop {
            let now = *flow.borrow_and_update();
            let Flow::HeldUntil(until) = now else {
                return now;
            };
            tokio::select! {
                () = sleep_until(until) => self.flow.send_if_modified(|flow| {
                    let over = *flow == now;
                    if over {
                        *flow = Flow::Passing;
                    }
                    over
                }),
                changed = flow.changed() => changed.is_ok(),
            };
        }
    }
}

async fn write_shaped(
    shared: &Shared,
    destination: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
) -> std::io::Result<()> {
    let shape = shared.shape();
    for slice in bytes.chunks(shape.slice.map_or(usize::MAX, NonZeroUsize::get)) {
        destination.write_all(slice).await?;
        if let Some(pause) = shape.pause_after(slice.len()) {
            sleep(pause).await;
        } else if shape.slice.is_some() {
            // Lets the other side read what is there before more comes.
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
