//! Each fault, between a client and a server that answers every message with itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test fails by panicking"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use everwire_proxy::{Ending, Fault, Garbage, Proxy, Toward};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_async, connect_async};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Long enough for anything local, short enough to wait for what must not come.
const MOMENT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A server that answers every message with itself, and reports what it got and when a socket ended.
struct Scene {
    proxy: Proxy,
    heard: mpsc::UnboundedReceiver<String>,
}

impl Scene {
    async fn new() -> Self {
        let listener = TcpListener::bind(ANY).await.unwrap();
        let server = listener.local_addr().unwrap();
        let (report, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, report.clone()));
            }
        });
        let proxy = Proxy::start(ANY, server, 7).await.unwrap();
        Self { proxy, heard }
    }

    async fn try_connect(&self) -> Result<Client, Error> {
        let url = format!("ws://{}/ws", self.proxy.address());
        connect_async(url).await.map(|(client, _)| client)
    }

    async fn connect(&self) -> Client {
        let mut client = self.try_connect().await.unwrap();
        say(&mut client, "hello").await;
        assert_eq!(hear(&mut client).await, "hello");
        client
    }

    fn count(&self, fault: &str) -> u64 {
        let counts = self.proxy.counts();
        counts.faults.get(fault).copied().unwrap_or_default()
    }

    async fn heard(&mut self) -> String {
        timeout(LONG, self.heard.recv()).await.unwrap().unwrap()
    }
}

async fn answer(stream: TcpStream, report: mpsc::UnboundedSender<String>) {
    let Ok(mut socket) = accept_async(stream).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Text(text) = &message {
            let _ = report.send(text.to_string());
            if socket.send(message).await.is_err() {
                break;
            }
        }
    }
    let _ = report.send("(ended)".to_owned());
}

async fn say(client: &mut Client, text: &str) {
    client.send(Message::text(text)).await.unwrap();
}

/// The next text, or how it ended.
async fn hear(client: &mut Client) -> String {
    timeout(LONG, next(client)).await.expect("nothing came")
}

async fn next(client: &mut Client) -> String {
    loop {
        match client.next().await {
            None => return "(end)".to_owned(),
            Some(Ok(Message::Text(text))) => return text.to_string(),
            Some(Ok(Message::Close(frame))) => {
                return format!("(close {:?})", frame.map(|frame| u16::from(frame.code)));
            }
            Some(Ok(Message::Binary(_))) => return "(binary)".to_owned(),
            Some(Ok(_)) => {}
            Some(Err(Error::Utf8(_))) => return "(utf8)".to_owned(),
            Some(Err(_)) => return "(end)".to_owned(),
        }
    }
}

async fn is_silent(client: &mut Client) -> bool {
    timeout(MOMENT, next(client)).await.is_err()
}

#[tokio::test]
async fn everything_passes_and_is_counted() {
    let scene = Scene::new().await;
    let mut client = scene.connect().await;
    let long = "x".repeat(300_000);
    say(&mut client, &long).await;
    assert_eq!(hear(&mut client).await, long);
    client.close(None).await.unwrap();
    assert_eq!(hear(&mut client).await, "(close None)");
    let counts = scene.proxy.counts();
    let seen = [
        counts.opened,
        counts.frames_to_server,
        counts.frames_to_client,
    ];
    assert_eq!(seen, [1, 2, 2]);
    assert!(counts.faults.is_empty());
}

#[tokio::test]
async fn f1_nobody_listens_for_a_while() {
    let scene = Scene::new().await;
    let mut open = scene.connect().await;
    scene.proxy.make(&Fault::Refuse { ms: 400 });
    let started = Instant::now();
    let mut refused = 0;
    while scene.try_connect().await.is_err() {
        refused += 1;
        assert!(started.elapsed() < LONG);
        tokio::task::yield_now().await;
    }
    assert!(refused > 0);
    say(&mut open, "still here").await;
    assert_eq!(hear(&mut open).await, "still here");
}

#[tokio::test]
async fn f2_f3_f4_a_handshake_goes_wrong_as_often_as_asked() {
    let scene = Scene::new().await;
    scene.proxy.make(&Fault::Reset { times: 1 });
    assert!(matches!(scene.try_connect().await, Err(Error::Io(_))));
    for code in [403, 426, 502, 503] {
        scene.proxy.make(&Fault::Status { code, times: 1 });
        match scene.try_connect().await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), code),
            other => panic!("{other:?}"),
        }
    }
    scene.proxy.make(&Fault::Silent { times: 1 });
    assert!(timeout(MOMENT, scene.try_connect()).await.is_err());
    scene.connect().await;
    let counted = ["F2-reset", "F3-status", "F4-silent"].map(|name| scene.count(name));
    assert_eq!(counted, [1, 4, 1]);
}

#[tokio::test]
async fn f5_a_cut_delivers_a_part_and_no_close_frame() {
    for ending in [Ending::Reset, Ending::End] {
        let mut scene = Scene::new().await;
        let mut client = scene.connect().await;
        assert_eq!(scene.heard().await, "hello");
        assert_eq!(scene.proxy.make(&Fault::Cut { ending }), 1);
        say(&mut client, &"cut in two".repeat(100)).await;
        assert_eq!(hear(&mut client).await, "(end)");
        assert_eq!(scene.heard().await, "(ended)");
        assert_eq!(scene.count("F5-cut"), 1);
    }
}

#[tokio::test]
async fn f5_a_silent_connection_is_cut_too() {
    let scene = Scene::new().await;
    let mut client = scene.connect().await;
    scene.proxy.make(&Fault::Cut {
        ending: Ending::Reset,
    });
    assert_eq!(hear(&mut client).await, "(end)");
    assert_eq!(scene.proxy.open(), 0);
}

#[tokio::test]
async fn f6_a_black_hole_hides_even_the_end() {
    let mut scene = Scene::new().await;
    let mut client = scene.connect().await;
    assert_eq!(scene.heard().await, "hello");
    let toward = Toward::Server;
    scene.proxy.make(&Fault::BlackHole { toward });
    say(&mut client, "lost").await;
    drop(client);
    assert!(timeout(MOMENT, scene.heard.recv()).await.is_err());

    let mut client = scene.connect().await;
    assert_eq!(scene.heard().await, "hello");
    let toward = Toward::Client;
    scene.proxy.make(&Fault::BlackHole { toward });
    say(&mut client, "heard").await;
    assert_eq!(scene.heard().await, "heard");
    assert!(is_silent(&mut client).await);
}

#[tokio::test]
async fn f7_a_close_frame_of_any_code_ends_what_is_said() {
    let scene = Scene::new().await;
    let long = "x".repeat(123);
    for (code, reason, seen) in [
        (1005, "", "(close None)"),
        (4410, "", "(close Some(4410))"),
        (1012, long.as_str(), "(close Some(1012))"),
    ] {
        let mut client = scene.connect().await;
        let reason = reason.to_owned();
        scene.proxy.make(&Fault::Close { code, reason });
        assert_eq!(hear(&mut client).await, seen);
        assert_eq!(hear(&mut client).await, "(end)");
    }
    assert_eq!(scene.count("F7-close"), 3);
}

#[tokio::test]
async fn f8_a_close_is_never_answered() {
    let mut scene = Scene::new().await;
    let mut client = scene.connect().await;
    assert_eq!(scene.heard().await, "hello");
    scene.proxy.make(&Fault::CloseUnanswered);
    client.send(Message::Close(None)).await.unwrap();
    assert!(is_silent(&mut client).await);
    assert!(scene.heard.try_recv().is_err());
}

#[tokio::test]
async fn f9_what_was_held_arrives_after_its_sender_has_gone() {
    let mut scene = Scene::new().await;
    let mut old = scene.connect().await;
    assert_eq!(scene.heard().await, "hello");
    scene.proxy.make(&Fault::Hold {
        toward: Toward::Both,
        ms: 400,
    });
    say(&mut old, "late").await;
    drop(old);
    let mut new = scene.try_connect().await.unwrap();
    say(&mut new, "early").await;
    let heard = [
        scene.heard().await,
        scene.heard().await,
        scene.heard().await,
    ];
    assert_eq!(heard, ["early", "late", "(ended)"]);
}

#[tokio::test]
async fn f10_a_slow_network_delivers_everything_later() {
    let scene = Scene::new().await;
    let mut client = scene.connect().await;
    scene.proxy.make(&Fault::Shape {
        latency_ms: 60,
        jitter_ms: 20,
        bytes_per_second: 20_000,
        slice: 7,
        ms: 60_000,
    });
    let text = "x".repeat(2_000);
    let started = Instant::now();
    say(&mut client, &text).await;
    assert_eq!(hear(&mut client).await, text);
    // Twice the latency, and twice 2,000 bytes at 20,000 a second.
    assert!(started.elapsed() >= Duration::from_millis(320));
    scene.proxy.heal();
    say(&mut client, "fast").await;
    assert_eq!(hear(&mut client).await, "fast");
}

#[tokio::test]
async fn f11_f12_connections_are_cut_young_and_idle() {
    let scene = Scene::new().await;
    scene.proxy.make(&Fault::Flap {
        times: 1,
        within_ms: 100,
    });
    let mut young = scene.try_connect().await.unwrap();
    assert_eq!(hear(&mut young).await, "(end)");
    let mut idle = scene.connect().await;
    scene.proxy.make(&Fault::Idle {
        after_ms: 200,
        ms: 60_000,
    });
    assert_eq!(hear(&mut idle).await, "(end)");
    assert_eq!([scene.count("F11-flap"), scene.count("F12-idle")], [1, 1]);
}

#[tokio::test]
async fn f13_to_f16_the_next_frame_is_lost_late_twice_or_carried_over() {
    for (fault, seen) in [
        (
            Fault::Drop {
                toward: Toward::Server,
            },
            &["two", "three"][..],
        ),
        (
            Fault::Late {
                toward: Toward::Server,
            },
            &["two", "one", "three"],
        ),
        (
            Fault::Twice {
                toward: Toward::Client,
            },
            &["one", "one", "two", "three"],
        ),
        (
            Fault::Carry {
                toward: Toward::Server,
            },
            &["two", "three"],
        ),
    ] {
        let scene = Scene::new().await;
        let mut client = scene.connect().await;
        scene.proxy.make(&fault);
        for text in ["one", "two", "three"] {
            say(&mut client, text).await;
        }
        for text in seen {
            assert_eq!(hear(&mut client).await, *text, "{fault:?}");
        }
        assert!(is_silent(&mut client).await, "{fault:?}");
        let mut next = scene.connect().await;
        if matches!(fault, Fault::Carry { .. }) {
            assert_eq!(hear(&mut next).await, "one");
        }
        assert!(is_silent(&mut next).await, "{fault:?}");
    }
}

#[tokio::test]
async fn f17_frames_that_nobody_wrote_arrive() {
    for (garbage, seen) in [
        (Garbage::Text, r#"{"type": nonsense"#),
        (Garbage::InvalidUtf8, "(utf8)"),
        (Garbage::Binary, "(binary)"),
    ] {
        let scene = Scene::new().await;
        let mut client = scene.connect().await;
        let toward = Toward::Client;
        assert_eq!(scene.proxy.make(&Fault::Inject { toward, garbage }), 1);
        assert_eq!(hear(&mut client).await, seen);
    }
    let mut scene = Scene::new().await;
    let _client = scene.connect().await;
    let toward = Toward::Server;
    let garbage = Garbage::Deep;
    scene.proxy.make(&Fault::Inject { toward, garbage });
    assert_eq!(scene.heard().await, "hello");
    assert_eq!(scene.heard().await.len(), 10_000);
}

#[tokio::test]
async fn f18_a_field_is_rewritten_where_it_is_found_first() {
    let scene = Scene::new().await;
    let mut client = scene.connect().await;
    scene.proxy.make(&Fault::Rewrite {
        toward: Toward::Client,
        field: "seq".to_owned(),
        value: 0.into(),
    });
    for (said, seen) in [
        (r#"{"type":"a"}"#, r#"{"type":"a"}"#),
        (r#"[{"seq":3}]"#, r#"[{"seq":0}]"#),
        (r#"[{"seq":4}]"#, r#"[{"seq":4}]"#),
    ] {
        say(&mut client, said).await;
        assert_eq!(hear(&mut client).await, seen);
    }
    assert_eq!(scene.count("F18-rewrite"), 1);
}

#[tokio::test]
async fn f29_what_follows_the_handshake_comes_late() {
    let scene = Scene::new().await;
    scene.proxy.make(&Fault::HoldSession { ms: 400, times: 1 });
    let started = Instant::now();
    scene.connect().await;
    assert!(started.elapsed() >= Duration::from_millis(400));
    let started = Instant::now();
    scene.connect().await;
    assert!(started.elapsed() < Duration::from_millis(400));
}
