//! `everwire-proxy --server 127.0.0.1:8080 [--listen ADDRESS] [--control ADDRESS] [--seed N]`
//!
//! Prints `{"listen":"…","control":"…"}` once it listens.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use everwire_proxy::{Proxy, control};
use lexopt::prelude::*;
use serde_json::json;
use tokio::net::TcpListener;

struct Options {
    server: SocketAddr,
    listen: SocketAddr,
    control: SocketAddr,
    seed: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = parse()?;
    let proxy = Proxy::start(options.listen, options.server, options.seed).await?;
    let listener = TcpListener::bind(options.control).await?;
    let addresses = json!({ "listen": proxy.address(), "control": listener.local_addr()? });
    println!("{addresses}");
    axum::serve(listener, control::routes(proxy)).await?;
    Ok(())
}

fn parse() -> Result<Options> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut server = None;
    let (mut listen, mut control, mut seed) = (any, any, 1);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("server") => server = Some(parser.value()?.parse()?),
            Long("listen") => listen = parser.value()?.parse()?,
            Long("control") => control = parser.value()?.parse()?,
            Long("seed") => seed = parser.value()?.parse()?,
            Short(_) | Long(_) | Value(_) => return Err(argument.unexpected().into()),
        }
    }
    Ok(Options {
        server: server.context("--server names the server to pass to, as in 127.0.0.1:8080")?,
        listen,
        control,
        seed,
    })
}
