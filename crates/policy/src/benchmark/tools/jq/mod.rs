//! `jq`, as far as audits use it: paths, `select`, comparisons, strings with values in them, lists and maps, `if`, `any`.

mod parse;
mod run;
mod value;

use super::super::shell::Reason;
use super::{Options, Run, gather};
use run::{Stop, evaluate};
use serde_json::Value as Json;

pub(super) fn jq(arguments: &[String]) -> Result<Run, Reason> {
    let flags = ["r", "c", "s", "n", "M", "raw-output", "compact-output", "slurp", "monochrome-output"];
    let mut options = Options::read("jq", arguments, &flags, &[], true)?;
    if options.rest.is_empty() {
        return Err("`jq` lacks a filter".to_owned());
    }
    let filter = parse::parse(&options.rest.remove(0))?;
    Ok(Box::new(move |input, machine, streams| {
        let (text, missing) = gather("jq", &options.rest, input, machine, streams)?;
        machine.step(text.len() / 4096)?;
        let mut inputs = Vec::new();
        for value in serde_json::Deserializer::from_str(&text).into_iter::<Json>() {
            match value {
                Ok(value) => inputs.push(value),
                Err(error) => {
                    streams.err(format!("jq: parse error: {error}"));
                    return Ok(2);
                }
            }
        }
        if options.has(&["s", "slurp"]) {
            inputs = vec![Json::Array(inputs)];
        } else if options.has(&["n"]) {
            inputs = vec![Json::Null];
        }
        let mut status = i32::from(missing > 0) * 2;
        for value in &inputs {
            let mut found = Vec::new();
            let stopped = evaluate(&filter, value, None, machine, &mut found);
            for value in found {
                streams.line(match value {
                    Json::String(text) if options.has(&["r", "raw-output"]) => text,
                    other if options.has(&["c", "compact-output"]) => other.to_string(),
                    other => serde_json::to_string_pretty(&other).unwrap_or_default(),
                });
            }
            match stopped {
                Ok(()) => {}
                Err(Stop::Error(message)) => {
                    streams.err(format!("jq: error: {message}"));
                    status = 5;
                }
                Err(Stop::Unknown(reason)) => return Err(reason),
            }
        }
        Ok(status)
    }))
}

#[cfg(test)]
mod tests {
    use super::super::super::memory::Memory;
    use super::super::super::shell::{Input, Machine, Streams};
    use super::*;

    fn run(arguments: &[&str], input: &str) -> Result<(String, i32), Reason> {
        let arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
        let host = Memory::default();
        let mut streams = Streams::default();
        let status = jq(&arguments)?(&mut Input::new(input.to_owned()), &Machine::new(&host, None), &mut streams)?;
        Ok((streams.all(), status))
    }

    #[test]
    fn filters() {
        let input = r#"{"items":[{"name":"a","on":true,"rules":[{"verbs":["get","*"]}]},{"name":"b","n":3}],"s":"x,y","nil":null}"#;
        let table = [
            (".items[].name", "\"a\"\n\"b\"\n"),
            (".items | length", "2\n"),
            (".missing.more", "null\n"),
            (".missing[]?", ""),
            ("[.items[] | select(.on == true)] | length", "1\n"),
            (".items[] | select(.rules[]? | .verbs[]? == \"*\") | .name", "\"a\"\n"),
            ("if any(.items[]?; .on == true) then \"yes\" else \"no\" end", "\"yes\"\n"),
            (".items[1].n // 7", "3\n"),
            (".nil // empty", ""),
            ("\"n: \\(.items[0].name), \\(.items[1].n)\"", "\"n: a, 3\"\n"),
            ("[.items[].name] | join(\"+\")", "\"a+b\"\n"),
            (".s | split(\",\") | .[1]", "\"y\"\n"),
            (".items[0] | has(\"on\") and (.on | not | not)", "true\n"),
            ("{a: .s, \"b\": [1, 2]} | .b | add", "3\n"),
            (".items as $i | $i | map(.name) | index(\"b\")", "1\n"),
            ("def twice($x): $x + $x; twice(2)", "4\n"),
            ("def trim: gsub(\"^x\"; \"\"); .s | trim", "\",y\"\n"),
            (".items | map({key: .name, value: 1}) | from_entries | .b", "1\n"),
            (".items | group_by(.on) | length", "2\n"),
            (".[\"s\"]", "\"x,y\"\n"),
            (".\"s\"", "\"x,y\"\n"),
            ("[1,2] | . - [1] | length", "1\n"),
            ("# a comment\n.s | test(\"^x\")", "true\n"),
            ("3 > 2 and 1 != 2", "true\n"),
        ];
        for (filter, wanted) in table {
            assert_eq!(run(&[filter], input), Ok((wanted.to_owned(), 0)), "{filter}");
        }
        assert_eq!(run(&["-r", ".s"], input), Ok(("x,y\n".to_owned(), 0)));
        assert_eq!(run(&["-c", ".items[0].rules"], input), Ok(("[{\"verbs\":[\"get\",\"*\"]}]\n".to_owned(), 0)));
        assert_eq!(run(&["-s", "length"], "1 2 3"), Ok(("3\n".to_owned(), 0)));
        assert_eq!(run(&[".[]"], "3").map(|(_, status)| status), Ok(5));
        assert_eq!(run(&["."], "a: b").map(|(_, status)| status), Ok(2));
        for unknown in [".a |", "input", "@base64", ".a[", "limit(3; .[])", "unknown"] {
            assert!(run(&[unknown], "{}").is_err(), "{unknown}");
        }
    }
}
