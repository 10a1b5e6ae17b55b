//! `plimsoll rules fields`

use super::{Form, json};
use crate::{Outcome, output, rule_files};
use anyhow::bail;
use plimsoll_detect::listing::{FieldEntry, FieldList};
use std::fmt::Write;

/// List the fields that rules can ask events for.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Only fields whose name starts so.
    #[arg(value_name = "NAME")]
    prefix: Option<String>,
    /// Only those of this source of events: syscall or k8s_audit.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// How the answer is written.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Form,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let sources = rule_files::sources();
    let known: Vec<&str> = sources.names().collect();
    if let Some(source) = args.source.as_deref().filter(|source| !known.contains(source)) {
        bail!("there is no source of events `{source}`; known: {}", known.join(", "));
    }
    let wanted = known.into_iter().filter(|name| args.source.as_deref().is_none_or(|source| source == *name));
    let mut list = FieldList::of(wanted.filter_map(|name| Some((name, sources.get(name)?))));
    if let Some(prefix) = &args.prefix {
        list.fields.retain(|field| field.name.starts_with(prefix.as_str()));
        if list.fields.is_empty() {
            bail!("no field starts with `{prefix}`");
        }
    }
    if args.output == Form::Json {
        output::print(&json(&list)?)?;
        return Ok(Outcome::Clean);
    }
    let mut text = String::new();
    let mut source = "";
    for field in &list.fields {
        if source != field.source {
            source = &field.source;
            let _ = writeln!(text, "{source}:");
        }
        let _ = writeln!(text, "  {:<40} {}{}", shown(field), kind(field), notes(field));
        let _ = writeln!(text, "      {}", field.description);
    }
    output::print(text.as_bytes())?;
    Ok(Outcome::Clean)
}

/// The name with what it takes in brackets.
fn shown(field: &FieldEntry) -> String {
    let Some(argument) = &field.argument else { return field.name.to_owned() };
    let what = match (argument.index, argument.key) {
        (true, true) => "number or text",
        (true, false) => "number",
        _ => "text",
    };
    let may = if argument.required { "" } else { "?" };
    format!("{}[{what}]{may}", field.name)
}

fn kind(field: &FieldEntry) -> String {
    if field.list { format!("list of {}", field.kind) } else { field.kind.to_owned() }
}

fn notes(field: &FieldEntry) -> String {
    let notes = [(!field.in_conditions, "outputs only"), (!field.in_outputs, "conditions only"), (field.deprecated, "deprecated")];
    notes.iter().filter(|(is, _)| *is).map(|(_, note)| format!(", {note}")).collect()
}
