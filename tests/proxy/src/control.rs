//! The HTTP control endpoint, which tests in other languages use.
//!
//! - `POST /faults` with a [`Fault`] makes it and answers `{"met":n}`, the open connections that it met.
//! - `POST /schedule` with `{"seed":1,"mix":"cuts"|"network"|"frames"|"garbage"}` begins a schedule;
//!   `POST /schedule/next` makes its next fault and answers `{"fault":{…},"met":n}`.
//! - `POST /heal` lets go of what is held, and forgets the faults that have met nobody yet.
//! - `GET /counts` answers [`Counts`](crate::Counts) and `{"open":n}`.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::proxy::Proxy;
use crate::schedule::{Mix, Schedule};

/// A schedule to begin.
#[derive(Deserialize)]
struct Begin {
    seed: u64,
    mix: Mix,
}

struct Controlled {
    proxy: Proxy,
    schedule: Mutex<Option<Schedule>>,
}

type Shared = State<Arc<Controlled>>;

/// The routes that control `proxy`, which ends with them.
pub fn routes(proxy: Proxy) -> Router {
    let controlled = Controlled {
        proxy,
        schedule: Mutex::new(None),
    };
    Router::new()
        .route("/faults", post(make))
        .route("/schedule", post(begin))
        .route("/schedule/next", post(next))
        .route("/heal", post(heal))
        .route("/counts", get(counts))
        .with_state(Arc::new(controlled))
}

async fn make(State(shared): Shared, Json(fault): Json<Fault>) -> Json<Value> {
    Json(json!({ "met": shared.proxy.make(&fault) }))
}

async fn begin(State(shared): Shared, Json(Begin { seed, mix }): Json<Begin>) {
    *shared
        .schedule
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = Some(Schedule::new(seed, mix));
}

async fn next(State(shared): Shared) -> Result<Json<Value>, StatusCode> {
    let mut schedule = shared
        .schedule
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let fault = schedule
        .as_mut()
        .and_then(Schedule::next)
        .ok_or(StatusCode::CONFLICT)?;
    let met = shared.proxy.make(&fault);
    Ok(Json(json!({ "fault": fault, "met": met })))
}

async fn heal(State(shared): Shared) {
    shared.proxy.heal();
}

async fn counts(State(shared): Shared) -> Json<Value> {
    let mut counts = json!(shared.proxy.counts());
    if let Some(fields) = counts.as_object_mut() {
        fields.insert("open".to_owned(), shared.proxy.open().into());
    }
    Json(counts)
}
