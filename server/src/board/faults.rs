//! Faults on request, so that anyone can watch a client recover. They belong to a browser tab, which names itself
//! when it opens its socket.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Notify;

use super::socket::SocketControl;

const STALL: Duration = Duration::from_secs(15);
const REFUSE: Duration = Duration::from_secs(10);

/// A fault that a page can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Cuts the tab's sockets without a close frame.
    Drop,
    /// Reads and writes nothing on the tab's sockets for 15 s, while TCP stays up.
    Stall,
    /// Cuts them, and refuses the tab's handshakes with 503 for 10 s.
    Refuse,
    /// Closes all sockets with 1012, stops listening for 2 s, and comes back.
    Restart,
}

/// The names of all faults, for `/api/config`.
pub const FAULTS: [&str; 4] = ["drop", "stall", "refuse", "restart"];

/// Makes faults. Clones are handles of the same faults.
#[derive(Clone, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Default)]
struct Inner {
    tabs: Mutex<Tabs>,
    restart: Notify,
}

#[derive(Default)]
struct Tabs {
    sockets: HashMap<String, Vec<SocketControl>>,
    refused: HashMap<String, Instant>,
}

impl Faults {
    /// Notes a socket of `tab`.
    pub fn attach(&self, tab: String, socket: SocketControl) {
        let mut tabs = self.lock();
        tabs.forget_gone();
        tabs.sockets.entry(tab).or_default().push(socket);
    }

    /// Whether the tab's handshakes are to be refused now.
    pub fn refuses(&self, tab: &str) -> bool {
        let tabs = self.lock();
        tabs.refused
            .get(tab)
            .is_some_and(|until| Instant::now() < *until)
    }

    /// Makes a fault and says how many sockets it met.
    pub fn make(&self, fault: Fault, tab: &str) -> usize {
        let sockets = self.sockets(tab);
        match fault {
            Fault::Drop => sockets.iter().for_each(SocketControl::cut),
            Fault::Stall => stall(sockets.clone()),
            Fault::Refuse => {
                let until = Instant::now() + REFUSE;
                self.lock().refused.insert(tab.to_owned(), until);
                sockets.iter().for_each(SocketControl::cut);
            }
            Fault::Restart => self.0.restart.notify_one(),
        }
        sockets.len()
    }

    /// Resolves when a restart was asked for.
    pub async fn restart(&self) {
        self.0.restart.notified().await;
    }

    fn sockets(&self, tab: &str) -> Vec<SocketControl> {
        let mut tabs = self.lock();
        tabs.forget_gone();
        tabs.sockets.get(tab).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Tabs> {
        self.0.tabs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tabs {
    fn forget_gone(&mut self) {
        let now = Instant::now();
        self.refused.retain(|_, until| now < *until);
        self.sockets.retain(|_, sockets| {
            sockets.retain(|socket| !socket.is_orphan());
            !sockets.is_empty()
        });
    }
}

fn stall(sockets: Vec<SocketControl>) {
    sockets.iter().for_each(SocketControl::stall);
    tokio::spawn(async move {
        tokio::time::sleep(STALL).await;
        sockets.iter().for_each(SocketControl::resume);
    });
}
