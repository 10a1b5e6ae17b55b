//! Bits of `clone_flags` and `file_flags` that state depends on, as `driver/ppm_events_public.h` numbers them.

pub(super) const CLONE_FILES: u32 = 1;
pub(super) const CLONE_NEWPID: u32 = 1 << 6;
pub(super) const CLONE_PARENT: u32 = 1 << 8;
pub(super) const CLONE_THREAD: u32 = 1 << 13;
/// The child's event came first.
pub(super) const CLONE_INVERTED: u32 = 1 << 16;
pub(super) const NAME_CHANGED: u32 = 1 << 17;
/// It has exited.
pub(super) const CLOSED: u32 = 1 << 18;
/// It made an event.
pub(super) const ACTIVE: u32 = 1 << 19;
pub(super) const CLONE_NEWUSER: u32 = 1 << 20;
/// It is on the writing side of a shell's pipe.
pub(super) const PIPE_SOURCE: u32 = 1 << 21;
/// It is on the reading side.
pub(super) const PIPE_DESTINATION: u32 = 1 << 22;
pub(super) const CLONE_VFORK: u32 = 1 << 27;
/// The child lives in a pid namespace that is not the host's.
pub(super) const CHILD_IN_PIDNS: u32 = 1 << 29;
/// It leads its group although its id says otherwise.
pub(super) const MAIN_THREAD: u32 = 1 << 30;

pub(super) const O_DIRECTORY: u32 = 1 << 10;
pub(super) const O_CLOEXEC: u32 = 1 << 12;
/// The lowest of the bits that the kernel's answer adds to what was asked for.
pub(super) const O_F_CREATED: u32 = 1 << 14;
pub(super) const FD_UPPER_LAYER: u32 = 1 << 15;
pub(super) const FD_LOWER_LAYER: u32 = 1 << 16;
/// `EPOLL_CLOEXEC` and `MFD_CLOEXEC`, in the flags of those calls.
pub(super) const SHORT_CLOEXEC: u32 = 1;
