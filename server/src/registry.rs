//! Who is connected: the authenticated sockets of each user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::connection::Connection;

/// The sockets of each user. It knows nothing of how a socket is run.
#[derive(Default)]
pub(crate) struct Registry {
    users: Mutex<HashMap<String, Vec<Connection>>>,
}

/// Keeps a connection registered until it is dropped.
pub(crate) struct Registration {
    registry: Arc<Registry>,
    connection: Connection,
}

impl Registry {
    /// Registers a connection, unless its user has `limit` open ones already.
    pub(crate) fn register(
        self: &Arc<Self>,
        connection: &Connection,
        limit: usize,
    ) -> Option<Registration> {
        let mut users = self.lock();
        let sockets = users.entry(connection.user().to_owned()).or_default();
        if sockets.iter().filter(|socket| socket.is_open()).count() >= limit {
            return None;
        }
        sockets.push(connection.clone());
        Some(Registration {
            registry: Arc::clone(self),
            connection: connection.clone(),
        })
    }

    /// Calls `visit` for each socket of `user`, and counts those for which it said yes.
    pub(crate) fn count_of_user(&self, user: &str, visit: impl Fn(&Connection) -> bool) -> usize {
        let users = self.lock();
        let sockets = users.get(user).map(Vec::as_slice).unwrap_or_default();
        sockets.iter().filter(|socket| visit(socket)).count()
    }

    /// Calls `visit` for each socket, and counts those for which it said yes.
    pub(crate) fn count_of_all(&self, visit: impl Fn(&Connection) -> bool) -> usize {
        let users = self.lock();
        users
            .values()
            .flatten()
            .filter(|socket| visit(socket))
            .count()
    }

    /// The users that have an open socket.
    pub(crate) fn users(&self) -> Vec<String> {
        let users = self.lock();
        let open = users
            .iter()
            .filter(|(_, sockets)| sockets.iter().any(Connection::is_open));
        open.map(|(user, _)| user.clone()).collect()
    }

    fn remove(&self, connection: &Connection) {
        let mut users = self.lock();
        if let Some(sockets) = users.get_mut(connection.user()) {
            sockets.retain(|socket| socket.id() != connection.id());
            if sockets.is_empty() {
                users.remove(connection.user());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<Connection>>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.registry.remove(&self.connection);
    }
}
