//! EKS, whose audit log goes to CloudWatch Logs: what its commands print, subscriptions deliver and Logs Insights finds.
//!
//! - `aws logs filter-log-events`, `get-log-events`: `events[]` with the event as text in `message`;
//! - subscriptions (Firehose, Lambda): `logEvents[]`, likewise, with `logStream` around them;
//! - Logs Insights: `results[]`, each a list of fields, or objects with `@message`;
//! - exports to S3 and `aws logs tail`: lines of text with the time before the event.
//!
//! The log group of a cluster holds other logs too; their streams do not have `audit` in their names.

use super::document::{Context, Form, Members, string};
use plimsoll_model::audit::Place;
use serde::Deserialize;
use serde_json::value::RawValue;

/// One cell of a row of Logs Insights.
#[derive(Deserialize)]
struct Field<'a> {
    field: String,
    #[serde(borrow)]
    value: &'a RawValue,
}

pub(super) fn read<'a>(members: &Members<'a>, _: &mut Context<'_>, _: &Place) -> Option<Form<'a>> {
    let stream = ["logStreamName", "logStream", "@logStream"].into_iter().find_map(|name| string(members, name));
    if let Some(stream) = stream
        && !stream.contains("audit")
    {
        return Some(Form::OtherLog(format!("`{}`", stream.escape_debug())));
    }
    // What a subscription sends to see whether anybody listens.
    if string(members, "messageType").is_some_and(|kind| kind == "CONTROL_MESSAGE") {
        return Some(Form::OtherLog("a control message of CloudWatch".to_owned()));
    }
    let list = ["events", "logEvents", "results"].into_iter().find_map(|name| members.get(name));
    if let Some(list) = list.filter(|list| list.get().starts_with('[')) {
        return Some(Form::List(list));
    }
    members.get("@message").map(|message| Form::Inner(message))
}

/// The message in a row of Logs Insights.
pub(super) fn row<'a>(cells: &[&'a RawValue]) -> Option<&'a RawValue> {
    let cells = cells.iter().map_while(|cell| serde_json::from_str::<Field<'a>>(cell.get()).ok());
    cells.filter(|cell| cell.field == "@message").map(|cell| cell.value).next()
}
