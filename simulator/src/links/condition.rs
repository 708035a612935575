//! What state a link is in.

use std::time::Duration;

/// The state of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Way {
    /// Packets vanish without a trace.
    pub blackhole: bool,
    /// Time that packets need beyond the distance.
    pub extra: Duration,
    /// Connections that are opened this way are reset, open ones and new ones.
    pub reset: bool,
    /// Part of the packets that are lost and sent again, percent: seen as stalls.
    pub stall_pct: f32,
}

impl Way {
    /// Packets vanish.
    pub fn blackhole() -> Self {
        Way { blackhole: true, ..Way::default() }
    }

    /// Packets take longer.
    pub fn slower(extra: Duration) -> Self {
        Way { extra, ..Way::default() }
    }
}

/// The state of a link, seen from the side that opens connections.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Condition {
    /// Towards the target.
    pub forward: Way,
    /// Back from it.
    pub back: Way,
    /// Connections are reset, open ones and new ones.
    pub reset: bool,
}

impl Condition {
    /// All is well.
    pub fn up() -> Self {
        Condition::default()
    }

    /// Everything is swallowed, both ways: open connections hang, new ones are never answered.
    pub fn blackhole() -> Self {
        Condition { forward: Way::blackhole(), back: Way::blackhole(), reset: false }
    }

    /// Every connection is reset.
    pub fn reset() -> Self {
        Condition { reset: true, ..Condition::default() }
    }

    /// Whether a connection can be opened, which takes packets both ways.
    pub fn can_open(&self) -> bool {
        !self.forward.blackhole && !self.back.blackhole
    }

    pub(crate) fn way(&self, direction: Direction) -> Way {
        match direction {
            Direction::Forward => self.forward,
            Direction::Back => self.back,
        }
    }
}

/// A direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the side that opened the connection.
    Forward,
    /// To it.
    Back,
}
