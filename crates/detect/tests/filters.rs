//! Conditions with their fields, and outputs: what is refused and why, what is said of an event, what is printed of it.

#![cfg(test)]

use bumpalo::Bump;
use plimsoll_detect::condition::{Operator, parse};
use plimsoll_detect::fields::{Arg, ArgRule, Catalogue, Facts, Field, FieldError, FieldId, FieldInfo, Limits};
use plimsoll_detect::filter::{Filter, compare};
use plimsoll_detect::format::Format;
use plimsoll_detect::{IpNet, Value};
use plimsoll_model::events::{Format as Numbers, ParamType};
use proptest::prelude::*;
use serde_json::Map;
use std::net::IpAddr;
use std::sync::LazyLock;

const NONE: Limits = Limits::NONE;
const OWN: Limits = Limits { no_rhs: true, no_transformer: true, ..NONE };
const ENDS: Limits = Limits { filter_only: true, both_ends: true, ..OWN };

static FIELDS: LazyLock<Vec<FieldInfo>> = LazyLock::new(|| {
    use ParamType as P;
    let field = |name, kind, format, list, limits, arg| FieldInfo { name, kind, format, list, arg, limits, description: "" };
    let index = ArgRule { index: true, ..ArgRule::NONE };
    vec![
        field("t.name", P::CharBuf, Numbers::Plain, false, NONE, ArgRule::NONE),
        field("t.path", P::FsPath, Numbers::Plain, false, NONE, ArgRule::NONE),
        field("t.data", P::ByteBuf, Numbers::Plain, false, NONE, ArgRule::NONE),
        field("t.num", P::Int64, Numbers::Decimal, false, NONE, ArgRule::NONE),
        field("t.small", P::UInt16, Numbers::Hex, false, NONE, ArgRule::NONE),
        field("t.yes", P::Bool, Numbers::Plain, false, NONE, ArgRule::NONE),
        field("t.port", P::Port, Numbers::Decimal, false, NONE, ArgRule::NONE),
        field("t.sip", P::IpAddr, Numbers::Plain, false, NONE, ArgRule::NONE),
        field("t.snet", P::IpNet, Numbers::Plain, false, NONE, ArgRule::NONE),
        field("t.names", P::CharBuf, Numbers::Plain, true, NONE, ArgRule::NONE),
        field("t.ip", P::IpAddr, Numbers::Plain, false, ENDS, ArgRule::NONE),
        field("t.net", P::IpNet, Numbers::Plain, false, ENDS, ArgRule::NONE),
        field("t.aname", P::CharBuf, Numbers::Plain, false, OWN, index),
        field("t.apid", P::Int64, Numbers::Decimal, false, OWN, index),
        field("t.missing", P::CharBuf, Numbers::Plain, false, NONE, ArgRule::NONE),
        field("evt.type", P::CharBuf, Numbers::Plain, false, NONE, ArgRule::NONE),
        field("evt.rawtime", P::AbsTime, Numbers::Decimal, false, NONE, ArgRule::NONE),
        field("evt.around", P::UInt64, Numbers::Decimal, false, ENDS, ArgRule { required: true, ..index }),
        field("evt.time", P::CharBuf, Numbers::Plain, false, NONE, ArgRule::NONE),
    ]
});

/// What the fields say: `t.apid` 3 and 1, `t.apid[0]` 5.
fn said(field: &Field) -> Vec<Value<'static>> {
    let ip = |text: &str| Value::Ip(text.parse().unwrap());
    match (field.info.name, &field.arg) {
        ("t.name", _) => vec![Value::Text(b"Cat \xff")],
        ("t.path", _) => vec![Value::Text(b"/etc/shadow")],
        ("t.data", _) => vec![Value::Bytes(b"GET \0\x01")],
        ("t.num", _) => vec![Value::Int(-2)],
        ("t.small", _) => vec![Value::Uint(255)],
        ("t.yes", _) => vec![Value::Bool(true)],
        ("t.port", _) => vec![Value::Uint(80)],
        ("t.sip" | "t.snet", _) => vec![ip("10.1.2.3")],
        ("t.names", _) => vec![Value::Text(b"a"), Value::Text(b"b")],
        ("t.ip" | "t.net", _) => vec![ip("10.1.2.3"), ip("192.0.2.1")],
        ("t.aname", None) => vec![Value::Text(b"sh"), Value::Text(b"init")],
        ("t.aname", Some(_)) => vec![Value::Text(b"sh")],
        ("t.apid", None) => vec![Value::Int(3), Value::Int(1)],
        ("t.apid", Some(_)) => vec![Value::Int(5)],
        ("evt.type", _) => vec![Value::Text(b"openat")],
        ("evt.rawtime", _) => vec![Value::Uint(5_000_000)],
        ("evt.time", _) => vec![Value::Text(b"00:00:00.005000000")],
        _ => Vec::new(),
    }
}

struct Fields;

impl Catalogue for Fields {
    fn all(&self) -> &[FieldInfo] {
        &FIELDS
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, FieldError> {
        let at = FIELDS.iter().position(|field| field.name == name).ok_or(FieldError::Unknown)?;
        let info = &FIELDS[at];
        let arg = match arg.map(str::parse) {
            Some(_) if !info.arg.allowed() => return Err(FieldError::Unknown),
            Some(Ok(index)) => Some(Arg::Index(index)),
            Some(Err(_)) => return Err(FieldError::Argument("no number".to_owned())),
            None => None,
        };
        Ok(Field { id: FieldId(u16::try_from(at).unwrap()), info, arg, kind: info.kind })
    }

    fn nearest(&self, name: &str) -> Vec<&'static str> {
        plimsoll_detect::fields::nearest(FIELDS.iter().map(|field| field.name), name)
    }
}

struct Event<'e>(&'e Bump);

impl<'e> Facts<'e> for Event<'e> {
    fn extract(&self, field: &Field, out: &mut Vec<Value<'e>>) {
        out.extend(said(field));
    }

    fn arena(&self) -> &'e Bump {
        self.0
    }
}

/// `true` or `false` with the warnings, or what is wrong.
fn asked(text: &str) -> String {
    let arena = Bump::new();
    let expr = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    match Filter::compile(&expr, &Fields) {
        Ok((filter, warnings)) => {
            let warnings: String = warnings.iter().map(|warning| format!(" ({})", warning.message)).collect();
            format!("{}{warnings}", filter.holds(&Event(&arena)))
        }
        Err(error) => error.message,
    }
}

#[test]
fn conditions_are_asked_of_an_event() {
    for (text, wanted) in [
        ("t.name = 'Cat \\xff' and not t.name = cat", "true"),
        ("t.name icontains AT or t.num > 0", "true"),
        ("t.missing != x", "false"),
        ("not t.missing = x and not t.missing exists", "true"),
        ("t.name regex '[A-Z]at .'", "true"),
        ("t.name glob 'C?t*' and t.name iglob 'c*'", "true"),
        ("t.path pmatch (/usr, /etc) and not t.path pmatch (/etc/shad)", "true"),
        ("t.num = -2 and t.num < -1 and t.num in (1, -2)", "true"),
        ("t.small = 65791 and t.small > 254", "true"),
        ("t.port = http and t.port in (https, www)", "true"),
        ("t.yes = true and t.yes in (false, true)", "true"),
        ("t.data bstartswith 474554 and t.data contains '\\x00' and t.data endswith '\\x01'", "true"),
        ("t.sip = 10.1.2.3 and t.sip != ::1 and t.snet in (192.0.2.0/24, 10.0.0.0/8)", "true"),
        ("t.names in (a, b, c) and t.names intersects (b) and not t.names in (a)", "true"),
        ("t.ip = 192.0.2.1 and t.net = 10.0.0.0/8", "true"),
        ("t.ip != 192.0.2.1 or t.net != 10.0.0.0/8", "false"),
        ("t.aname = init and t.aname != init and t.aname in (init) and t.apid = 1", "true"),
        ("t.name = oneof (a, b)", "false"),
        ("t.path startswith oneof (/etc, /e, /x)", "false"),
        ("t.path startswith anyof (/x, /e) and t.path contains allof (a, /)", "true"),
        ("t.path != allof (/a) and not t.path != allof ()", "true"),
        ("t.path startswith val(t.path) and tolower(t.name) = tolower(t.name)", "true"),
        ("len(t.names) = 2 and len(t.path) = 11 and basename(t.path) = shadow", "true"),
        ("join('-', (t.name, t.num, t.small)) = 'Cat \\xff--2-FF'", "true"),
        ("concat(t.name, '!') endswith ! and getopt((\"-ab\", \"c\"), \"ab:\")[b] = c", "true"),
        ("b64('aGk=') = hi and not b64('aGl=') exists and not b64('=') exists", "true"),
        ("evt.around[6000000] = 1 and not evt.around[7000000] = 1", "true"),
        ("evt.type in (openat, open)", "true"),
        ("t.ip in (10.1.2.3)", "false"),
        ("t.ip intersects (::1, 192.0.2.1)", "true"),
        (
            "t.net in (192.0.2.0/24, 10.0.0.0/8)",
            "true ('t.net' compares with the first of these values only; write one comparison for each)",
        ),
        ("t.aname = oneof (sh, sh)", "true ('t.aname' compares with the first of these values only; write one comparison for each)"),
        ("t.name = t.path", "false ('t.path' may be a valid field misused as a const string value)"),
        (
            "t.name regex ^cat",
            "false (regex check with '^cat' may be optimized with simpler operators such as '=', 'contains', 'startswith', 'endswith')",
        ),
    ] {
        assert_eq!(asked(text), wanted, "{text}");
    }
}

#[test]
fn what_cannot_be_asked_is_told_in_the_words_of_upstream() {
    let long = "x".repeat(256);
    for (text, wanted) in [
        ("spawned", "filter error: unexpected identifier 'spawned'"),
        ("t.nam = x", "filter_check called with nonexistent field t.nam"),
        ("t.name[1] = x", "filter_check called with nonexistent field t.name[1]"),
        ("t.aname[x] = x", "no number"),
        ("t.num contains x", "filter error: 'contains' operator not supported for numeric filters"),
        ("t.name bcontains 00", "filter error: 'bcontains' operator not supported for string filters"),
        ("t.data glob x", "filter error: 'glob' operator not supported for buffer filters"),
        ("t.sip glob x", "filter error: 'glob' operator not supported for ip address and network filters"),
        ("t.sip glob anyof (x)", "filter error: 'glob' with modifier not supported for ip address and network filters"),
        ("t.names == x", "filter error: '=' operator not supported list filters"),
        ("t.data bcontains 0x00", "filter error: bcontains and bstartswith operator support hex strings only"),
        ("t.num = 0x3", "0x3 is not a valid number"),
        ("t.port = nosuch", "unrecognized protocol nosuch"),
        ("t.yes = 1", "filter error: unrecognized boolean value 1"),
        ("t.name = 'a\\x00'", "filter error: filter value cannot contain a NUL byte (\\x00)"),
        (&format!("t.name = {long}"), &format!("filter parameter too long (used=257, available=256):{long}")),
        ("t.sip = 300.1.1.1", "unrecognized IPv4 address 300.1.1.1"),
        ("t.sip = fe80", "unrecognized IPv6 address fe80"),
        ("t.snet = 10.0.0.1", "unrecognized IP network 10.0.0.1"),
        ("t.snet = 10.0.0.0/33", "invalid netmask 33"),
        ("t.snet = ::/0", "invalid v6 netmask 0"),
        ("t.snet = ::", "invalid v6 netmask: ::"),
        ("t.name regex '('", "invalid regex pattern: missing ): ("),
        ("evt.type = openit", "unknown event type openit"),
        ("evt.around[1] in (1)", "evt.around supports only '=' comparison operator"),
        ("t.name regex val(t.path)", "operator 'REGEX' doesn't support right-hand side fields"),
        ("t.snet = val(t.snet)", "field type 'IPNET' doesn't support right-hand side fields"),
        ("t.aname = val(t.name)", "field 't.aname' doesn't support right-hand side fields"),
        ("t.name = val(t.aname)", "field 't.aname' can't be used as a right-hand side field"),
        ("t.name = val(t.num)", "field 't.name' has type 'CHARBUF' while the right-hand side field 't.num' has incompatible type 'INT64'"),
        (
            "t.names in val(t.name)",
            "field 't.names' has type 'CHARBUF' (list) while the right-hand side field 't.name' has incompatible type 'CHARBUF'",
        ),
        ("len(t.aname) = 2", "field 't.aname' does not support transformers"),
        (
            "len(len(t.name)) = 1",
            "can't add field transformer: type 'UINT64' is not supported by 'len' transformer applied on field 't.name'",
        ),
        ("toupper(t.name)[x] = x", "filter error: transformer 'toupper' does not support field arguments"),
        ("tolower(t.name, t.path) = x", "unknown multivalue transformer"),
        ("concat(t.name) = x", "unknown field transfomer 'concat'"),
        ("join(t.name, t.name) = x", "join() second argument must be a list"),
        ("getopt(t.names, 'a')[ab] = x", "getopt() field argument must be a single option character"),
    ] {
        assert_eq!(asked(text), wanted, "{text}");
    }
    let error = Filter::compile(&parse("t.num = 1 and t.nbme exists").unwrap(), &Fields).unwrap_err();
    assert_eq!((error.at.column, error.help.is_some()), (15, true));
}

/// The text of an output, with `!` where it is not whole, or what is wrong.
fn printed(text: &str) -> String {
    let arena = Bump::new();
    match Format::compile(text, &Fields) {
        Ok(format) => {
            let mut out = Vec::new();
            let complete = format.text(&Event(&arena), &mut out);
            format!("{}{}", String::from_utf8_lossy(&out), if complete { "" } else { "!" })
        }
        Err(error) => format!("{}: {}", error.at, error.message),
    }
}

#[test]
fn outputs_print_values() {
    for (text, wanted) in [
        ("a %t.path b", "a /etc/shadow b"),
        ("%t.num%t.small%t.yesx", "-2FFtruex"),
        ("*%t.missing|%t.name", "<NA>|Cat \u{fffd}"),
        ("a %t.missing b", "a !"),
        ("%t.data %t.sip %t.snet", "GET .. 10.1.2.3 <IPNET>"),
        ("%t.names %t.aname %t.aname[1] %t.apid", "(a,b) sh init sh 5"),
        ("%4t.path|%14t.path|", "/etc|/etc/shadow   |"),
        ("%toupper(t.path)[x] %len(t.path)", "/ETC/SHADOW[x] 11"),
        ("", "0: empty formatting token"),
        ("a%", "2: invalid formatting syntax: formatting cannot end with a %"),
        ("a%12", "2: invalid formatting syntax: formatting cannot end with a number"),
        ("%t.nothing", "1: unknown filter: filter_check called with nonexistent field t.nothing"),
        (
            "%toupper(t.num)",
            "1: unknown filter: can't add field transformer: type 'INT64' is not supported by 'toupper' transformer applied on field 't.num'",
        ),
    ] {
        assert_eq!(printed(text), wanted, "{text}");
    }
    let arena = Bump::new();
    let mut fields = Map::new();
    let format = Format::compile("%t.names %t.num %t.small %evt.time %t.missing %t.data %toupper(t.path)", &Fields).unwrap();
    assert!(!format.json(&Event(&arena), true, &mut Map::new()));
    assert!(format.lenient().base64().json(&Event(&arena), false, &mut fields));
    assert_eq!(
        serde_json::to_value(fields).unwrap(),
        serde_json::json!({
            "t.names": ["a", "b"], "t.num": -2, "t.small": "FF", "evt.time": 5_000_000, "t.missing": null, "t.data": "R0VUIAAB",
            "t.path": "/etc/shadow",
        })
    );
}

fn value() -> impl Strategy<Value = (Vec<u8>, u8, i64, [u8; 16])> {
    (prop::collection::vec(any::<u8>(), 0..20), any::<u8>(), any::<i64>(), any::<[u8; 16]>())
}

fn made<'a>((bytes, which, number, address): &'a (Vec<u8>, u8, i64, [u8; 16])) -> Value<'a> {
    let ip = IpAddr::from(*address);
    match which % 8 {
        0 => Value::Int(*number),
        1 => Value::Uint(number.cast_unsigned()),
        2 => Value::Double(f64::from_bits(number.cast_unsigned())),
        3 => Value::Bool(*number > 0),
        4 => Value::Text(bytes),
        5 => Value::Bytes(bytes),
        6 => Value::Ip(ip),
        _ => Value::Net(IpNet { address: ip, prefix: *which }),
    }
}

proptest! {
    #[test]
    fn any_two_values_compare_and_print(left in value(), right in value(), kind in 0..ParamType::ALL.len(), operator in 0..Operator::ALL.len()) {
        let (kind, operator) = (ParamType::ALL[kind], Operator::ALL[operator]);
        let _ = compare(operator, kind, &made(&left), &made(&right));
        for format in Numbers::ALL {
            plimsoll_detect::format::print(kind, *format, &made(&left), &mut Vec::new());
            let _ = plimsoll_detect::format::json(kind, *format, &made(&left));
        }
    }

    #[test]
    fn any_text_is_an_output_or_not(text in "[%*]?([a-z0-9.%\\[\\]()\" ,]|%t\\.path|toupper\\(|t\\.num|\\[1\\]){0,20}") {
        let _ = printed(&text);
    }
}

#[test]
fn long_outputs_take_no_time() {
    assert!(printed(&"%t.path".repeat(20_000)).len() == 220_000);
    assert!(printed(&format!("%a.{}", "a".repeat(200_000))).contains("nonexistent"));
    assert!(printed(&format!("%toupper({}", "\"%".repeat(100_000))).contains("unknown filter"));
}
