//! Which event changes what, and where it says which descriptor it is about.

use super::{State, accounts, clone, exec, exit, fds, identity, open, process, socket, told_containers};
use plimsoll_model::events::kinds::*;
use plimsoll_model::events::{Event, EventType};

/// What takes an event in.
pub(super) type Handler = fn(&mut State, &Event<'_>);

/// Who takes events of this type in, if they change anything.
pub(super) fn of(kind: EventType) -> Option<Handler> {
    Some(match kind {
        OPEN_E | CREAT_E | OPENAT_2_E | OPENAT2_E | EXECVE_19_E | EXECVEAT_E | CONNECT_E => process::enter,
        OPEN_X | CREAT_X | OPENAT_2_X | OPENAT2_X | OPEN_BY_HANDLE_AT_X => open::open,
        MEMFD_CREATE_X => open::memfd,

        CLOSE_X => fds::close,
        CLOSE_RANGE_X => fds::close_range,
        DUP_1_X | DUP2_X | DUP3_X => fds::dup,
        FCNTL_X => fds::fcntl,
        PIPE_X | PIPE2_X => fds::pipe,
        EVENTFD_X | EVENTFD2_X | SIGNALFD_X | SIGNALFD4_X | TIMERFD_CREATE_X | INOTIFY_INIT_X | INOTIFY_INIT1_X | BPF_2_X
        | USERFAULTFD_X | IO_URING_SETUP_X | EPOLL_CREATE_X | EPOLL_CREATE1_X => fds::plain,
        PIDFD_OPEN_X => fds::pidfd_open,
        PIDFD_GETFD_X => fds::pidfd_getfd,

        READ_X | READV_X | PREAD_X | PREADV_X | RECV_X | RECVFROM_X | RECVMSG_X | RECVMMSG_X => socket::receive,
        WRITE_X | WRITEV_X | PWRITE_X | PWRITEV_X | SEND_X | SENDTO_X | SENDMSG_X | SENDMMSG_X => socket::send,
        SOCKET_X => socket::socket,
        SOCKETPAIR_X => socket::pair,
        BIND_X => socket::bind,
        CONNECT_X => socket::connect,
        ACCEPT_5_X | ACCEPT4_6_X => socket::accept,
        GETSOCKOPT_X => socket::getsockopt,

        CLONE_20_X | FORK_20_X | VFORK_20_X | CLONE3_X => clone::clone,
        EXECVE_19_X | EXECVEAT_X => exec::exec,
        PROCEXIT_1_E => exit::exit,

        CHDIR_X | GETCWD_X => process::chdir,
        FCHDIR_X => process::fchdir,
        CHROOT_X => process::chroot,
        GETRLIMIT_X | SETRLIMIT_X => process::rlimit,
        PRLIMIT_X => process::prlimit,
        PRCTL_X => process::prctl,
        SCHEDSWITCH_6_E => process::switched,
        BRK_4_X | MMAP_X | MMAP2_X | MUNMAP_X => process::memory,

        SETRESUID_X | SETREUID_X | SETUID_X => identity::user,
        SETRESGID_X | SETREGID_X | SETGID_X => identity::group,
        SETSID_X => identity::session,
        CAPSET_X => identity::capabilities,
        UNSHARE_X | SETNS_X => identity::namespace,
        USER_ADDED_E | USER_DELETED_E => accounts::user,
        GROUP_ADDED_E | GROUP_DELETED_E => accounts::group,

        CONTAINER_E => told_containers::plain,
        CONTAINER_JSON_E | CONTAINER_JSON_2_E => told_containers::container,
        ASYNCEVENT_E => told_containers::report,
        _ => return None,
    })
}

/// Whether the thread of an event says nothing of who made it: the recorder did.
pub(super) fn is_about_no_thread(kind: EventType) -> bool {
    matches!(kind, CONTAINER_JSON_2_E | USER_ADDED_E | USER_DELETED_E | GROUP_ADDED_E | GROUP_DELETED_E | PLUGINEVENT_E | ASYNCEVENT_E)
}

/// Which parameter of an entry is the descriptor.
pub(super) fn descriptor_at_entry(kind: EventType) -> usize {
    match kind {
        MMAP_E | MMAP2_E => 4,
        SPLICE_E => 1,
        _ => 0,
    }
}

/// Which parameter of an exit is the descriptor, of those that use one.
pub(super) fn descriptor_at_exit(kind: EventType) -> Option<usize> {
    Some(match kind {
        SETNS_X | LISTEN_X | SHUTDOWN_X | FCHDIR_X | LSEEK_X | LLSEEK_X | IOCTL_3_X | FSTAT_X | CLOSE_X | GETDENTS_X | GETDENTS64_X
        | FLOCK_X | COPY_FILE_RANGE_X | FCNTL_X | DUP_1_X | DUP2_X | DUP3_X | NEWFSTATAT_X | FCHOWNAT_X | FCHMODAT_X | MKDIRAT_X
        | UNLINKAT_2_X | MKNODAT_X | SENDMMSG_X | RECVMMSG_X | IO_URING_REGISTER_X | IO_URING_ENTER_X | SETSOCKOPT_X | GETSOCKOPT_X
        | FSCONFIG_X | FINIT_MODULE_X | FCHMOD_X | FCHOWN_X => 1,
        READ_X | PREAD_X | BIND_X | WRITE_X | PWRITE_X | RECV_X | SEND_X | SENDTO_X | SENDMSG_X | SENDFILE_X | SPLICE_X | WRITEV_X
        | PWRITEV_X | CONNECT_X | SYMLINKAT_X => 2,
        RECVFROM_X | READV_X | PREADV_X => 3,
        RECVMSG_X => 5,
        MMAP_X | MMAP2_X => 8,
        _ => return None,
    })
}
