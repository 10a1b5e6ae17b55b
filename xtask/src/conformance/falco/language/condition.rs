//! Conditions: what is one, its tree, its places, its printed form.

use super::{Pairs, bytes, condition, get, shown, text, texts};
use anyhow::Context;
use plimsoll_detect::condition::{
    Expr, Node, Operand, Position, Right, escape, left_transformers, list_operators, operators as all_operators, parse, print, unescape,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

pub(super) fn parses(case: &Value) -> anyhow::Result<Pairs> {
    let source = condition(case, "expr")?;
    let expect = get(case, "expect")?;
    let parsed = parse(&source);
    let mut pairs = vec![(get(expect, "valid")?.to_string(), parsed.is_ok().to_string())];
    if case.get("whitespace_variants").and_then(Value::as_bool) == Some(true) {
        let padded: Vec<u8> = [b" ", &*source, b" "].concat();
        for blank in [b' ', b'\n', b'\t'] {
            let variant: Vec<u8> = padded.iter().map(|byte| if *byte == b' ' { blank } else { *byte }).collect();
            pairs.push((format!("{} {}", shown(&variant), parsed.is_ok()), format!("{} {}", shown(&variant), parse(&variant).is_ok())));
        }
    }
    if let Some(message) = expect.get("message").and_then(Value::as_str) {
        pairs.push((message.to_owned(), parsed.as_ref().map_or_else(ToString::to_string, |_| "no error".to_owned())));
    }
    let Ok(expr) = parsed else { return Ok(pairs) };
    for (key, wanted) in expect.as_object().context("`expect` is no map")? {
        let got = match key.as_str() {
            "valid" | "message" => continue,
            "ast" => tree(&expr),
            "as_string" => Value::from(String::from_utf8_lossy(&print(&expr))),
            "round_trip" => Value::from(parse(print(&expr)).is_ok_and(|again| again == expr)),
            "end_position" => place(Position::START.after(&source)),
            "positions" => Value::from(places(&expr)),
            "positions_include" | "nodes_include" => {
                let mut got = places(&expr);
                if key == "nodes_include" {
                    got = got.into_iter().filter_map(|place| place.get("node").cloned()).collect();
                }
                let all = wanted.as_array().context("not a list")?;
                Value::from(all.iter().filter(|wanted| got.contains(wanted)).cloned().collect::<Vec<_>>())
            }
            other => anyhow::bail!("unknown expectation {other}"),
        };
        pairs.push((wanted.to_string(), got.to_string()));
    }
    Ok(pairs)
}

pub(super) fn equal(case: &Value) -> anyhow::Result<Pairs> {
    let (left, right) = (parse(text(case, "left")?)?, parse(text(case, "right")?)?);
    Ok(vec![(get(case, "expect")?.to_string(), (left == right).to_string())])
}

pub(super) fn escapes(case: &Value) -> anyhow::Result<Pairs> {
    let wanted = bytes(get(get(case, "expect")?, "output")?)?;
    Ok(vec![(shown(&wanted), shown(&escape(&bytes(get(case, "input")?)?)))])
}

pub(super) fn unescapes(case: &Value) -> anyhow::Result<Pairs> {
    let expect = get(case, "expect")?;
    let wanted = if expect.get("error").is_some() { "an error".to_owned() } else { shown(&bytes(get(expect, "output")?)?) };
    let got = unescape(&bytes(get(case, "input")?)?).map_or_else(|_| "an error".to_owned(), |text| shown(&text));
    Ok(vec![(wanted, got)])
}

pub(super) fn escape_round_trip(case: &Value) -> anyhow::Result<Pairs> {
    let wanted = bytes(get(get(case, "expect")?, "output")?)?;
    Ok(vec![(shown(&wanted), shown(&unescape(&escape(&bytes(get(case, "input")?)?))?))])
}

pub(super) fn operators(case: &Value) -> anyhow::Result<Pairs> {
    let expect = get(case, "expect")?;
    Ok(vec![same_words(expect, "all", all_operators())?, same_words(expect, "list_only", list_operators())?])
}

pub(super) fn transformers(case: &Value) -> anyhow::Result<Pairs> {
    let expect = get(case, "expect")?;
    let left = || left_transformers().map(|transformer| transformer.text());
    Ok(vec![same_words(expect, "left_hand", left())?, same_words(expect, "right_hand", left().chain(["val"]))?])
}

fn same_words(expect: &Value, key: &str, got: impl Iterator<Item = &'static str>) -> anyhow::Result<(String, String)> {
    let wanted: BTreeSet<&str> = texts(get(expect, key)?)?.into_iter().collect();
    let got: BTreeSet<&str> = got.collect();
    Ok((format!("{wanted:?}"), format!("{got:?}")))
}

/// A tree as cases write it.
fn tree(expr: &Node<Expr>) -> Value {
    let children = |children: &[Node<Expr>]| children.iter().map(tree).collect::<Vec<_>>();
    match &expr.it {
        Expr::And(all) => json!({"node": "and", "children": children(all)}),
        Expr::Or(any) => json!({"node": "or", "children": children(any)}),
        Expr::Not(child) => json!({"node": "not", "child": tree(child)}),
        Expr::Identifier(name) => json!({"node": "identifier", "name": name}),
        Expr::Exists(left) => json!({"node": "unary", "op": "exists", "left": operand(&left.it)}),
        Expr::Compare { left, operator, modifier, right } => {
            let op = modifier.map_or_else(|| operator.text().to_owned(), |modifier| format!("{} {}", operator.text(), modifier.text()));
            let right = match &right.it {
                Right::Value(value) => json!({"node": "value", "value": String::from_utf8_lossy(value)}),
                Right::List(values) => {
                    json!({"node": "list", "values": values.iter().map(|value| String::from_utf8_lossy(value)).collect::<Vec<_>>()})
                }
                Right::Operand(right) => operand(right),
            };
            json!({"node": "binary", "op": op, "left": operand(&left.it), "right": right})
        }
    }
}

fn operand(of: &Operand) -> Value {
    let all = |values: &[Node<Operand>]| values.iter().map(|value| operand(&value.it)).collect::<Vec<_>>();
    let (mut map, arg): (Map<String, Value>, _) = match of {
        Operand::Field { name, arg } => {
            ([("node".to_owned(), "field".into()), ("name".to_owned(), name.as_str().into())].into_iter().collect(), arg)
        }
        Operand::Transform { transformer, values, arg } => (
            [
                ("node".to_owned(), "transformer".into()),
                ("name".to_owned(), transformer.text().into()),
                ("values".to_owned(), all(values).into()),
            ]
            .into_iter()
            .collect(),
            arg,
        ),
        Operand::Value(value) => return json!({"node": "value", "value": String::from_utf8_lossy(value)}),
        Operand::List(values) => return json!({"node": "transformer_list", "children": all(values)}),
    };
    if let Some(arg) = arg {
        map.insert("arg".to_owned(), String::from_utf8_lossy(arg).into());
    }
    Value::Object(map)
}

/// All nodes of a tree with their places, parents first.
fn places(expr: &Node<Expr>) -> Vec<Value> {
    let mut all = Vec::new();
    add_places(expr, &mut all);
    all
}

fn add_places(expr: &Node<Expr>, all: &mut Vec<Value>) {
    all.push(node(&tree(expr), expr.at));
    match &expr.it {
        Expr::And(children) | Expr::Or(children) => children.iter().for_each(|child| add_places(child, all)),
        Expr::Not(child) => add_places(child, all),
        Expr::Identifier(_) => {}
        Expr::Exists(left) => operand_places(&left.it, left.at, all),
        Expr::Compare { left, right, .. } => {
            operand_places(&left.it, left.at, all);
            match &right.it {
                Right::Value(_) => all.push(node(&json!({"node": "value"}), right.at)),
                Right::List(_) => all.push(node(&json!({"node": "list"}), right.at)),
                Right::Operand(inner) => operand_places(inner, right.at, all),
            }
        }
    }
}

fn operand_places(of: &Operand, at: Position, all: &mut Vec<Value>) {
    all.push(node(&operand(of), at));
    if let Operand::Transform { values, .. } | Operand::List(values) = of {
        values.iter().for_each(|value| operand_places(&value.it, value.at, all));
    }
}

fn node(tree: &Value, at: Position) -> Value {
    json!({"node": tree.get("node"), "idx": at.offset, "line": at.line, "col": at.column})
}

fn place(at: Position) -> Value {
    json!({"idx": at.offset, "line": at.line, "col": at.column})
}
