//! EventList documents of `audit.k8s.io`, as the webhook backend sends them, and lists of any kind.

use super::document::{Context, Form, Members};
use plimsoll_model::audit::Place;

pub(super) fn read<'a>(members: &Members<'a>, _: &mut Context<'_>, _: &Place) -> Option<Form<'a>> {
    let kind = members.get("kind").map_or("List", |kind| kind.get().trim_matches('"'));
    let items = members.get("items").filter(|_| kind.ends_with("List"))?;
    Some(Form::List(items))
}
