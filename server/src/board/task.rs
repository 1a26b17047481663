//! A task, what may be asked of it, and who sees it.

use serde::{Deserialize, Deserializer, Serialize};

/// The users of the demo: there is no sign-up.
pub const USERS: [&str; 3] = ["ann", "ben", "cleo"];

const TITLE_MAX_CHARS: usize = 200;
const KEY_MAX_CHARS: usize = 100;

/// A task as it is stored and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    pub id: i64,
    pub title: String,
    pub owner: String,
    pub assignee: Option<String>,
    pub done: bool,
    /// 1 at first, one more with each change.
    pub version: i64,
    /// The creator's idempotency key.
    pub key: Option<String>,
    /// Milliseconds since 1970.
    pub updated_ms: i64,
}

impl Task {
    /// A task without an assignee is everybody's, any other its owner's and its assignee's.
    pub fn is_visible_to(&self, user: &str) -> bool {
        match &self.assignee {
            None => true,
            Some(assignee) => self.owner == user || assignee == user,
        }
    }
}

/// A task that a user asks for.
#[derive(Debug, Deserialize)]
pub struct NewTask {
    pub title: String,
    #[serde(default)]
    pub assignee: Option<String>,
    #[serde(default)]
    pub key: Option<String>,
}

/// A change that a user asks for. What is `None` stays.
#[derive(Debug, Default, Deserialize)]
pub struct Patch {
    #[serde(default)]
    pub title: Option<String>,
    /// `Some(None)`: nobody's any more.
    #[serde(default, deserialize_with = "present")]
    pub assignee: Option<Option<String>>,
    #[serde(default)]
    pub done: Option<bool>,
}

/// Tells a field that is `null` from one that is absent.
fn present<'de, D>(deserializer: D) -> Result<Option<Option<String>>, D::Error>
where
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// A request that breaks a rule of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("Give a title of 1 to {TITLE_MAX_CHARS} characters.")]
    Title,
    #[error("Assign to one of ann, ben, cleo, or to null.")]
    Assignee,
    #[error("Give a key of 1 to {KEY_MAX_CHARS} characters, or none.")]
    Key,
}

impl NewTask {
    /// The same with its title trimmed.
    pub fn checked(mut self) -> Result<Self, Invalid> {
        self.title = checked_title(&self.title)?;
        check_assignee(self.assignee.as_deref())?;
        match &self.key {
            Some(key) if key.is_empty() || key.chars().count() > KEY_MAX_CHARS => Err(Invalid::Key),
            _ => Ok(self),
        }
    }
}

impl Patch {
    /// The same with its title trimmed.
    pub fn checked(mut self) -> Result<Self, Invalid> {
        self.title = self.title.as_deref().map(checked_title).transpose()?;
        check_assignee(self.assignee.as_ref().and_then(Option::as_deref))?;
        Ok(self)
    }

    /// The task after the change; its version and time are the store's to set.
    pub fn apply(self, task: &Task) -> Task {
        let mut task = task.clone();
        task.title = self.title.unwrap_or(task.title);
        task.assignee = self.assignee.unwrap_or(task.assignee);
        task.done = self.done.unwrap_or(task.done);
        task
    }
}

fn checked_title(title: &str) -> Result<String, Invalid> {
    let title = title.trim();
    if (1..=TITLE_MAX_CHARS).contains(&title.chars().count()) {
        Ok(title.to_owned())
    } else {
        Err(Invalid::Title)
    }
}

fn check_assignee(assignee: Option<&str>) -> Result<(), Invalid> {
    match assignee {
        Some(user) if !USERS.contains(&user) => Err(Invalid::Assignee),
        _ => Ok(()),
    }
}
