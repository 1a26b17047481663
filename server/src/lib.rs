//! A Hub for axum.
