//! `user.*` and `group.*`: whose rights an event was made with.

use super::{Context, Getter, Row};
use crate::Value;
use plimsoll_model::events::{Format, ParamType, User};

/// What stands for a name that nobody knows.
const UNKNOWN: &[u8] = b"<NA>";

pub(super) const FIELDS: &[Row] = &[
    Row::new(
        "user.uid",
        ParamType::UInt32,
        Format::Id,
        Getter::One(|cx| Some(Value::Uint(cx.thread()?.uid.into()))),
        "The user by number.",
    ),
    Row::text("user.name", |cx| account(cx, cx.thread()?.uid, |user| &user.name, b"root"), "The user by name."),
    Row::text("user.homedir", |cx| account(cx, cx.thread()?.uid, |user| &user.home, b"/root"), "The user's home directory."),
    Row::text("user.shell", |cx| account(cx, cx.thread()?.uid, |user| &user.shell, UNKNOWN), "The user's shell."),
    Row::new("user.loginuid", ParamType::Int64, Format::Id, Getter::One(login), "The user that logged in; -1 is nobody."),
    Row::text("user.loginname", |cx| account(cx, cx.thread()?.loginuid, |user| &user.name, b"root"), "The user that logged in, by name."),
    Row::new(
        "group.gid",
        ParamType::UInt32,
        Format::Id,
        Getter::One(|cx| Some(Value::Uint(cx.thread()?.gid.into()))),
        "The group by number.",
    ),
    Row::text("group.name", group, "The group by name."),
];

fn account<'e>(cx: &Context<'e>, uid: u32, what: fn(&User) -> &Vec<u8>, root: &'static [u8]) -> Option<Value<'e>> {
    let known = cx.state.user(&cx.thread()?.container, uid).map(|user| what(user).as_slice());
    Some(Value::Text(known.unwrap_or(if uid == 0 { root } else { UNKNOWN })))
}

fn login<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let uid = cx.thread()?.loginuid;
    Some(Value::Int(if uid == u32::MAX { -1 } else { uid.into() }))
}

fn group<'e>(cx: &Context<'e>) -> Option<Value<'e>> {
    let thread = cx.thread()?;
    let known = cx.state.group(&thread.container, thread.gid).map(|group| group.name.as_slice());
    Some(Value::Text(known.unwrap_or(if thread.gid == 0 { b"root" } else { UNKNOWN })))
}
