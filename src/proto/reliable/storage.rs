//! What survives a reload: one small head, and one entry for each message that must be sent.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::auth::Token;
use super::super::frames::{CLAIM_MAX, Resume};
use super::super::ids::MessageKind;
use super::super::wire;

/// The layout of the head.
const VERSION: &str = "2";
/// The queue may fill so many UTF-8 bytes with what the window leaves.
pub(crate) const QUEUE_BYTES: u64 = 256 << 10;

/// The head: who this tab is to the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Head {
    /// Names the stream to the server.
    pub cid: String,
    /// The last opening.
    pub n: u64,
    /// The last opening that the server is known to have answered, 0 if none is.
    pub answered_n: u64,
    /// The highest seq that was given.
    pub tx: u64,
    /// Whether the server acted on messages up to here is not sure.
    pub uncertain_to: u64,
    /// The fingerprint of the user, empty while unknown.
    pub user: String,
    /// The session to go on with, where the application keeps its own place in it.
    pub place: Option<Resume>,
    /// How the page ended.
    pub end: PageEnd,
}

/// How the page that wrote the head ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageEnd {
    /// It lives, or crashed: what it held may have been written after it was stored.
    Open,
    /// It went away in good order, and would know its head again by this random number.
    Clean(u64),
}

/// Where a message is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// It has this seq.
    Seq(u64),
    /// It has none yet, and this place in the queue.
    Queued(u64),
}

/// A message in storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<P> {
    /// Where.
    pub slot: Slot,
    /// Whether it is a request. Nobody waits for its answer after a reload, but it is still one to the server.
    pub kind: MessageKind,
    /// The frame.
    pub payload: P,
    /// Its UTF-8 bytes.
    pub bytes: u32,
}

/// All that an earlier page of this tab left, messages in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved<P> {
    /// The head.
    pub head: Head,
    /// The messages.
    pub messages: Vec<Stored<P>>,
}

/// What to do with the storage. Done in order with the other outputs: nothing is written to a socket before it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store<P> {
    /// Read what is there, and hand it to [`Connection::restored`](super::super::Connection::restored).
    Load,
    /// Claim this `cid` for the page, and say with [`Input::Storage`](super::super::Input::Storage) whether that worked.
    Claim(String),
    /// Give the claim up: the page goes away, or takes another `cid`.
    Release,
    /// Write the head.
    Head(Box<Head>),
    /// Write a message.
    Keep(Stored<P>),
    /// Remove a message.
    Forget(Slot),
    /// Remove everything, the head first.
    Clear,
}

impl<P> Saved<P> {
    /// Whether a page may have come as far as this, and another one can go on from it.
    pub(crate) fn is_plausible(&self) -> bool {
        let rx = self.head.place.as_ref().map_or(0, |place| place.rx);
        let places = self.messages.iter().map(|message| match message.slot {
            Slot::Seq(place) | Slot::Queued(place) => place,
        });
        places
            .chain([self.head.tx, rx])
            .all(|place| place <= CLAIM_MAX)
    }
}

impl Head {
    /// The head as text.
    pub fn to_text(&self) -> String {
        let mut text = String::from(VERSION);
        let mut line = |word: &str| {
            text.push('\n');
            text.push_str(word);
        };
        line(&self.cid);
        line(&self.user);
        for value in [self.n, self.answered_n, self.tx, self.uncertain_to] {
            line(&wire::number(value));
        }
        if let Some(place) = &self.place {
            for word in [place.sid.as_str(), place.key.secret(), &place.epoch] {
                line(word);
            }
            line(&wire::number(place.rx));
        }
        if let PageEnd::Clean(stamp) = self.end {
            line(&wire::number(stamp));
        }
        text
    }

    /// Reads a head; `None` if it is of another version, or none at all.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut rest = Some(text);
        if take_line(&mut rest) != Some(VERSION) {
            return None;
        }
        let mut head = Self {
            cid: take_line(&mut rest)?.into(),
            user: take_line(&mut rest)?.into(),
            n: take_number(&mut rest)?,
            answered_n: take_number(&mut rest)?,
            tx: take_number(&mut rest)?,
            uncertain_to: take_number(&mut rest)?,
            place: None,
            end: PageEnd::Open,
        };
        if rest.is_some_and(|rest| rest.contains('\n')) {
            head.place = Some(Resume {
                sid: take_line(&mut rest)?.into(),
                key: Token::new(take_line(&mut rest)?),
                epoch: take_line(&mut rest)?.into(),
                rx: take_number(&mut rest)?,
            });
        }
        if rest.is_some() {
            head.end = PageEnd::Clean(take_number(&mut rest)?);
        }
        rest.is_none().then_some(head)
    }
}

impl core::fmt::Debug for Head {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Head")
            .field("n", &self.n)
            .field("tx", &self.tx)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// Takes the first of the lines that are left, if there are any.
// By hand, here and for numbers: the standard library's means take a kilobyte of wasm.
fn take_line<'a>(rest: &mut Option<&'a str>) -> Option<&'a str> {
    let text = (*rest)?;
    let end = text.bytes().position(|byte| byte == b'\n');
    let (line, after) = match end.and_then(|end| text.split_at_checked(end)) {
        Some((line, after)) => (line, after.get(1..)),
        None => (text, None),
    };
    *rest = after;
    Some(line)
}

fn take_number(rest: &mut Option<&str>) -> Option<u64> {
    wire::whole(take_line(rest)?)
}

#[cfg(test)]
mod tests {
    use super::super::super::frames::NUMBER_MAX;
    use super::*;

    fn head() -> Head {
        Head {
            cid: "00ff".to_owned(),
            n: 1_700_000_000_000,
            answered_n: 1_600_000_000_000,
            tx: 42,
            uncertain_to: 7,
            user: String::new(),
            place: None,
            end: PageEnd::Open,
        }
    }

    #[test]
    fn a_head_is_read_as_it_was_written() {
        let place = Resume {
            sid: "s".to_owned(),
            key: Token::new("k"),
            epoch: "e".to_owned(),
            rx: 9,
        };
        for end in [PageEnd::Open, PageEnd::Clean(NUMBER_MAX)] {
            for place in [None, Some(place.clone())] {
                let head = Head {
                    place,
                    end,
                    ..head()
                };
                assert_eq!(Head::from_text(&head.to_text()), Some(head));
            }
        }
    }

    #[test]
    fn what_is_no_head_is_none() {
        for text in [
            "",
            "1\na\nb\n1\n1\n1\n1",
            "2\na\nb\n1\n1\n1",
            "2\na\nb\n1\n1\n-1\n1",
            "2\na\nb\n1\n1\n1\n9007199254740992",
            "2\na\nb\n1\n1\n1\n1\nextra",
            "2\na\nb\n1\n1\n1\n1\ns\nk\ne\n1\n1\n1",
        ] {
            assert_eq!(Head::from_text(text), None, "{text:?}");
        }
    }

    #[test]
    fn no_debug_print_shows_a_key() {
        let place = Resume {
            sid: "s".to_owned(),
            key: Token::new("hunter2"),
            epoch: "e".to_owned(),
            rx: 9,
        };
        let head = Head {
            place: Some(place),
            ..head()
        };
        assert!(!format!("{head:?} {:?}", head.place).contains("hunter2"));
    }
}
