//! A WebSocket that stays up, for the browser.
