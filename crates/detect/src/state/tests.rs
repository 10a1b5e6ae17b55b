//! What is kept of events that captures do not always bring in order, or whole.

use super::*;
use plimsoll_model::events::{EventType, OwnedEvent, Process, Start, kinds};

/// An event with parameters by name; the others have no value.
fn event(kind: EventType, time: u64, tid: i64, params: &[(&str, &[u8])]) -> OwnedEvent {
    let mut event = OwnedEvent::new(kind, time, tid);
    for info in &kind.info().params {
        event.push(params.iter().find(|(name, _)| *name == info.name).map_or(&[][..], |(_, bytes)| bytes));
    }
    event
}

fn i64(number: i64) -> [u8; 8] {
    number.to_le_bytes()
}

fn running(tids: impl IntoIterator<Item = i64>) -> State {
    let mut state = State::default();
    for tid in tids {
        let process = Process { tid, pid: tid, ptid: 1, comm: b"sh".to_vec(), cwd: b"/srv".to_vec(), fdlimit: 1024, ..Process::default() };
        state.start(Start::Process(Box::new(process)));
    }
    state
}

fn opened(state: &mut State, tid: i64, fd: i64, name: &str, flags: u32) {
    let (fd, name, cwd) = (i64(fd), [name.as_bytes(), b"\0"].concat(), i64(-100));
    let flags = flags.to_le_bytes();
    let open = event(kinds::OPENAT_2_X, 5, tid, &[("fd", &fd), ("dirfd", &cwd), ("name", &name), ("flags", &flags)]);
    state.apply(&open.view());
    state.settle();
}

fn name(state: &State, tid: i64, fd: i64) -> Option<String> {
    let thread = state.thread(tid)?;
    state.descriptor(thread, fd).map(|found| String::from_utf8_lossy(&found.name).into_owned())
}

/// A new process as the parent's event tells it, or with `child` as its own does.
fn cloned(state: &mut State, parent: i64, new: i64, child: bool) {
    let (result, tid) = if child { (0, new) } else { (new, parent) };
    let ids = [i64(result), i64(tid), i64(tid), i64(if child { parent } else { 1 })];
    let params: [(&str, &[u8]); 8] = [
        ("res", &ids[0]),
        ("exe", b"sh\0"),
        ("tid", &ids[1]),
        ("pid", &ids[2]),
        ("ptid", &ids[3]),
        ("comm", b"sh\0"),
        ("vtid", &ids[1]),
        ("vpid", &ids[2]),
    ];
    state.apply(&event(kinds::CLONE_20_X, 6, tid, &params).view());
    state.settle();
}

#[test]
fn a_child_has_the_descriptors_of_its_parent_whoever_tells_first() {
    for order in [[false, true], [true, false]] {
        let mut state = running([10]);
        opened(&mut state, 10, 3, "notes", 0);
        for child in order {
            cloned(&mut state, 10, 11, child);
        }
        assert_eq!(name(&state, 11, 3).as_deref(), Some("/srv/notes"), "{order:?}");
        let child = state.thread(11).unwrap();
        assert_eq!((child.pid, state.parent(child).map(|parent| parent.tid)), (11, Some(10)), "{order:?}");
        let closed = event(kinds::CLOSE_X, 7, 11, &[("res", &i64(0)), ("fd", &i64(3))]);
        state.apply(&closed.view());
        assert!(state.current_descriptor().is_some(), "the event that closes it still sees it");
        state.settle();
        assert_eq!((name(&state, 11, 3), name(&state, 10, 3).is_some()), (None, true), "the parent keeps its own");
    }
}

#[test]
fn an_exit_hands_children_over_and_forgets() {
    let mut state = running([1, 10]);
    cloned(&mut state, 10, 11, false);
    cloned(&mut state, 10, 11, true);
    let exit = event(kinds::PROCEXIT_1_E, 9, 10, &[("status", &i64(0)), ("reaper_tid", &i64(1))]);
    state.apply(&exit.view());
    assert!(state.current().is_some(), "its own event still knows the thread");
    state.settle();
    assert!(state.thread(10).is_none());
    assert_eq!(state.thread(11).map(|thread| state.ptid(thread)), Some(1));
}

#[test]
fn what_is_not_known_is_stood_in_for() {
    let mut state = State::default();
    opened(&mut state, 77, 3, "notes", 0);
    assert!(state.thread(77).is_some_and(Thread::is_placeholder));
    // Time goes back, ids are odd, and nobody says what is read from.
    for (tid, time) in [(77, 1), (-1, 0), (i64::MAX, u64::MAX), (i64::MIN, 3)] {
        state.apply(&event(kinds::READ_X, time, tid, &[("res", &i64(-9)), ("fd", &i64(i64::MAX))]).view());
        state.settle();
        state.apply(&event(kinds::EXECVE_19_X, time, tid, &[("res", &i64(0)), ("pid", &i64(tid))]).view());
        state.settle();
    }
}

#[test]
fn limits_hold_and_what_they_cost_is_counted() {
    let mut state = State::new(Limits { threads: 64, descriptors: 160, ..Limits::default() });
    for tid in 100..500 {
        opened(&mut state, tid, 3, "notes", 0);
        for fd in 4..20 {
            opened(&mut state, tid, fd, "more", 0);
        }
    }
    let losses = state.losses();
    assert!((100..500).filter(|tid| state.thread(*tid).is_some()).count() <= 64);
    assert!(losses.threads > 0, "{losses:?}");
    assert!(losses.descriptors > 0, "{losses:?}");
}
