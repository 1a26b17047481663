//! Errors of the REST API: `{"error":{"code","message"}}` with a fitting status.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::service::BoardError;
use super::store::StoreError;

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("Send X-User with one of ann, ben, cleo.")]
    UnknownUser,
    #[error("The token is wrong or expired: ask for a fresh one.")]
    Unauthorized,
    #[error("{0}")]
    Json(#[from] JsonRejection),
    #[error("{0}")]
    Path(#[from] PathRejection),
    #[error("{0}")]
    Query(#[from] QueryRejection),
    #[error("There is no such route or fault.")]
    NoRoute,
    #[error("This tab is refused for some seconds: come back later.")]
    Refused,
    #[error("The server failed: try again.")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Board(#[from] BoardError),
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownUser | Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Json(rejection) => rejection.status(),
            Self::Path(rejection) => rejection.status(),
            Self::Query(rejection) => rejection.status(),
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::Refused => StatusCode::SERVICE_UNAVAILABLE,
            Self::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Board(error) => board_status(error),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UnknownUser => "unknown-user",
            Self::Unauthorized => "unauthorized",
            Self::Json(_) => "invalid-data",
            Self::Path(_) | Self::Query(_) => "invalid-url",
            Self::NoRoute => "no-route",
            Self::Refused => "refused",
            Self::Random(_) => "internal",
            Self::Board(error) => error.code(),
        }
    }
}

fn board_status(error: &BoardError) -> StatusCode {
    match error {
        BoardError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        BoardError::Store(StoreError::NotFound(_)) => StatusCode::NOT_FOUND,
        BoardError::Store(StoreError::Forbidden(_)) => StatusCode::FORBIDDEN,
        BoardError::Store(StoreError::Full) => StatusCode::CONFLICT,
        BoardError::Store(StoreError::Fenced | StoreError::Sqlite(_))
        | BoardError::Message(_)
        | BoardError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() && !matches!(self, Self::Refused) {
            tracing::error!(error = ?self, "a request failed");
        }
        let error = json!({ "code": self.code(), "message": self.to_string() });
        (status, Json(json!({ "error": error }))).into_response()
    }
}
