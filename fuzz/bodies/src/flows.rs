//! Logs of flows.

use crate::audit::{Parts, step, words};
use crate::check_problems;
use plimsoll_sources::flows::read_stream;

/// Bytes as a log of flows, at once and in small parts: the same flows, each once and seen at least once, and none without ends.
pub fn flows(data: &[u8]) {
    let read = |step| read_stream("fuzz", Parts { data, step });
    let flows = read(usize::MAX);
    check_problems(&flows.problems);
    for flow in &flows.flows {
        let times = flow.seen.first.zip(flow.seen.last);
        assert!(flow.seen.count > 0 && times.is_none_or(|(first, last)| first <= last), "{flow:?}");
        assert!(!flow.key.source.to_string().is_empty() && !flow.key.destination.to_string().is_empty(), "{flow:?}");
    }
    assert!(flows.flows.windows(2).all(|pair| matches!(pair, [one, two] if one.key < two.key)));
    let again = read(step(data));
    assert_eq!((&flows.flows, flows.replies, words(&flows.problems)), (&again.flows, again.replies, words(&again.problems)));
}
