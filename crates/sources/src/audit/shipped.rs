//! What collectors of logs put around a line: container runtimes (`log`), Fluent Bit, Logstash and CloudWatch (`message`), Cloud
//! Logging (`textPayload`, `jsonPayload`), Splunk (`event`).

use super::document::{Context, Form, Members};
use plimsoll_model::audit::Place;

const MEMBERS: [&str; 6] = ["log", "message", "textPayload", "jsonPayload", "event", "_raw"];

pub(super) fn read<'a>(members: &Members<'a>, _: &mut Context<'_>, _: &Place) -> Option<Form<'a>> {
    // Other objects of Kubernetes have messages too.
    if members.contains_key("apiVersion") {
        return None;
    }
    MEMBERS.iter().find_map(|name| members.get(*name)).map(|inner| Form::Inner(inner))
}
