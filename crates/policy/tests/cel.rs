//! The language: values, errors and costs of expressions.

use plimsoll_policy::cel::{Environment, FailureKind, Limits, Program, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// The value of an expression over `object`, or what kind of failure it is.
fn value_of(text: &str, object: &Json) -> Result<Json, FailureKind> {
    let program = Program::compile(text, &["object"]).map_err(|failure| failure.kind)?;
    let environment = Environment::new(vec![("object", Value::from(object))], Limits::default());
    program.evaluate(&environment).map(|value| value.to_json()).map_err(|failure| failure.kind)
}

fn check(table: &[(&str, Json)]) {
    let object = json!({"name": "web", "list": [3, 1, 2], "map": {"a": 1, "b": 2}, "none": null, "image": "nginx:1.27"});
    for (text, wanted) in table {
        assert_eq!(value_of(text, &object), Ok(wanted.clone()), "{text}");
    }
}

#[test]
fn operators() {
    check(&[
        ("1 + 2 * 3", json!(7)),
        ("(1 + 2) * 3", json!(9)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("7 % 4 == 3 && 7 / 2 == 3", json!(true)),
        ("1.5 * 2.0", json!(3.0)),
        ("'a' + \"b\" + '''c'''", json!("abc")),
        (r"r'\d' == '\\d'", json!(true)),
        ("[1, 2] + [3]", json!([1, 2, 3])),
        ("quantity('50k').add(quantity('20')) == quantity('50.02k')", json!(true)),
        ("type(ip('10.0.0.1')) == net.IP && type(duration('1s')) == google.protobuf.Duration", json!(true)),
        ("[3, 4].transformList(i, x, i > 0, x * 2)", json!([8])),
        ("format.dns1123LabelPrefix().validate('web-').hasValue() || format.uri().validate('a b').hasValue()", json!(true)),
        ("optional.ofNonZeroValue(duration('0s')).hasValue()", json!(false)),
        ("url('https://example.com/a b?c=d e').getEscapedPath()", json!("/a%20b")),
        ("1 == 1.0 && 1u == 1", json!(true)),
        ("'1' == 1", json!(false)),
        ("2 in object.list && 'a' in object.map && !('c' in object.map)", json!(true)),
        ("object.name == 'web' ? 'yes' : 'no'", json!("yes")),
        ("timestamp('2026-01-02T03:04:05Z') + duration('1h') > timestamp('2026-01-02T04:00:00Z')", json!(true)),
        ("duration('90m').getHours()", json!(1)),
        ("timestamp('2026-01-02T23:30:00Z').getHours('+01:00')", json!(0)),
        ("timestamp('2026-07-02T23:30:00Z').getHours('America/New_York')", json!(19)),
        ("timestamp('2026-01-02T23:30:00Z').getDayOfMonth('Asia/Kolkata')", json!(2)),
        ("type(1) == int && type('') == string", json!(true)),
    ]);
}

#[test]
fn macros() {
    check(&[
        ("object.list.all(x, x > 0) && object.list.exists(x, x == 2) && object.list.exists_one(x, x < 2)", json!(true)),
        ("object.list.map(x, x * 2)", json!([6, 2, 4])),
        ("object.list.map(x, x > 1, x)", json!([3, 2])),
        ("object.map.filter(k, object.map[k] > 1)", json!(["b"])),
        ("object.list.all(i, x, i < 3)", json!(true)),
        ("object.map.transformMap(k, v, v + 1)", json!({"a": 2, "b": 3})),
        ("object.list.map(x, object.list.map(y, x * y).sum()).sum()", json!(36)),
        ("cel.bind(x, object.list.size(), x * x)", json!(9)),
        ("has(object.name) && !has(object.absent) && !has(object.none)", json!(true)),
        ("object.?map.?c.orValue(7) + object.?map[?'a'].orValue(0)", json!(8)),
        ("object.?map.a.optMap(x, x + 1).value()", json!(2)),
        ("[1, ?object.?absent, 2]", json!([1, 2])),
        ("object.list.sortBy(x, -x)", json!([3, 2, 1])),
    ]);
}

#[test]
fn a_decision_outweighs_errors() {
    check(&[
        ("object.absent == 1 || true", json!(true)),
        ("object.absent == 1 && false", json!(false)),
        ("[1, 2].exists(x, x == 2 || object.absent)", json!(true)),
    ]);
}

#[test]
fn libraries() {
    check(&[
        ("'a,b,c'.split(',', 2)", json!(["a", "b,c"])),
        ("['a', 'b'].join('-').upperAscii()", json!("A-B")),
        ("'hello'.substring(1, 3) + 'x'.replace('x', 'y')", json!("ely")),
        ("'%s has %d of %.2f'.format(['a', 3, 1.5])", json!("a has 3 of 1.50")),
        ("object.image.find('[0-9.]+$')", json!("1.27")),
        ("'é'.matches('^\\\\w$')", json!(false)),
        ("quantity('1Gi').isGreaterThan(quantity('500M')) && quantity('500m').compareTo(quantity('0.5')) == 0", json!(true)),
        ("quantity('1.5').add(quantity('500m')).asInteger()", json!(2)),
        ("semver('1.2.3-rc.1').isLessThan(semver('1.2.3'))", json!(true)),
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3') && !cidr('10.0.0.0/8').containsIP('11.0.0.1')", json!(true)),
        ("ip('fe80::1').isLinkLocalUnicast() && ip('10.0.0.1').family() == 4", json!(true)),
        ("url('https://a.example:8443/x?q=1').getPort() == '8443'", json!(true)),
        ("!format.dns1123Label().validate('Not-a-label').value().isSorted() || true", json!(true)),
        ("sets.contains([1, 2, 3], [2]) && math.greatest(1, 5, 3) == 5", json!(true)),
        ("[1, 1, 2].distinct().size() == 2 && [3, 1].sort() == [1, 3]", json!(true)),
        ("image('nginx').registry() + '/' + image('nginx').repository()", json!("index.docker.io/library/nginx")),
    ]);
}

#[test]
fn what_does_not_compile_says_where() {
    let table = [
        ("object.list.all(x, y)", 19..20, "no variable is called `y`; there are x, object"),
        ("object.name.endWith('a')", 12..19, "no method is called `endWith`"),
        ("object.name.matches('(')", 0..24, "no regular expression"),
        ("1 + 'a'", 0..7, "`+` does not take int and string"),
        ("object.name == ", 15..15, "expected an expression, found the end"),
        ("'open", 0..1, "the string is not closed"),
        ("'a' && true", 0..11, "`&&` takes bool, not string"),
        ("size(1, 2)", 0..4, "does not take 2 arguments"),
    ];
    for (text, at, message) in table {
        let failure = Program::compile(text, &["object"]).unwrap_err();
        assert!(failure.message.contains(message), "{text}: {}", failure.message);
        assert_eq!(failure.at, at, "{text}: {}", failure.message);
    }
}

#[test]
fn evaluation_fails_as_in_the_api_server() {
    let object = json!({"list": [1], "text": "a"});
    for text in [
        "object.absent",
        "object.list[1]",
        "1 / (object.list[0] - 1)",
        "9223372036854775807 + object.list[0]",
        "object.text > 1",
        "quantity('x')",
        "timestamp(0).getHours('Europe/Nowhere')",
    ] {
        assert_eq!(value_of(text, &object), Err(FailureKind::Evaluation), "{text}");
    }
    assert_eq!(value_of("time.now() > timestamp(0)", &object), Err(FailureKind::Unsupported));
}

#[test]
fn cost_and_nesting_have_limits() {
    let object = json!({"list": (0..400).collect::<Vec<_>>()});
    let cubed = "object.list.all(a, object.list.all(b, object.list.all(c, a + b + c >= 0)))";
    assert_eq!(value_of(cubed, &object), Err(FailureKind::Cost));
    assert_eq!(value_of("lists.range(100000000).size()", &object), Err(FailureKind::Cost));
    // Just below the limit, there is stack enough.
    assert_eq!(value_of(&format!("{}1{}", "(".repeat(60), ")".repeat(60)), &object), Ok(json!(1)));
    assert_eq!(value_of(&vec!["1"; 140].join(" + "), &object), Ok(json!(140)));
    assert_eq!(value_of(&format!("{}1{}", "(".repeat(1000), ")".repeat(1000)), &object), Err(FailureKind::Syntax));
    assert_eq!(value_of(&vec!["1"; 5000].join(" + "), &object), Err(FailureKind::Syntax));
    assert_eq!(value_of(&"!".repeat(5000), &object), Err(FailureKind::Syntax));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "([a-z0-9 .,()\\[\\]{}?:+*/%<>=!&|'\"\\\\-]|object|all|has|size|in ){0,40}") {
        let _ = value_of(&text, &json!({"a": [1, {"b": null}], "b": "x"}));
    }

    #[test]
    fn whole_numbers_are_written_and_read(a in any::<i64>(), b in any::<i64>()) {
        let wanted = a.checked_add(b).map(Json::from).ok_or(FailureKind::Evaluation);
        prop_assert_eq!(value_of(&format!("({a}) + ({b})"), &json!({})), wanted);
        prop_assert_eq!(value_of(&format!("int(string({a})) == {a}"), &json!({})), Ok(json!(true)));
    }
}
