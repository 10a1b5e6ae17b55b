//! Rules files and what comes of them.

use super::*;
use crate::fields::{Arg, ArgRule, Field, FieldError, FieldId, FieldInfo};
use plimsoll_model::Origin;
use plimsoll_model::events::{Format, ParamType};

/// A few fields.
struct Fields;

const fn text(name: &'static str) -> FieldInfo {
    FieldInfo {
        name,
        kind: ParamType::CharBuf,
        format: Format::Plain,
        list: false,
        arg: ArgRule::NONE,
        limits: crate::fields::Limits::NONE,
        description: "",
    }
}

static FIELDS: [FieldInfo; 7] =
    [text("evt.type"), text("evt.dir"), text("evt.num"), text("proc.name"), text("proc.cmdline"), text("fd.name"), text("ka.verb")];

impl Catalogue for Fields {
    fn all(&self) -> &[FieldInfo] {
        &FIELDS
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, FieldError> {
        let place = FIELDS.iter().position(|info| info.name == name).ok_or(FieldError::Unknown)?;
        let arg = arg.map(|arg| Arg::Key(arg.into()));
        Ok(Field { id: FieldId(u16::try_from(place).unwrap()), info: &FIELDS[place], arg, kind: ParamType::CharBuf })
    }

    fn nearest(&self, name: &str) -> Vec<&'static str> {
        crate::fields::nearest(FIELDS.iter().map(|info| info.name), name)
    }
}

fn sources() -> Sources<'static> {
    Sources::new().with(SYSCALL, &Fields).with("k8s_audit", &Fields)
}

fn load_text(text: &str) -> Loaded {
    load(&[Source::new("rules.yaml", Origin::File, text)], sources(), Vec::new())
}

/// Each diagnostic as `CODE place: message`.
fn told(text: &str) -> Vec<String> {
    let line = |one: &Diagnostic| format!("{} {}: {}", one.code.text(), one.location(), one.message);
    load_text(text).diagnostics.0.iter().map(line).collect()
}

/// The resolved condition of the last rule.
fn condition_of(text: &str) -> String {
    let loaded = load_text(text);
    let errors: Vec<_> = loaded.diagnostics.errors().collect();
    assert!(errors.is_empty(), "{errors:?}");
    String::from_utf8(crate::condition::print(&loaded.rules.rules.last().expect("a rule").expr)).expect("text")
}

fn rule(name: &str, condition: &str) -> String {
    format!("- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n")
}

#[test]
fn lists_and_macros_are_put_into_conditions() {
    let table = [
        ("- list: l\n  items: [a, b c]\n", "proc.name in (l)", "proc.name in (a, \"b c\")"),
        ("- list: l\n  items: [a]\n- list: m\n  items: [l, b]\n", "proc.name in (m)", "proc.name in (a, b)"),
        // A list that comes later is a name, which the condition may still resolve.
        ("- list: m\n  items: [l, b]\n- list: l\n  items: [a]\n", "proc.name in (m)", "proc.name in (a, b)"),
        ("- list: l\n  items: [a]\n- list: l\n  items: [b]\n  override: {items: append}\n", "proc.name in (l)", "proc.name in (a, b)"),
        ("- list: l\n  items: []\n", "proc.name in (l)", "proc.name in ()"),
        ("- macro: m\n  condition: fd.name = x\n", "proc.name = a and m", "(proc.name = a and fd.name = x)"),
        // A macro sees what was there when it was last touched.
        (
            "- macro: a\n  condition: fd.name = x\n- macro: b\n  condition: not a\n- macro: a\n  condition: fd.name = y\n",
            "b",
            "not fd.name = y",
        ),
    ];
    for (items, condition, wanted) in table {
        assert_eq!(condition_of(&format!("{items}{}", rule("r", condition))), wanted, "{items}");
    }
}

#[test]
fn exceptions_become_part_of_conditions() {
    let table = [
        ("{name: e, fields: proc.name, values: [a, b c]}", " and not proc.name in (a, \"b c\")"),
        ("{name: e, fields: proc.name, comps: pmatch, values: []}", ""),
        (
            "{name: e, fields: [proc.name, fd.name], values: [[a, b], [c, d]]}",
            " and not ((proc.name = a and fd.name = b) or (proc.name = c and fd.name = d))",
        ),
        ("{name: e, fields: [proc.name], comps: [in], values: [[[a, b]], [c]]}", " and not (proc.name in (a, b) or proc.name in (c))"),
        ("{name: e, fields: [proc.name], comps: [startswith oneof], values: [[[a, b]]]}", " and not proc.name startswith oneof (a, b)"),
    ];
    for (exception, wanted) in table {
        let text = format!("{}  exceptions: [{exception}]\n", rule("r", "evt.num > 0"));
        let got = condition_of(&text);
        let wanted = if wanted.is_empty() { "evt.num > 0".to_owned() } else { format!("(evt.num > 0{wanted})") };
        assert_eq!(got, wanted, "{exception}");
    }
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    let r = |condition: &str| rule("r", condition);
    let table: [(String, &[&str]); 17] = [
        ("a: b: c".to_owned(), &["LOAD_ERR_YAML_PARSE"]),
        ("x".to_owned(), &["LOAD_ERR_YAML_VALIDATE rules.yaml:1:1: Rules content is not yaml"]),
        ("- x".to_owned(), &["LOAD_ERR_YAML_VALIDATE rules.yaml:1:3: Unexpected element type."]),
        ("- thing: x".to_owned(), &["LOAD_UNKNOWN_ITEM rules.yaml:1:3: Unknown top level item"]),
        ("- rule: x".to_owned(), &["LOAD_ERR_YAML_VALIDATE rules.yaml:1:3: Item has no mapping for key 'enabled'"]),
        ("- list: x\n  items: [[a]]".to_owned(), &["LOAD_ERR_YAML_VALIDATE rules.yaml:2:11: sequence value is not scalar"]),
        (r("evt.type = open") + "  priority: x", &["DUPLICATE_KEY rules.yaml:6:3: Key 'priority' stands twice; the first one counts."]),
        (r("evt.type = open") + "  enabled: maybe", &["LOAD_ERR_YAML_VALIDATE rules.yaml:6:12: Can't decode YAML scalar value"]),
        (
            r("evt.type = open and proc.nmae = a"),
            &["LOAD_ERR_COMPILE_CONDITION rules.yaml:3:34: filter_check called with nonexistent field proc.nmae"],
        ),
        (
            r(">\n    evt.type = open\n    and proc.nmae = a"),
            &["LOAD_ERR_COMPILE_CONDITION rules.yaml:5:9: filter_check called with nonexistent field proc.nmae"],
        ),
        (r("evt.type = open and (proc.name = a"), &["LOAD_ERR_COMPILE_CONDITION rules.yaml:3:48: expected a ')' token"]),
        (r("evt.type = open and m"), &["LOAD_ERR_VALIDATE rules.yaml:3:34: Undefined macro 'm' used in filter."]),
        (r("evt.type = open") + "  source: none\n", &["LOAD_UNKNOWN_SOURCE rules.yaml:1:3: Unknown source none, skipping"]),
        (
            "- required_engine_version: 1.0.0".to_owned(),
            &["LOAD_ERR_VALIDATE rules.yaml:1:3: Rules require engine version 1.0.0, but engine version is 0.63.0"],
        ),
        (
            format!("- macro: m\n  condition: proc.nmae = a\n{}", r("evt.type = open and m")),
            &["LOAD_ERR_COMPILE_CONDITION rules.yaml:5:34: filter_check"],
        ),
        ("- macro: a-b\n  condition: evt.type = open".to_owned(), &["LOAD_INVALID_MACRO_NAME", "LOAD_UNUSED_MACRO"]),
        (r("ka.verb = <NA> and evt.dir = <"), &["LOAD_UNSAFE_NA_CHECK", "LOAD_DEPRECATED_ITEM", "LOAD_NO_EVTTYPE"]),
    ];
    for (text, wanted) in table {
        let told = told(&text);
        let agrees = told.len() == wanted.len() && told.iter().zip(wanted).all(|(told, wanted)| told.starts_with(wanted));
        assert!(agrees, "{text}\n{told:#?}");
    }
}

#[test]
fn what_is_broken_is_told_once() {
    let text = format!("- macro: m\n  condition: ((\n{}{}{}", rule("a", "m"), rule("b", "m and nope"), rule("c", "fd.nmae = a"));
    let told = told(&text);
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(load_text(&text).diagnostics.errors().last().unwrap().help.as_ref().unwrap().contains("fd.name"));
}

#[test]
fn later_files_need_what_is_before_them() {
    let file = |name: &str, text: &str| Source::new(name, Origin::File, text);
    let (uses, defines) = (rule("r", "evt.type = open and m"), "- macro: m\n  condition: fd.name = x\n");
    let errors = |files: &[Arc<Source>]| load(files, sources(), Vec::new()).diagnostics.errors().count();
    assert_eq!(errors(&[file("a", &uses), file("b", defines)]), 1);
    assert_eq!(errors(&[file("a", defines), file("b", &uses)]), 0);
    // What is not used by one file may be used by the next.
    let warned = load(&[file("a", defines), file("b", &uses)], sources(), Vec::new()).diagnostics;
    assert_eq!(warned.0.len(), 0, "{warned:?}");
}

#[test]
fn outputs_get_what_is_asked_for() {
    let text = format!("{}  tags: [t]\n", rule("r", "evt.type = open"));
    let extra = |rule: Option<&str>, tags: &[&str], format: &str| ExtraOutput {
        rule: rule.map(str::to_owned),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        format: Some(format.to_owned()),
        fields: vec![("evt.num".to_owned(), None), ("x".to_owned(), Some("%fd.name".to_owned()))],
        ..ExtraOutput::default()
    };
    let extras = vec![extra(None, &["t"], "a"), extra(Some("r"), &[], "b"), extra(Some("s"), &[], "c"), extra(None, &["t", "u"], "d")];
    let loaded = load(&[Source::new("rules.yaml", Origin::File, text)], sources(), extras);
    let rule = &loaded.rules.rules[0];
    assert_eq!((rule.format.as_str(), rule.output.as_str()), ("o a b", "o"));
    assert_eq!(rule.extra_fields[0], ExtraField { key: "evt.num".to_owned(), format: "%evt.num".to_owned(), is_raw: true });
    assert_eq!(rule.extra_fields.len(), 2);
}

#[test]
fn rules_are_selected_step_by_step() {
    let text: String = [("a one", "a"), ("a two", "a"), ("b", "b")]
        .map(|(name, tag)| format!("{}  tags: [{tag}]\n", rule(name, "evt.type = open")))
        .concat();
    let mut rules = load_text(&text).rules;
    let step = |enable, pick| Selection { enable, pick };
    let steps =
        [step(false, Pick::Name("*".to_owned())), step(true, Pick::Tag("a".to_owned())), step(false, Pick::Name("*one".to_owned()))];
    assert!(rules.select(&steps, None).is_empty());
    let on = |rules: &Rules| rules.rules.iter().filter(|rule| rule.enabled).map(|rule| rule.name.clone()).collect::<Vec<_>>();
    assert_eq!(on(&rules), ["a two"]);
    assert_eq!(rules.select(&[step(false, Pick::Tag("none".to_owned()))], Some(Priority::Warning)).len(), 1);
    assert!(on(&rules).is_empty());
}

#[test]
fn odd_rules_are_told() {
    let never = "- macro: never\n  condition: (evt.num = 0)\n";
    let lists = "- list: b\n  items: [x]\n- list: a\n  items: [c]\n- list: b\n  items: [a]\n- list: a\n  items: [b]\n";
    let two = |one: &str, two: &str| format!("{}{}", rule("one", one), rule("two", two));
    let table: [(String, &[&str]); 16] = [
        (rule("r", "evt.type = open and fd.name = x"), &[]),
        (rule("r", "evt.type = open and evt.type = close"), &["RULE_NEVER_TRUE"]),
        (rule("r", "evt.type = open and fd.name = x and not fd.name = x"), &["RULE_NEVER_TRUE"]),
        (format!("{never}{}", rule("r", "evt.type = open and never")), &["RULE_NEVER_TRUE"]),
        (format!("{never}{}", rule("r", "evt.type = open and not never")), &[]),
        (format!("{never}{}", rule("r", "evt.type = open and (fd.name = x or never)")), &[]),
        (format!("{never}{}", rule("r", "evt.type = open or (evt.type = close and never)")), &["MACRO_NEVER_TRUE"]),
        (format!("{lists}{}", rule("r", "evt.type = open and fd.name in (b)")), &["LIST_STAYS_NAME"]),
        (two("evt.type = open", "evt.type = open and fd.name = x"), &["RULE_SHADOWED"]),
        (two("evt.type = open and fd.name = x", "evt.type = open"), &[]),
        (two("evt.type in (open, openat)", "evt.type = open"), &["RULE_SHADOWED"]),
        (two("evt.type = open or evt.type = close", "evt.type in (open, close)"), &[]),
        (two("evt.type in (open, close)", "evt.type = open or evt.type = close and fd.name = x"), &["RULE_SHADOWED"]),
        (two("evt.type = open and not fd.name in (x, y)", "evt.type = open and not fd.name in (x, y, z)"), &["RULE_SHADOWED"]),
        (two("evt.type = open and not fd.name in (x, y)", "evt.type = open and not fd.name = x"), &[]),
        (two("evt.type = open", "evt.type = open") + "  enabled: false\n", &[]),
    ];
    for (text, wanted) in table {
        let loaded = load_text(&text);
        assert!(loaded.diagnostics.is_ok(), "{text} {:?}", loaded.diagnostics);
        let got: Vec<_> = lint(&loaded.rules, true).0.iter().map(|one| one.code.text()).collect();
        assert_eq!(got, wanted, "{text}");
    }
}

/// Input that asks for more than there is: an answer, and soon.
#[test]
fn hostile_files_are_refused() {
    let doubling: String = (0..200).map(|at| format!("- macro: m{}\n  condition: m{at} and m{at}\n", at + 1)).collect();
    // None of them is too large by itself.
    let twelve = format!("- macro: m0\n  condition: fd.name = x\n{}", doubling.lines().take(24).collect::<Vec<_>>().join("\n"));
    let together: String = (0..300).map(|at| rule(&format!("r{at}"), "m12")).collect();
    let together = format!("{twelve}\n{together}");
    let doubling = format!("- macro: m0\n  condition: fd.name = x\n{doubling}");
    let chain: String = (0..3000).map(|at| format!("- macro: m{}\n  condition: not m{at}\n", at + 1)).collect();
    let chain = format!("- macro: m0\n  condition: fd.name = x\n{chain}");
    let long = rule("r", &format!("evt.type = open{}", " and fd.name != x".repeat(60_000)));
    let deep = rule("r", &"(".repeat(100_000));
    let nots = rule("r", &format!("{} fd.name = x", "not ".repeat(100_000)));
    let lists: String = (0..2000).map(|at| format!("- list: l{}\n  items: [l{at}, l{at}]\n", at + 1)).collect();
    let lists = format!("- list: l0\n  items: [a]\n{lists}{}", rule("r", "fd.name in (l2000)"));
    let big_list = format!("- list: l\n  items: [{}]\n", "some-item, ".repeat(50_000));
    let big = format!("{big_list}{}", rule("r", &format!("fd.name in (l){}", " or fd.name in (l)".repeat(10_000))));
    let itself = format!("- macro: m\n  condition: m\n{}", rule("r", "m"));
    let looped =
        format!("- macro: a\n  condition: fd.name = x\n- macro: b\n  condition: a\n- macro: a\n  condition: b\n{}", rule("r", "a"));
    for (name, text, fails) in [
        ("doubling", doubling, true),
        ("together", together, true),
        ("chain", chain, true),
        ("long", long, false),
        ("deep", deep, true),
        ("nots", nots, false),
        ("lists", lists, false),
        ("big", big, true),
        ("itself", itself, true),
        ("looped", looped, true),
    ] {
        let loaded = load_text(&text);
        let first = loaded.diagnostics.errors().next().map(|error| error.message.clone());
        assert_eq!(first.is_some(), fails, "{name}: {first:?}");
    }
}
