//! What goes over a heartbeats' stream: a dot with every beat, or, at its beginning and after a change, what operators
//! decided about regions. So a region that was away hears of it with the first sign of any other.

use crate::regions::Standings;
use bytes::Bytes;
use contracts::bodies::ops::RegionStanding;

/// A beat that tells nothing but life.
const BEAT: &[u8] = b".\n";
/// A line is shorter; a longer one is no beat of ours and is let go.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The beats of one stream.
pub(super) struct Beats {
    standings: Standings,
    /// The revision that was told last.
    told: u64,
}

impl Beats {
    pub(super) fn new(standings: &Standings) -> Self {
        Beats { standings: standings.clone(), told: 0 }
    }

    /// The next one. Reasons stay at home: nobody signs for reading a stream.
    pub(super) fn next(&mut self) -> Bytes {
        let revision = self.standings.revision();
        if revision == self.told {
            return Bytes::from_static(BEAT);
        }
        let told: Vec<RegionStanding> = self.standings.all();
        let told = told.into_iter().map(|standing| RegionStanding { reason: None, ..standing });
        let Ok(mut line) = serde_json::to_vec(&told.collect::<Vec<_>>()) else {
            return Bytes::from_static(BEAT);
        };
        line.push(b'\n');
        self.told = revision;
        Bytes::from(line)
    }
}

/// Reads a stream's lines, however they are cut.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// What the lines that end in `bytes` tell. What is no line of ours tells nothing.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<RegionStanding> {
        if self.0.is_empty() && bytes == BEAT {
            return Vec::new();
        }
        let mut told = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.0.len() + part.len() <= LINE_BYTES_MAX {
                self.0.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.0);
                told.extend(serde_json::from_slice::<Vec<RegionStanding>>(&line).unwrap_or_default());
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::bodies::ops::RegionState;
    use proptest::prelude::*;

    fn standing(region: &str, epoch: u64) -> RegionStanding {
        RegionStanding {
            region: region.into(),
            state: RegionState::Evacuated,
            epoch,
            decided_in: "eu-west-1".into(),
            reason: None,
        }
    }

    #[test]
    fn as_long_as_nothing_is_decided_a_beat_is_a_dot() {
        let standings = Standings::default();
        let mut beats = Beats::new(&standings);
        assert_eq!([beats.next(), beats.next()], [BEAT, BEAT]);
        let reason = Some("a storm".to_owned());
        standings.learn(RegionStanding { reason, ..standing("us-east-1", 1) });
        let (told, after) = (beats.next(), beats.next());
        assert_eq!(Lines::default().read(&told), [standing("us-east-1", 1)]);
        assert_eq!(after, BEAT);
        assert_eq!(Lines::default().read(&Beats::new(&standings).next()), [standing("us-east-1", 1)]);
    }

    #[test]
    fn what_is_no_line_of_ours_tells_nothing() {
        let mut lines = Lines::default();
        let long = [b'['; LINE_BYTES_MAX + 1];
        for part in [b"nonsense\n".as_slice(), b"{}\n", &long, b"\n", b"[{\"region\":1}]\n"] {
            assert_eq!(lines.read(part), []);
        }
        let line = serde_json::to_vec(&[standing("us-east-1", 1)]).unwrap();
        assert_eq!(lines.read(&line), []);
        assert_eq!(lines.read(b"\n"), [standing("us-east-1", 1)]);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_a_stream_is_cut(cuts in prop::collection::vec(1usize..40, 0..40)) {
            let standings = Standings::default();
            let mut beats = Beats::new(&standings);
            let mut stream = Vec::new();
            for epoch in 1..4 {
                stream.extend(beats.next());
                standings.learn(standing("us-east-1", epoch));
                stream.extend(beats.next());
            }
            let (mut lines, mut told, mut rest) = (Lines::default(), Vec::new(), &stream[..]);
            for cut in cuts {
                let (part, after) = rest.split_at(cut.min(rest.len()));
                told.extend(lines.read(part));
                rest = after;
            }
            told.extend(lines.read(rest));
            prop_assert_eq!(told, (1..4).map(|epoch| standing("us-east-1", epoch)).collect::<Vec<_>>());
        }
    }
}
