//! What is kept of events that captures do not always bring in order, or whole.

use super::*;
use plimsoll_model::events::{EventType, OwnedEvent, Process, Start, kinds};
use proptest::prelude::*;

/// An event with parameters by name; the others have no value.
pub(super) fn event(kind: EventType, time: u64, tid: i64, params: &[(&str, &[u8])]) -> OwnedEvent {
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

    let mut state = State::new(Limits { texts: 100_000, descriptors: 100, ..Limits::default() });
    for tid in 1..101 {
        state.start(Start::Process(Box::new(Process { tid, pid: tid, ptid: 1, args: vec![b'a'; 10_000], ..Process::default() })));
    }
    assert!((1..101).filter(|tid| state.thread(*tid).is_some()).count() < 11, "long texts are few");
    for fd in 3..100 {
        opened(&mut state, 100, fd, &"/a".repeat(400), 0);
    }
    assert!((3..100).filter(|fd| name(&state, 100, *fd).is_some()).count() < 20, "long names are few");
    assert_eq!(state.losses().threads, 91);
    state.apply(&event(kinds::EXECVE_19_X, 8, 100, &[("res", &i64(0)), ("pid", &i64(100)), ("args", &[b'a'; 30_000])]).view());
    assert!(state.losses().threads > 91, "what grows costs others");
    assert!(state.thread(100).is_some());
}

/// A thread that ran already, beside those of [`running`].
fn ran(state: &mut State, tid: i64, pid: i64, ptid: i64, flags: u32) {
    state.start(Start::Process(Box::new(Process { tid, pid, ptid, flags, cwd: b"/".to_vec(), ..Process::default() })));
}

fn exit(state: &mut State, tid: i64, reaper: i64) {
    state.apply(&event(kinds::PROCEXIT_1_E, 9, tid, &[("status", &i64(0)), ("reaper_tid", &i64(reaper))]).view());
    state.settle();
}

fn ptid(state: &State, tid: i64) -> Option<i64> {
    state.thread(tid).map(|thread| state.ptid(thread))
}

#[test]
fn children_stay_with_the_process_as_long_as_it_has_threads() {
    let mut state = running([1, 10]);
    (11..211).for_each(|tid| ran(&mut state, tid, 10, 1, flags::CLONE_THREAD | flags::CLONE_FILES));
    (1000..1200).for_each(|tid| ran(&mut state, tid, tid, 10, 0));
    for tid in 10..211 {
        assert!((1000..1200).all(|child| ptid(&state, child) == Some(tid)), "{tid}");
        exit(&mut state, tid, 0);
    }
    assert!((1000..1200).all(|child| ptid(&state, child) == Some(1)), "then they are those of process 1");
    assert!(state.thread(10).is_none());
}

#[test]
fn orphans_go_to_who_takes_them_over() {
    // Each process has the one before as its parent: 1, 2, and so on.
    let line = |length: i64| {
        let mut state = running([]);
        (1..=length).for_each(|tid| ran(&mut state, tid, tid, tid - 1, 0));
        state
    };
    let subreaper = |state: &mut State, tid: i64| {
        let (res, option, on) = (i64(0), 36_u32.to_le_bytes(), i64(1));
        state.apply(&event(kinds::PRCTL_X, 5, tid, &[("res", &res), ("option", &option), ("arg2_int", &on)]).view());
        state.settle();
    };
    // The length, who takes orphans over, who the kernel says does, and who is the parent of the last one when the one before exits.
    let table: [(i64, Option<i64>, i64, i64); 6] =
        [(10, None, 0, 1), (10, Some(4), 0, 4), (10, Some(4), 3, 3), (10, None, 77, 1), (500, None, 0, 1), (500, Some(490), -1, 490)];
    for (length, reaper, named, wanted) in table {
        let mut state = line(length);
        reaper.into_iter().for_each(|tid| subreaper(&mut state, tid));
        exit(&mut state, length - 1, named);
        assert_eq!(ptid(&state, length), Some(wanted), "{length} {reaper:?} {named}");
    }
}

#[test]
fn a_thread_in_place_of_another_has_its_children() {
    let mut state = running([1, 10]);
    ran(&mut state, 11, 11, 10, 0);
    cloned(&mut state, 1, 10, true);
    assert_eq!((ptid(&state, 10), ptid(&state, 11)), (Some(1), Some(10)));
    exit(&mut state, 10, 0);
    assert_eq!(ptid(&state, 11), Some(1), "it hands them on");
}

#[test]
fn who_executes_a_file_belongs_to_the_process_that_the_event_says() {
    let exec = |state: &mut State, tid: i64, pid: i64| {
        state.apply(
            &event(kinds::EXECVE_19_X, 8, tid, &[("res", &i64(0)), ("exe", b"sh\0"), ("tid", &i64(tid)), ("pid", &i64(pid))]).view(),
        );
        state.settle();
    };
    let threads = |state: &State, tid| state.thread(tid).map(|thread| state.running_threads(thread));
    let mut state = running([1, 10]);
    (11..14).for_each(|tid| ran(&mut state, tid, 10, 1, flags::CLONE_THREAD | flags::CLONE_FILES));
    exec(&mut state, 13, 13);
    assert_eq!((threads(&state, 10), threads(&state, 13)), (Some(3), Some(1)), "its id is another's by now");
    exit(&mut state, 13, 0);
    assert!(state.thread(13).is_none());
    exit(&mut state, 10, 0);
    assert!(state.thread(10).is_some_and(|leader| leader.dead), "it waits for the others");
    exec(&mut state, 10, 10);
    assert_eq!((threads(&state, 10), threads(&state, 11), threads(&state, 12)), (Some(1), None, None), "the others end");
    assert!(state.thread(10).is_some_and(|leader| !leader.dead));
}

#[test]
fn those_who_lead_and_exited_do_not_pile_up() {
    let mut state = running([1]);
    (100..200).for_each(|tid| ran(&mut state, tid, 100, 1, flags::MAIN_THREAD));
    (100..199).for_each(|tid| exit(&mut state, tid, 0));
    assert!((100..200).filter(|tid| state.thread(*tid).is_some()).count() <= 2);
    exit(&mut state, 199, 0);
    assert_eq!((100..200).find(|tid| state.thread(*tid).is_some()), None);
}

#[test]
fn a_child_of_a_process_without_its_leader_has_what_the_thread_has() {
    let mut state = running([1]);
    ran(&mut state, 12, 10, 1, 0);
    opened(&mut state, 12, 3, "/notes", 0);
    cloned(&mut state, 12, 13, true);
    assert_eq!((name(&state, 13, 3).as_deref(), state.thread(13).map(|thread| &*thread.cwd)), (Some("/notes"), Some(&b"./"[..])));
}

#[test]
fn entries_and_texts_that_could_not_be_read() {
    let open = |kind, params: &[(&str, &[u8])]| {
        let mut state = running([10]);
        state.apply(&event(kinds::OPEN_E, 4, 10, &[("name", b"first\0"), ("flags", &[0; 4])]).view());
        state.apply(&event(EventType(kind - 1), 4, 10, &[]).view());
        state.apply(&event(EventType(kind), 5, 10, params).view());
        state.settle();
        name(&state, 10, 3).unwrap_or_default()
    };
    let (fd, cwd) = (i64(3), i64(-100));
    // The entry before is one of another call.
    assert_eq!(open(kinds::OPENAT_2_X.0, &[("fd", &fd), ("dirfd", &cwd), ("name", b"second\0")]), "/srv/second");
    assert_eq!(open(kinds::OPENAT_2_X.0, &[("fd", &fd), ("dirfd", &cwd)]), "/srv/<NA>");
    assert_eq!(open(kinds::CREAT_X.0, &[("fd", &fd), ("name", b"(NULL)\0")]), "/srv/<NA>");
    assert_eq!(open(kinds::OPEN_X.0, &[("fd", &fd), ("name", b"second\0")]), "/srv/first", "nobody could change what the entry said");
    assert_eq!(open(kinds::MEMFD_CREATE_X.0, &[("fd", &fd)]), "<NA>");

    let mut state = running([10]);
    for (path, root) in [("/a/../b", "/a/../b"), ("a/../b", "/srv/b"), ("", "<NA>"), ("<NA>", "<NA>")] {
        let bytes = if path.is_empty() { Vec::new() } else { [path.as_bytes(), b"\0"].concat() };
        state.apply(&event(kinds::CHROOT_X, 5, 10, &[("res", &i64(0)), ("path", &bytes)]).view());
        assert_eq!(state.thread(10).map(|thread| String::from_utf8_lossy(&thread.root).into_owned()).as_deref(), Some(root), "{path}");
    }
    state.apply(&event(kinds::EXECVE_19_X, 8, 10, &[("res", &i64(0)), ("pid", &i64(10))]).view());
    assert_eq!(state.thread(10).map(|thread| (&*thread.exe, &*thread.comm)), Some((&b"<NA>"[..], &b"<NA>"[..])));
}

#[test]
fn processes_share_descriptors_until_one_changes_them() {
    let mut state = running([1, 10]);
    (3..20).for_each(|fd| opened(&mut state, 10, fd, "/x", 0));
    cloned(&mut state, 10, 11, true);
    cloned(&mut state, 11, 12, true);
    assert_eq!(state.threads.descriptors, 51, "each has them all");
    let call = |state: &mut State, kind, tid, params: &[(&str, &[u8])]| {
        state.apply(&event(kind, 7, tid, params).view());
        state.settle();
    };
    opened(&mut state, 11, 4, "/own", 0);
    call(&mut state, kinds::CLOSE_X, 10, &[("res", &i64(0)), ("fd", &i64(4))]);
    let (first, last) = (5_u32.to_le_bytes(), u32::MAX.to_le_bytes());
    call(&mut state, kinds::CLOSE_RANGE_X, 12, &[("res", &i64(0)), ("first", &first), ("last", &last), ("flags", &4_u32.to_le_bytes())]);
    call(&mut state, kinds::EXECVE_19_X, 12, &[("res", &i64(0)), ("pid", &i64(12))]);
    let names = |fd| [10, 11, 12].map(|tid| name(&state, tid, fd).unwrap_or_default());
    assert_eq!((names(4), names(5)), (["", "/own", "/x"].map(str::to_owned), ["/x", "/x", ""].map(str::to_owned)));
    assert_eq!(state.threads.descriptors, 16 + 17 + 2);
    for tid in [10, 11, 12] {
        exit(&mut state, tid, 0);
    }
    assert_eq!(state.threads.descriptors, 0);
}

#[test]
fn who_reads_first_is_the_server() {
    let v4 = [&[2, 127, 0, 0, 1, 0x35, 0x82, 127, 0, 0, 1, 53, 0][..]].concat();
    let v6 = [&[10, 0xfe][..], &[0; 14], &[1, 0x35, 0x82, 0xfe], &[0; 14], &[2, 53, 0]].concat();
    for (family, tuple, read, wanted) in
        [(2_u32, &v4, true, Role::Server), (2, &v4, false, Role::Client), (10, &v6, true, Role::Client), (10, &v6, false, Role::Client)]
    {
        let mut state = running([10]);
        let kind = if read { kinds::RECVFROM_X } else { kinds::SENDTO_X };
        let datagrams: [(&str, &[u8]); 4] =
            [("fd", &i64(3)), ("domain", &family.to_le_bytes()), ("type", &2_u32.to_le_bytes()), ("proto", &17_u32.to_le_bytes())];
        state.apply(&event(kinds::SOCKET_X, 5, 10, &datagrams).view());
        state.apply(&event(kind, 6, 10, &[("res", &i64(1)), ("fd", &i64(3)), ("size", &[1, 0, 0, 0]), ("tuple", tuple)]).view());
        let socket = state.current_descriptor().unwrap();
        assert_eq!((socket.role, socket.socket), (wanted, SocketState::Connected), "{family} {read}");
        assert!(!socket.name.is_empty() && state.name_changed(), "{family} {read}");
    }
}

#[test]
fn users_are_kept_within_limits() {
    let mut state = State::new(Limits { accounts: 2, ..Limits::default() });
    let added = |state: &mut State, uid: u32, name: &[u8], container: &[u8]| {
        let params: [(&str, &[u8]); 4] = [("uid", &uid.to_le_bytes()), ("gid", &[0; 4]), ("name", name), ("container_id", container)];
        state.apply(&event(kinds::USER_ADDED_E, 5, 0, &params).view());
    };
    let name = |state: &State, container: &[u8], uid| state.user(container, uid).map(|user| user.name.len());
    added(&mut state, 1, &[b'a'; 1000], b"\0");
    added(&mut state, 1, b"web\0", b"c\0");
    added(&mut state, 2, b"+nis\0", b"\0");
    added(&mut state, 3, b"late\0", b"\0");
    assert_eq!((name(&state, b"", 1), name(&state, b"c", 1), name(&state, b"", 2), name(&state, b"", 3)), (Some(255), Some(3), None, None));
    assert_eq!(state.losses().accounts, 1);
    added(&mut state, 1, b"b\0", b"\0");
    assert_eq!(name(&state, b"", 1), Some(1), "a name that changed takes the place of the former one");
}

/// One of the events that threads and descriptors come, change and go with, about few of them, so that all meet.
fn any_event() -> impl Strategy<Value = OwnedEvent> {
    let kinds = [
        kinds::CLONE_20_X,
        kinds::VFORK_20_X,
        kinds::EXECVE_19_X,
        kinds::PROCEXIT_1_E,
        kinds::PRCTL_X,
        kinds::OPENAT_2_X,
        kinds::DUP_1_X,
        kinds::CLOSE_X,
        kinds::CLOSE_RANGE_X,
        kinds::SENDTO_X,
        kinds::PRLIMIT_X,
        kinds::CHROOT_X,
    ];
    let bits = proptest::sample::select(vec![0, flags::CLONE_THREAD, flags::CLONE_FILES, flags::MAIN_THREAD, flags::CHILD_IN_PIDNS]);
    let id = || -1..12_i64;
    let ids = (1..12_i64, id(), id(), id(), id());
    (proptest::sample::select(kinds.to_vec()), ids, bits, 0..5_u64, 0..300_usize).prop_map(|(kind, ids, bits, time, length)| {
        let (tid, res, pid, ptid, reaper) = ids;
        let [res, me, pid, ptid, reaper] = [res, tid, pid, ptid, reaper].map(i64);
        let (bits, name) = (bits.to_le_bytes(), [vec![b'n'; length], vec![0]].concat());
        let tuple = [2, 127, 0, 0, 1, 1, 1, 127, 0, 0, 1, 2, 2];
        let params: [(&str, &[u8]); 19] = [
            ("res", &res),
            ("exe", &name),
            ("args", &name),
            ("tid", &me),
            ("pid", &pid),
            ("ptid", &ptid),
            ("flags", &bits),
            ("vtid", &me),
            ("vpid", &pid),
            ("reaper_tid", &reaper),
            ("option", &[36, 0, 0, 0]),
            ("arg2_int", &res),
            ("fd", &res),
            ("oldfd", &res),
            ("name", &name),
            ("path", &name),
            ("first", &[2, 0, 0, 0]),
            ("last", &[9, 0, 0, 0]),
            ("tuple", &tuple),
        ];
        event(kind, time * 1_000_000_000, tid, &params)
    })
}

proptest! {
    #[test]
    fn no_order_of_events_loses_count(events in proptest::collection::vec(any_event(), 0..120), few: bool) {
        let limits = Limits { texts: if few { 2000 } else { 1 << 20 }, descriptors: 40, ..Limits::default() };
        let mut state = State::new(limits);
        for (tid, pid) in [(1, 1), (2, 2), (3, 2), (4, 2), (5, 5)] {
            ran(&mut state, tid, pid, pid - 1, if tid == pid { 0 } else { flags::CLONE_THREAD | flags::CLONE_FILES });
        }
        for event in events {
            state.apply(&event.view());
            state.settle();
            state.threads.check();
        }
    }
}
