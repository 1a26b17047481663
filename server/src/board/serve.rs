//! Runs the server until a signal, through as many restarts as are asked for.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use everwire_server::{AuthError, Hub, HubConfig, Token};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::api::{App, routes};
use super::counts::Counts;
use super::faults::Faults;
use super::files::with_files;
use super::live::Live;
use super::options::{Database, Options};
use super::service::Board;
use super::sessions::BoardSessions;
use super::socket::{ControlledListener, SocketControl};
use super::store::{Store, StoreError};
use super::task::USERS;
use super::tokens::Tokens;

/// How long a restart keeps the port closed.
const RESTART_PAUSE: Duration = Duration::from_secs(2);

/// How long requests under way may take to end. The hub bounds its own end.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("{0} is in use: stop the other server, or choose another port with --port")]
    InUse(SocketAddr),
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    #[error("cannot open the database {0}: {1}; choose another file with --db, or --memory")]
    Database(String, rusqlite::Error),
    #[error("cannot wait for signals: {0}")]
    Signals(io::Error),
    #[error(transparent)]
    Store(StoreError),
}

/// Serves until SIGTERM or ctrl-c. `listening` is called once, with the address.
pub async fn serve(options: Options, listening: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let board = Board::new(open(&options.database)?);
    let tokens = Arc::new(Tokens::new(options.token_lifetime));
    let faults = Faults::default();
    let counts = Counts::default();
    tokio::spawn(counts.clone().run());
    let mut signals = Signals::new().map_err(ServeError::Signals)?;

    let mut listener = bind(SocketAddr::new(options.host, options.port)).await?;
    let address = listener
        .local_addr()
        .map_err(|error| ServeError::Listen(SocketAddr::new(options.host, options.port), error))?;
    listening(address);
    loop {
        let hub = hub(&options, &board, &counts, &tokens);
        let app = App {
            hub: hub.clone(),
            board: board.clone(),
            tokens: Arc::clone(&tokens),
            faults: faults.clone(),
        };
        let running = Running::start(listener, hub, app, &options);
        tokio::select! {
            () = signals.next() => {
                running.stop().await;
                return Ok(());
            }
            () = faults.restart() => {}
        }
        let back = Instant::now() + RESTART_PAUSE;
        // Sockets that do not answer the close frame end by themselves, beside the next server.
        let _ = timeout_at(back, tokio::spawn(running.stop())).await;
        tokio::select! {
            () = signals.next() => return Ok(()),
            () = sleep_until(back) => {}
        }
        listener = bind(address).await?;
        tracing::info!("listening again");
    }
}

fn open(database: &Database) -> Result<Store, ServeError> {
    let (opened, name) = match database {
        Database::File(path) => (Store::open(path), path.display().to_string()),
        Database::Memory => (Store::in_memory(), "in memory".to_owned()),
    };
    opened.map_err(|error| match error {
        StoreError::Sqlite(error) => ServeError::Database(name, error),
        other @ (StoreError::NotFound(_)
        | StoreError::Forbidden(_)
        | StoreError::Full
        | StoreError::Fenced) => ServeError::Store(other),
    })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|error| {
        if error.kind() == io::ErrorKind::AddrInUse {
            ServeError::InUse(address)
        } else {
            ServeError::Listen(address, error)
        }
    })
}

fn hub(options: &Options, board: &Board, counts: &Counts, tokens: &Arc<Tokens>) -> Hub {
    let config = HubConfig {
        origins: options.origins.clone(),
        ..HubConfig::default()
    };
    let tokens = Arc::clone(tokens);
    let check = move |user: String, token: Token| {
        let checked = if USERS.contains(&user.as_str()) {
            tokens.check(&user, token.as_str())
        } else {
            Err(AuthError::Forbidden)
        };
        std::future::ready(checked)
    };
    Hub::builder(config, Live::new(board.clone(), counts.clone()))
        .auth(check)
        .store(BoardSessions(board.clone()))
        .build()
}

/// A server between two restarts.
struct Running {
    hub: Hub,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<io::Result<()>>,
}

impl Running {
    fn start(listener: TcpListener, hub: Hub, app: App, options: &Options) -> Self {
        let stop = CancellationToken::new();
        let service =
            with_files(routes(app), options).into_make_service_with_connect_info::<SocketControl>();
        let server = axum::serve(ControlledListener(listener), service)
            .with_graceful_shutdown(stop.clone().cancelled_owned());
        let server = tokio::spawn(server.into_future());
        Self { hub, stop, server }
    }

    /// Stops listening at once, then ends sockets and requests in good order, within a bound.
    async fn stop(self) {
        self.stop.cancel();
        let requests = async {
            if timeout(SHUTDOWN_LIMIT, self.server).await.is_err() {
                tracing::warn!("gave up waiting for requests");
            }
        };
        tokio::join!(self.hub.shutdown(), requests);
    }
}

/// The signals that end the server.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        let interrupt = tokio::signal::ctrl_c();
        #[cfg(unix)]
        tokio::select! {
            _ = interrupt => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = interrupt.await;
    }
}
