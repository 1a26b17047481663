//! One open connection through the proxy, and what its faults do to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::fault::{Ending, Toward};
use crate::frame::{Frame, Splitter, Writer};
use crate::lane::Lane;
use crate::proxy::Shared;

/// A cut waits so long for something to cut in two.
const CUT_LIMIT: Duration = Duration::from_millis(50);

/// A fault of the next frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FrameFault {
    Drop,
    Late,
    Twice,
    Carry,
    Rewrite(String, Value),
}

impl FrameFault {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Drop => "F13-drop",
            Self::Late => "F14-late",
            Self::Twice => "F15-twice",
            Self::Carry => "F16-carry",
            Self::Rewrite(..) => "F18-rewrite",
        }
    }
}

/// A connection between a client and the server.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) to_server: Lane,
    pub(crate) to_client: Lane,
    cut: CancellationToken,
    resets: AtomicBool,
}

impl Link {
    pub(crate) fn new() -> Self {
        let cut = CancellationToken::new();
        Self {
            to_server: Lane::new(Writer::Client, cut.clone()),
            to_client: Lane::new(Writer::Server, cut.clone()),
            cut,
            resets: AtomicBool::new(false),
        }
    }

    pub(crate) fn lanes(&self, toward: Toward) -> impl Iterator<Item = &Lane> {
        let to_server = toward.server().then_some(&self.to_server);
        let to_client = toward.client().then_some(&self.to_client);
        to_server.into_iter().chain(to_client)
    }

    /// Cuts what is written next in two, each way after the given part of it, and then the connection.
    pub(crate) fn cut(self: &Arc<Self>, ending: Ending, [to_server, to_client]: [f64; 2]) {
        self.resets
            .store(ending == Ending::Reset, Ordering::Relaxed);
        self.to_server.cut_after(to_server);
        self.to_client.cut_after(to_client);
        let link = Arc::clone(self);
        tokio::spawn(async move {
            sleep(CUT_LIMIT).await;
            link.cut.cancel();
        });
    }

    /// Cuts the connection at once.
    pub(crate) fn cut_now(&self) {
        self.resets.store(true, Ordering::Relaxed);
        self.cut.cancel();
    }

    /// Cuts the connection once nothing came for `after`, if that is before `until`.
    pub(crate) fn cut_when_idle(self: &Arc<Self>, after: Duration, until: Instant) {
        let link = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(link) = link.upgrade() {
                let idle_at = link.last_frame() + after;
                if idle_at > until {
                    return;
                }
                if idle_at <= Instant::now() {
                    return link.cut_now();
                }
                drop(link);
                sleep_until(idle_at).await;
            }
        });
    }

    fn last_frame(&self) -> Instant {
        self.to_server.last_read().max(self.to_client.last_read())
    }

    /// Writes a close frame to the client, and nothing after it. Whether there was room for it.
    pub(crate) fn close(&self, code: u16, reason: &str) -> bool {
        self.to_client.mute();
        self.to_client
            .inject(Frame::close(Writer::Server, code, reason))
    }

    /// Passes bytes until the connection ends. The splitters hold what was read already.
    pub(crate) async fn run(
        &self,
        shared: &Arc<Shared>,
        (mut client, from_client): (TcpStream, Splitter),
        (mut server, from_server): (TcpStream, Splitter),
    ) {
        let (client_reader, client_writer) = client.split();
        let (server_reader, server_writer) = server.split();
        let to_server = self.to_server.run(
            shared,
            client_reader,
            from_client,
            server_writer,
            self.to_client.source_ended(),
        );
        let to_client = self.to_client.run(
            shared,
            server_reader,
            from_server,
            client_writer,
            self.to_server.source_ended(),
        );
        tokio::select! {
            _ = async { tokio::join!(to_server, to_client) } => {}
            () = self.cut.cancelled() => {}
        }
        if self.resets.load(Ordering::Relaxed) {
            for stream in [&client, &server] {
                // A stream that is gone already needs no reset.
                let _ = stream.set_zero_linger();
            }
        }
    }
}
