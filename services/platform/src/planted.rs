//! Defects that are planted on purpose, to see whether the search for defects finds them.
//!
//! Only a build with debug assertions has them: in a release build [`World::has`](crate::World::has) is `false` whatever
//! happens, and the compiler leaves them out. No configuration or scenario knows of them, and no request but that of a
//! build for drills (`chaos`).

use std::{fmt, str::FromStr};

/// A defect. Each was made by somebody, somewhere, in earnest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// An order is acknowledged when one copy of the journal has it.
    OneCopy,
    /// A takeover leaves out the open entries that it has read.
    OpenSkipped,
    /// A pending event is cleared before the bus confirmed it.
    ClearedEarly,
    /// An inbox row is written outside of its effect's transaction.
    InboxApart,
    /// A capture that is tried again gets a key of its own.
    FreshKey,
    /// Goods are reserved after the order was acknowledged.
    LateReservation,
    /// A journal region that lost its data votes at once.
    EmptyVotes,
    /// Two processes of a region share a ballot: the second takes what was promised to the first, and what the first
    /// proposed, as its own.
    SharedBallot,
    /// Two regions write one item under last-writer-wins.
    SharedItem,
}

impl Planted {
    /// Every defect, by name.
    pub const ALL: [(&'static str, Planted); 9] = [
        ("one-copy", Planted::OneCopy),
        ("open-skipped", Planted::OpenSkipped),
        ("cleared-early", Planted::ClearedEarly),
        ("inbox-apart", Planted::InboxApart),
        ("fresh-key", Planted::FreshKey),
        ("late-reservation", Planted::LateReservation),
        ("empty-votes", Planted::EmptyVotes),
        ("shared-ballot", Planted::SharedBallot),
        ("shared-item", Planted::SharedItem),
    ];

    /// A bit of its own among sixteen.
    pub(crate) fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// There is no such defect, or this build has none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPlanted {
    /// A release build.
    #[error("this build has no defects to plant: it was made without debug assertions")]
    Release,
    /// Another word.
    #[error("there is no defect `{0}`; there are {names}", names = Planted::ALL.map(|(name, _)| name).join(", "))]
    Unknown(String),
}

impl fmt::Display for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Planted::ALL.into_iter().find(|(_, defect)| defect == self);
        f.write_str(named.map_or("", |(name, _)| name))
    }
}

impl FromStr for Planted {
    type Err = NotPlanted;
    fn from_str(text: &str) -> Result<Self, NotPlanted> {
        if !cfg!(debug_assertions) {
            return Err(NotPlanted::Release);
        }
        let found = Planted::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, defect)| defect).ok_or_else(|| NotPlanted::Unknown(text.to_owned()))
    }
}
