//! The control endpoint, as tests in other languages use it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::net::{Ipv4Addr, SocketAddr};

use everwire_proxy::schedule::{Mix, Schedule};
use everwire_proxy::{Proxy, control};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

async fn start() -> SocketAddr {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let proxy = Proxy::start(any, any, 1).await.unwrap();
    let listener = TcpListener::bind(any).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, control::routes(proxy)).into_future());
    address
}

/// The status and the JSON of the answer, `null` if it has none.
async fn ask(address: SocketAddr, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn faults_are_made_counted_and_refused_if_unknown() {
    let address = start().await;
    let refuse = json!({ "fault": "refuse", "ms": 0 });
    assert_eq!(
        ask(address, "POST", "/faults", &refuse).await,
        (200, json!({ "met": 0 }))
    );
    let cut = json!({ "fault": "cut", "ending": "reset" });
    assert_eq!(
        ask(address, "POST", "/faults", &cut).await,
        (200, json!({ "met": 0 }))
    );
    let unknown = json!({ "fault": "sunspots" });
    assert_eq!(ask(address, "POST", "/faults", &unknown).await.0, 422);
    let (_, counts) = ask(address, "GET", "/counts", &Value::Null).await;
    assert_eq!(counts["faults"], json!({ "F1-refuse": 1 }));
    assert_eq!(counts["open"], 0);
    assert_eq!(ask(address, "POST", "/heal", &Value::Null).await.0, 200);
}

#[tokio::test]
async fn a_schedule_is_begun_and_followed() {
    let address = start().await;
    assert_eq!(
        ask(address, "POST", "/schedule/next", &Value::Null).await.0,
        409
    );
    let begin = json!({ "seed": 5, "mix": "network" });
    assert_eq!(ask(address, "POST", "/schedule", &begin).await.0, 200);
    for fault in Schedule::new(5, Mix::Network).take(5) {
        let (status, answer) = ask(address, "POST", "/schedule/next", &Value::Null).await;
        assert_eq!((status, &answer["fault"]), (200, &json!(fault)));
    }
}

#[test]
fn the_same_seed_makes_the_same_faults() {
    for mix in [Mix::Cuts, Mix::Network, Mix::Frames, Mix::Garbage] {
        let of = |seed| Schedule::new(seed, mix).take(50).collect::<Vec<_>>();
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
    }
}
