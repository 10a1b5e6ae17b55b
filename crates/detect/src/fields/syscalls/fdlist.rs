//! `fdlist.*`: the descriptors that `poll` waits for, as one text with commas between them.

use super::address::Address;
use super::descriptor::{is_connection, is_inet};
use super::param::{NOT_KNOWN, descriptor_list};
use super::{Context, Getter, Row};
use crate::Value;
use crate::state::{Descriptor, Endpoint};
use bumpalo::collections::Vec as BumpVec;
use plimsoll_model::events::Format::{Decimal, Id, Plain};
use plimsoll_model::events::ParamType::CharBuf;
use plimsoll_model::events::kinds;

pub(super) const FIELDS: &[Row] = &[
    Row::new("fdlist.nums", CharBuf, Id, Getter::One(|cx| list(cx, |cx, fd, _| Some(cx.decimal(fd)))), "Their numbers."),
    Row::new("fdlist.names", CharBuf, Plain, Getter::One(|cx| list(cx, |_, _, found| Some(name(found)))), "Their names."),
    Row::new(
        "fdlist.cips",
        CharBuf,
        Plain,
        Getter::One(|cx| list(cx, |cx, _, found| Some(address(cx, client(found)?)))),
        "The addresses of the sides that connected.",
    ),
    Row::new(
        "fdlist.sips",
        CharBuf,
        Plain,
        Getter::One(|cx| list(cx, |cx, _, found| Some(address(cx, found.filter(|found| is_inet(found.kind))?.destination?)))),
        "The addresses of the sides that were connected to.",
    ),
    Row::new(
        "fdlist.cports",
        CharBuf,
        Decimal,
        Getter::One(|cx| list(cx, |cx, _, found| Some(cx.decimal(client(found)?.port.into())))),
        "The ports of the sides that connected.",
    ),
    Row::new(
        "fdlist.sports",
        CharBuf,
        Decimal,
        Getter::One(|cx| list(cx, |cx, _, found| Some(cx.decimal(connection(found)?.destination?.port.into())))),
        "The ports of the sides that were connected to.",
    ),
];

/// What is to be said of one descriptor, if there is anything.
type Item = for<'e> fn(&Context<'e>, i64, Option<&'e Descriptor>) -> Option<&'e [u8]>;

fn list<'e>(cx: &Context<'e>, item: Item) -> Option<Value<'e>> {
    if !matches!(cx.event.kind, kinds::POLL_X | kinds::PPOLL_X) {
        return None;
    }
    let thread = cx.thread()?;
    let mut out = BumpVec::new_in(cx.arena);
    for text in descriptor_list(cx.event.params.get(1)?).filter_map(|(fd, _)| item(cx, fd, cx.state.descriptor(thread, fd))) {
        if !out.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice_copy(text);
    }
    (!out.is_empty()).then(|| Value::Text(out.into_bump_slice()))
}

fn name(found: Option<&Descriptor>) -> &[u8] {
    found.map(|found| &*found.name).filter(|name| !name.is_empty()).unwrap_or(NOT_KNOWN)
}

fn address<'e>(cx: &Context<'e>, end: Endpoint) -> &'e [u8] {
    cx.bytes(format_args!("{}", Address(end.address)))
}

fn connection(found: Option<&Descriptor>) -> Option<&Descriptor> {
    found.filter(|found| is_connection(found.kind))
}

fn client(found: Option<&Descriptor>) -> Option<Endpoint> {
    connection(found)?.source
}
