//! Reliable delivery, step by step: what the simulation of both halves found once.

use everwire::proto::frames::{Beat, Control, Part, Resumed, Run, Session, Terms};
use everwire::proto::{
    CloseFrame, Connection, Content, Event, Frame, Head, Input, Instant, Loaded, MessageId,
    Outgoing, Output, PageEvent, Saved, SocketEvent, SocketId, StorageEvent, Store, Stored, Token,
    Transmit,
};
use everwire::{Config, Delivery, ErrorCode, Reliable};

const NOW: Instant = Instant::from_millis(1_000_000);
const WALL_MS: u64 = 1_700_000_000_000;

/// A page with its storage.
struct Page {
    connection: Connection<&'static str>,
    head: Option<Head>,
    stored: Vec<Stored<&'static str>>,
    socket: SocketId,
    events: Vec<Event<&'static str>>,
    written: Vec<String>,
}

impl Page {
    /// It has a session.
    fn open() -> Self {
        let mut page = Self::load(None, Vec::new());
        page.session(0);
        page
    }

    /// It waits for its session, with what an earlier page left.
    fn load(head: Option<Head>, stored: Vec<Stored<&'static str>>) -> Self {
        let mut config = Config::new("ws://host/ws");
        config.delivery = Delivery::Reliable(Reliable::default());
        let mut page = Self {
            connection: Connection::new(config, 7, NOW).unwrap(),
            head,
            stored,
            socket: SocketId::default(),
            events: Vec::new(),
            written: Vec::new(),
        };
        page.connection.connect(NOW);
        page.drain();
        page
    }

    fn session(&mut self, got: u64) {
        self.session_after(None, got);
    }

    /// The server says which opening came before.
    fn session_after(&mut self, prior: Option<u64>, got: u64) {
        self.socket_event(SocketEvent::Accepted);
        let terms = Terms {
            max_frame: 64 << 10,
            ..Terms::default()
        };
        self.control(Control::Session(Box::new(Session {
            sid: "s".to_owned(),
            key: Token::new("k"),
            epoch: "e".to_owned(),
            user: "u".to_owned(),
            resumed: Resumed::Fresh,
            got,
            rx: Some(got),
            errs: Vec::new(),
            maybe: None,
            prior,
            from: 1,
            terms,
        })));
    }

    fn control(&mut self, control: Control) {
        self.parts(vec![Part::Control(control)]);
    }

    fn parts(&mut self, parts: Vec<Part>) {
        let content = Content::Batch(parts);
        self.socket_event(SocketEvent::Frame(Frame { bytes: 40, content }));
    }

    fn socket_event(&mut self, event: SocketEvent) {
        self.input(Input::Socket(self.socket, event));
    }

    fn cut(&mut self) {
        let frame = CloseFrame {
            code: 1006,
            reason: String::new(),
        };
        self.socket_event(SocketEvent::Closed(frame, None));
    }

    fn input(&mut self, input: Input) {
        self.connection.handle_input(NOW, input);
        self.drain();
    }

    fn send(&mut self, message: Outgoing<&'static str>) -> MessageId {
        let id = self.connection.send(NOW, message).unwrap();
        self.drain();
        id
    }

    fn drain(&mut self) {
        while let Some(output) = self.connection.poll_output() {
            match output {
                Output::Open { socket, .. } => self.socket = socket,
                Output::Transmit(_, Transmit::Control(frame)) => self.written.push(frame),
                Output::Event(event) => self.events.push(event),
                Output::Store(store) => self.store(store),
                Output::Transmit(..) | Output::Close(..) | Output::FetchToken(..) => {}
            }
        }
    }

    fn store(&mut self, store: Store<&'static str>) {
        match store {
            Store::Load => {
                let messages = self.stored.clone();
                let loaded = match self.head.clone() {
                    Some(head) => Loaded::Saved(Saved { head, messages }),
                    None => Loaded::Nothing,
                };
                self.connection.restored(NOW, WALL_MS, loaded);
            }
            Store::Claim(_) => {
                let claimed = Input::Storage(StorageEvent::Claimed);
                self.connection.handle_input(NOW, claimed);
            }
            Store::Head(head) => self.head = Some(*head),
            Store::Keep(stored) => self.stored.push(stored),
            Store::Forget(slot) => self.stored.retain(|stored| stored.slot != slot),
            Store::Clear => {
                self.head = None;
                self.stored.clear();
            }
            Store::Release => {}
        }
    }

    fn answer(&mut self, seq: u64, re: u64) {
        let run = Run {
            first: Some(seq),
            count: 1,
            ack: None,
            re: Some(re),
        };
        self.parts(vec![Part::Run(run)]);
    }
}

#[test]
fn a_close_settles_a_request_that_was_acked_and_waits_for_its_answer() {
    let mut page = Page::open();
    let id = page.send(Outgoing::request("{}", 2));
    page.control(Control::Ack(1));
    page.events.clear();
    page.connection.close(1000, "").unwrap();
    page.drain();
    let uncertain = Event::Uncertain(id, ErrorCode::ConnectionLost);
    assert!(page.events.contains(&uncertain), "{:?}", page.events);
}

#[test]
fn a_request_that_was_answered_is_not_stored_any_more() {
    let mut page = Page::open();
    page.send(Outgoing::request("{}", 2));
    assert_eq!(page.stored.len(), 1);
    page.answer(1, 1);
    assert_eq!(page.stored, []);
}

#[test]
fn a_refused_message_is_not_stored_any_more() {
    let mut page = Page::open();
    page.send(Outgoing::message("{}", 2));
    page.control(Control::Err {
        seq: 1,
        code: "no".to_owned(),
        message: String::new(),
    });
    assert_eq!(page.stored, []);
}

#[test]
fn a_pong_carries_the_ack_again_since_it_may_be_lost() {
    let mut page = Page::open();
    page.answer(1, 99);
    page.connection.handled(NOW, 1);
    page.drain();
    for _ in 0..2 {
        page.written.clear();
        page.control(Control::Ping(Beat {
            t: 5,
            ack: None,
            tx: Some(1),
        }));
        assert!(page.written[0].contains(r#""ack":1"#), "{:?}", page.written);
    }
}

#[test]
fn a_page_that_comes_back_from_the_cache_has_its_receipts_still() {
    let mut page = Page::open();
    page.send(Outgoing::message("{}", 2));
    page.events.clear();
    page.input(Input::Page(PageEvent::Leave));
    page.input(Input::Page(PageEvent::Return));
    page.session(1);
    assert!(page.events.contains(&Event::Acked(MessageId(1))));
    let lost = |event: &Event<_>| matches!(event, Event::Uncertain(..) | Event::Restored(..));
    assert!(!page.events.iter().any(lost), "{:?}", page.events);
}

/// A page left in good order with one message written and one queued; the next page of its tab waits for its session.
fn reload() -> (Page, Head) {
    let mut page = Page::open();
    page.send(Outgoing::message("written", 7));
    page.cut();
    page.send(Outgoing::message("queued", 6));
    page.input(Input::Page(PageEvent::Leave));
    let head = page.head.unwrap();
    (Page::load(Some(head.clone()), page.stored), head)
}

fn uncertain(page: &Page) -> Vec<MessageId> {
    let of = |event: &Event<_>| match event {
        Event::Uncertain(id, ErrorCode::PageLost) => Some(*id),
        _ => None,
    };
    page.events.iter().filter_map(of).collect()
}

#[test]
fn a_page_that_goes_on_as_the_only_one_keeps_its_receipts() {
    let (mut page, head) = reload();
    page.session_after(Some(head.n), 1);
    assert!(page.events.contains(&Event::Acked(MessageId(1))));
    assert_eq!(uncertain(&page), []);
}

#[test]
fn a_page_that_was_answered_once_knows_its_own_openings() {
    let (mut page, head) = reload();
    page.session_after(Some(head.n), 1);
    page.send(Outgoing::message("{}", 2));
    page.cut();
    page.connection.reconnect(NOW);
    page.drain();
    page.socket_event(SocketEvent::Accepted);
    let unanswered = page.head.clone().unwrap().n;
    page.cut();
    page.connection.reconnect(NOW);
    page.drain();
    page.session_after(Some(unanswered), 1);
    assert_eq!(uncertain(&page), []);
}

#[test]
fn a_copy_of_the_tab_that_was_the_client_meanwhile_makes_everything_uncertain() {
    let (mut page, head) = reload();
    page.session_after(Some(head.n + 1), 1);
    assert_eq!(uncertain(&page), [MessageId(1), MessageId(2)]);
    assert!(!page.events.contains(&Event::Acked(MessageId(1))));
}

#[test]
fn storage_that_another_page_left_is_not_taken_for_the_pages_own() {
    let mut page = Page::open();
    page.send(Outgoing::message("{}", 2));
    page.input(Input::Page(PageEvent::Leave));
    let (head, stored) = (page.head.clone().unwrap(), page.stored.clone());
    let mut other = Page::load(Some(head), stored);
    other.input(Input::Page(PageEvent::Leave));
    page.head = other.head;
    page.events.clear();
    page.input(Input::Page(PageEvent::Return));
    let restored = |event: &Event<_>| matches!(event, Event::Restored(..));
    assert!(page.events.iter().any(restored), "{:?}", page.events);
}

#[test]
fn a_volatile_message_that_is_too_large_for_the_server_is_refused() {
    let mut page = Page::open();
    let refused = page
        .connection
        .send_volatile(NOW, "{}", 70_000)
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::MessageTooLarge);
}

#[test]
fn an_ack_over_a_hole_settles_nothing() {
    let mut page = Page::open();
    page.send(Outgoing::message("{}", 2));
    page.events.clear();
    let run = Run {
        first: Some(2),
        count: 1,
        ack: Some(1),
        re: None,
    };
    page.parts(vec![Part::Run(run)]);
    assert!(!page.events.contains(&Event::Acked(MessageId(1))));
}

/// From here on a client would come to seqs that JavaScript does not count exactly.
const TOO_FAR: u64 = (1 << 52) + 1;

#[test]
fn a_server_that_has_accepted_more_than_anybody_can_have_sent_breaks_the_protocol() {
    for (got, is_believed) in [(TOO_FAR - 1, true), (TOO_FAR, false)] {
        let mut page = Page::load(None, Vec::new());
        page.session(got);
        let offended = Event::Disconnected(ErrorCode::ProtocolError, None);
        assert_eq!(!page.events.contains(&offended), is_believed, "{got}");
    }
}

#[test]
fn storage_that_holds_more_than_anybody_can_have_sent_counts_as_empty() {
    let (_, head) = reload();
    for (tx, is_believed) in [(TOO_FAR - 1, true), (TOO_FAR, false)] {
        let saved = Head { tx, ..head.clone() };
        let page = Page::load(Some(saved), Vec::new());
        let now = page.head.map(|now| now.tx);
        assert_eq!(now, Some(if is_believed { tx } else { 0 }));
    }
}

#[test]
fn a_connection_that_is_closed_before_its_storage_was_read_claims_nothing() {
    let mut page = Page::open();
    page.connection.close(1000, "").unwrap();
    page.drain();
    page.connection.connect(NOW);
    page.connection.close(1000, "").unwrap();
    page.drain();
    assert_eq!(page.head, None);
}
