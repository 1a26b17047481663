//! TCP connections that can be cut and stalled from outside: the demo's faults are made here, below HTTP and
//! WebSocket, so that neither of them can soften a fault.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// What a connection does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Flowing,
    /// Neither reads nor writes; TCP stays up.
    Stalled,
    /// Gone without a close frame.
    Cut,
}

/// Makes faults on one TCP connection.
#[derive(Clone, Debug, Default)]
pub struct SocketControl(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    /// How many stalls are under way.
    stalls: u32,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl SocketControl {
    /// Resets the connection: nothing more is read or written.
    pub fn cut(&self) {
        let mut state = self.lock();
        state.mode = Mode::Cut;
        state.wake();
    }

    /// Stops reading and writing until as many calls of [`resume`](Self::resume) came.
    pub fn stall(&self) {
        let mut state = self.lock();
        state.stalls += 1;
        if state.mode == Mode::Flowing {
            state.mode = Mode::Stalled;
        }
    }

    /// Ends one stall.
    pub fn resume(&self) {
        let mut state = self.lock();
        state.stalls = state.stalls.saturating_sub(1);
        if state.mode == Mode::Stalled && state.stalls == 0 {
            state.mode = Mode::Flowing;
            state.wake();
        }
    }

    /// Whether only this handle is left: the connection is gone.
    pub fn is_orphan(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }
}

/// A TCP listener whose connections are [`ControlledStream`]s.
pub struct ControlledListener(pub TcpListener);

impl Listener for ControlledListener {
    type Io = ControlledStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // A board sends small messages that should not wait for each other.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let control = SocketControl::default();
        (ControlledStream { stream, control }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, ControlledListener>> for SocketControl {
    fn connect_info(stream: IncomingStream<'_, ControlledListener>) -> Self {
        stream.io().control.clone()
    }
}

/// A TCP connection that obeys its [`SocketControl`].
pub struct ControlledStream {
    stream: TcpStream,
    control: SocketControl,
}

impl ControlledStream {
    /// Ready if the connection may read and write now.
    fn poll_flowing(
        &self,
        context: &Context<'_>,
        waker: impl FnOnce(&mut State) -> &mut Option<Waker>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.control.lock();
        match state.mode {
            Mode::Flowing => Poll::Ready(Ok(())),
            Mode::Stalled => {
                *waker(&mut state) = Some(context.waker().clone());
                Poll::Pending
            }
            Mode::Cut => {
                drop(state);
                // The drop that follows sends a reset instead of an orderly end.
                Poll::Ready(self.stream.set_zero_linger().and(Err(cut())))
            }
        }
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "cut by a fault")
}

impl AsyncRead for ControlledStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_flowing(context, |state| &mut state.reader))?;
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_pending() {
            // A cut must wake a reader that waits for the peer.
            self.control.lock().reader = Some(context.waker().clone());
        }
        read
    }
}

impl AsyncWrite for ControlledStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_flowing(context, |state| &mut state.writer))?;
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        if written.is_pending() {
            self.control.lock().writer = Some(context.waker().clone());
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_flowing(context, |state| &mut state.writer))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_flowing(context, |state| &mut state.writer))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
