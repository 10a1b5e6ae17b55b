//! What the kernel reports of processes: events, their types and parameters, and the processes found at the start.
//!
//! The vocabulary is that of capture files (event schema 4.5.1 of falcosecurity/libs, `driver/event_table.c`): one event for each
//! system call, made when it returns. Readers of captures and the sensor make these; `detect` keeps state from them and judges them.

mod event;
pub mod kinds;
mod machine;
mod schema;

pub use event::{Event, OwnedEvent, Params};
pub use machine::{Descriptor, DescriptorKind, Group, Interface, Machine, Process, User};
pub use schema::{
    Category, EventFlags, EventInfo, EventType, FlagTable, Format, Origin, ParamInfo, ParamType, schema, syscall_name, syscall_number,
    syscalls,
};
