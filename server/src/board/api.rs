//! The REST API and the WebSocket route.

use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{FromRequestParts, Path, Query, State, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use everwire_server::Hub;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::faults::{FAULTS, Fault, Faults};
use super::service::{Author, Board};
use super::socket::SocketControl;
use super::store::Creation;
use super::task::{NewTask, Patch, Task, USERS};
use super::tokens::Tokens;

/// All that a route needs.
#[derive(Clone)]
pub struct App {
    pub hub: Hub,
    pub board: Board,
    pub tokens: Arc<Tokens>,
    pub faults: Faults,
}

/// The routes under `/api` and `/ws`.
pub fn routes(app: App) -> Router {
    let api = Router::new()
        .route("/config", get(config))
        .route("/token", post(token))
        .route("/tasks", get(list).post(create))
        .route("/tasks/{id}", patch(update).delete(delete))
        .route("/faults/{fault}", post(fault))
        .route("/stats", get(stats))
        .fallback(async || ApiError::NoRoute);
    Router::new()
        .nest("/api", api)
        .route("/ws/{user_id}", get(ws))
        .with_state(app)
}

/// The user a request acts for. A token, if there is one, must be that user's.
struct Actor(String);

impl FromRequestParts<App> for Actor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let user = parts
            .headers
            .get("x-user")
            .and_then(|user| user.to_str().ok())
            .filter(|user| USERS.contains(user))
            .ok_or(ApiError::UnknownUser)?;
        if let Some(authorization) = parts.headers.get(header::AUTHORIZATION) {
            authorization
                .to_str()
                .ok()
                .and_then(|value| value.strip_prefix("Bearer "))
                .and_then(|token| app.tokens.check(user, token).ok())
                .ok_or(ApiError::Unauthorized)?;
        }
        Ok(Self(user.to_owned()))
    }
}

async fn config() -> Json<Value> {
    Json(json!({
        "server": "rust",
        "auth": true,
        "users": USERS,
        "faults": FAULTS,
        "deliveries": ["plain", "reliable"],
        "counts": true,
    }))
}

#[derive(Deserialize)]
struct TokenRequest {
    user: String,
}

/// Anyone may be anyone: this is a demo.
async fn token(
    State(app): State<App>,
    Input(TokenRequest { user }): Input<TokenRequest>,
) -> Result<Json<Value>, ApiError> {
    if !USERS.contains(&user.as_str()) {
        return Err(ApiError::UnknownUser);
    }
    let token = app.tokens.issue(&user)?;
    let expires_ms = u64::try_from(app.tokens.lifetime().as_millis()).unwrap_or(u64::MAX);
    Ok(Json(json!({ "token": token, "expires_ms": expires_ms })))
}

async fn list(State(app): State<App>, Actor(user): Actor) -> Result<Json<Vec<Task>>, ApiError> {
    Ok(Json(app.board.list(user, Ok).await?))
}

async fn create(
    State(app): State<App>,
    Actor(user): Actor,
    Input(new): Input<NewTask>,
) -> Result<(StatusCode, Json<Task>), ApiError> {
    Ok(
        match app
            .board
            .create(app.hub, at_least_once(user), new, Ok)
            .await?
        {
            Creation::Created(task) => (StatusCode::CREATED, Json(task)),
            Creation::Known(task) => (StatusCode::OK, Json(task)),
        },
    )
}

async fn update(
    State(app): State<App>,
    Actor(user): Actor,
    TaskId(id): TaskId,
    Input(patch): Input<Patch>,
) -> Result<Json<Task>, ApiError> {
    Ok(Json(
        app.board
            .update(app.hub, at_least_once(user), id, patch, Ok)
            .await?,
    ))
}

async fn delete(
    State(app): State<App>,
    Actor(user): Actor,
    TaskId(id): TaskId,
) -> Result<StatusCode, ApiError> {
    app.board
        .delete(app.hub, at_least_once(user), id, Ok)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A request over HTTP may be repeated by whoever makes it.
fn at_least_once(user: String) -> Author {
    Author {
        user,
        delivery: None,
    }
}

#[derive(Default, Deserialize)]
struct Tab {
    #[serde(default)]
    tab: String,
}

async fn fault(
    State(app): State<App>,
    fault: Result<Path<Fault>, axum::extract::rejection::PathRejection>,
    Input(Tab { tab }): Input<Tab>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let Path(fault) = fault.map_err(|_| ApiError::NoRoute)?;
    let sockets = app.faults.make(fault, &tab);
    Ok((StatusCode::ACCEPTED, Json(json!({ "sockets": sockets }))))
}

async fn stats(State(app): State<App>) -> Json<Value> {
    let stats = app.hub.stats();
    Json(json!({ "connections": stats.connections, "users": stats.users }))
}

async fn ws(
    State(app): State<App>,
    Path(user): Path<String>,
    tab: Result<Query<Tab>, axum::extract::rejection::QueryRejection>,
    ConnectInfo(socket): ConnectInfo<SocketControl>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let Query(Tab { tab }) = tab?;
    if app.faults.refuses(&tab) {
        return Err(ApiError::Refused);
    }
    app.faults.attach(tab, socket);
    Ok(app.hub.connect(user, &headers, upgrade).into_response())
}

/// A JSON body whose rejection is an [`ApiError`].
struct Input<T>(T);

impl<T, S> axum::extract::FromRequest<S> for Input<T>
where
    Json<T>: axum::extract::FromRequest<S, Rejection = axum::extract::rejection::JsonRejection>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, ApiError> {
        let Json(input) = Json::<T>::from_request(request, state).await?;
        Ok(Self(input))
    }
}

/// The task id in the path.
struct TaskId(i64);

impl<S: Send + Sync> FromRequestParts<S> for TaskId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(id) = Path::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}
