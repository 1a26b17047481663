//! What happens to a connection until it is open: the faults of handshakes, and the way to the server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::frame::Splitter;
use crate::proxy::Shared;

/// More is no head of a request or an answer.
const HEAD_BYTES: usize = 16 * 1024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A fault of one handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeFault {
    Reset,
    Status(u16),
    Silent,
}

impl HandshakeFault {
    fn name(self) -> &'static str {
        match self {
            Self::Reset => "F2-reset",
            Self::Status(_) => "F3-status",
            Self::Silent => "F4-silent",
        }
    }
}

/// Both ends of a connection, and what was read of each beyond its head.
pub(crate) struct Opened {
    pub(crate) client: (TcpStream, Splitter),
    pub(crate) server: (TcpStream, Splitter),
    /// It is one of WebSocket frames.
    pub(crate) is_websocket: bool,
}

/// Opens the way to the server, unless the connection has its fault here.
pub(crate) async fn open(
    shared: &Arc<Shared>,
    mut client: TcpStream,
    server: SocketAddr,
) -> io::Result<Option<Opened>> {
    if let Some(fault) = shared.next_handshake_fault() {
        shared.counter.fault(fault.name());
        suffer(fault, client).await?;
        return Ok(None);
    }
    let Some((head, rest)) = read_head(&mut client).await? else {
        return Ok(None);
    };
    let Ok(mut upstream) = TcpStream::connect(server).await else {
        shared.counter.add(|counts| counts.unreachable += 1);
        client.set_zero_linger()?;
        return Ok(None);
    };
    upstream.set_nodelay(true)?;
    upstream.write_all(&without_extensions(&head)).await?;
    let Some((answer, early)) = read_head(&mut upstream).await? else {
        return Ok(None);
    };
    client.write_all(&answer).await?;
    let is_websocket = answer.starts_with(b"HTTP/1.1 101");
    let splitter = |bytes: &[u8]| {
        let mut splitter = Splitter::new(is_websocket);
        splitter.push(bytes);
        splitter
    };
    Ok(Some(Opened {
        client: (client, splitter(&rest)),
        server: (upstream, splitter(&early)),
        is_websocket,
    }))
}

async fn suffer(fault: HandshakeFault, mut client: TcpStream) -> io::Result<()> {
    match fault {
        HandshakeFault::Reset => client.set_zero_linger(),
        HandshakeFault::Status(code) => {
            read_head(&mut client).await?;
            let answer =
                format!("HTTP/1.1 {code} Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            client.write_all(answer.as_bytes()).await?;
            client.shutdown().await
        }
        HandshakeFault::Silent => {
            let mut buffer = [0; 1024];
            while client.read(&mut buffer).await? > 0 {}
            Ok(())
        }
    }
}

/// Reads until the empty line: the head, and what came after it. `None` if the peer hung up or talks no HTTP.
async fn read_head(stream: &mut TcpStream) -> io::Result<Option<(Vec<u8>, Vec<u8>)>> {
    let mut head = Vec::new();
    while head.len() < HEAD_BYTES {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(None);
        }
        let end = head
            .windows(END_OF_HEAD.len())
            .position(|window| window == END_OF_HEAD);
        if let Some(end) = end {
            let rest = head.split_off(end + END_OF_HEAD.len());
            return Ok(Some((head, rest)));
        }
    }
    Ok(None)
}

/// Compressed frames could not be read, so the server never learns that the client would take them.
fn without_extensions(head: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"sec-websocket-extensions:";
    let is_kept = |line: &&[u8]| {
        !line
            .get(..NAME.len())
            .is_some_and(|name| name.eq_ignore_ascii_case(NAME))
    };
    head.split_inclusive(|byte| *byte == b'\n')
        .filter(is_kept)
        .flatten()
        .copied()
        .collect()
}
