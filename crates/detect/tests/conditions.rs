//! The grammar of conditions: what is read, what is printed, what is refused, and that hostile texts do no harm.

use plimsoll_detect::condition::{
    EventSet, Expr, Modifier, Node, Operand, Operator, Options, ParseError, Position, Reference, Right, Transformer, escape, event_types,
    left_transformers, parse, parse_operand, parse_with, print, resolve_macros, unescape,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn printed(text: &str) -> String {
    match parse_with(text, Options::RULES) {
        Ok(expr) => String::from_utf8_lossy(&print(&expr)).into_owned(),
        Err(error) => format!("{}:{}: {error}", error.at.line, error.at.column),
    }
}

#[test]
fn conditions_are_read_and_printed() {
    for (text, wanted) in [
        ("a", "a"),
        (" a and b or c ", "((a and b) or c)"),
        ("a and(b or c)", "(a and (b or c))"),
        ("not not not(a)", "not a"),
        ("proc.name=cat", "proc.name = cat"),
        ("proc.name in (a,'b c' , d)", "proc.name in (a, \"b c\", d)"),
        ("proc.name in shells", "proc.name in shells"),
        ("evt.arg.flags[0] exists", "evt.arg.flags[0] exists"),
        ("proc.env[\"\"] = x", "proc.env[\"\"] = x"),
        ("proc.name = oneof (a, b) or c", "(proc.name = oneof (a, b) or c)"),
        ("proc.name = oneof or c", "(proc.name = oneof or c)"),
        ("tolower( proc.name ) = val(proc.pname)", "tolower(proc.name) = val(proc.pname)"),
        ("join('-', (proc.name, \"x y\", 1)) = a", "join(-,(proc.name,\"x y\",1)) = a"),
        ("fd.num >= 0x1F", "fd.num >= 0x1F"),
        ("a.b = 'it\\'s'", "a.b = \"it's\""),
        ("a.b glob\n*", "a.b glob *"),
        ("", "1:1: filter input string is empty"),
        ("a b", "1:3: unexpected token after 'a', expecting 'or', 'and'"),
        ("a or\nb andc", "2:6: expected blank or '(' after 'and'"),
        (
            "a.b = 'x",
            "1:7: expected a string value or a field with a valid transformer: 'val', 'tolower', 'toupper', 'b64', 'basename', 'len', 'join', 'concat', 'getopt'",
        ),
        ("a.b in (a, )", "1:12: expected a string value"),
        ("a.b in (a", "1:10: expected a ')' token"),
        ("a.b = '\\q'", "1:11: unsupported string escape sequence: \\q"),
        ("(a", "1:3: expected a ')' token"),
        (
            "a.b ~ c",
            "1:5: expected a valid check operator: one of 'exists', '<=', '<', '>=', '>', '==', '=', '!=', 'glob', 'iglob', 'contains', 'icontains', 'bcontains', 'startswith', 'bstartswith', 'endswith', 'regex', 'intersects', 'in', 'pmatch'",
        ),
    ] {
        assert_eq!(printed(text), wanted, "{text}");
    }
}

#[test]
fn bytes_need_not_be_utf8() {
    let read = |text: &[u8]| parse(text).map(|expr| print(&expr));
    assert_eq!(read(b"a.b = '\xFF'"), Ok(b"a.b = \xFF".to_vec()));
    assert_eq!(read("a.b = ä".as_bytes()), Ok("a.b = ä".as_bytes().to_vec()));
    assert!(read(b"a.b = \xFF").is_err());
    assert!(read(b"a.b = 'a\0b'").is_err());
}

#[test]
fn a_field_is_read_at_the_start_of_a_text() {
    let length = |text: &str| parse_operand(text).map(|(_, length)| length).ok();
    assert_eq!(length("proc.name and more"), Some(9));
    assert_eq!(length("toupper(proc.aname[2])[x] rest"), Some(25));
    assert_eq!(length("nothing"), None);
}

#[test]
fn depth_is_limited_and_length_is_not() {
    let nested = |levels: usize| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
    assert!(parse(nested(19)).is_ok());
    assert_eq!(parse(nested(20)).unwrap_err().message, "exceeded max depth limit of 100");
    assert!(parse_with(nested(199), Options::RULES).is_ok());
    let any = Options { max_depth: u32::MAX };
    let deepest = |levels: usize| format!("{}a{}", "not(a or b and ".repeat(levels), ")".repeat(levels));
    let expr = parse_with(deepest(248), any).unwrap();
    assert!(parse_with(deepest(249), any).is_err());
    assert!(print(&expr).starts_with(b"not (a or (b and not (a or"));
    assert!(event_types(&expr, &[]).is_ok() && resolve_macros(&expr, |_| None).expr == expr);
    for open in ["(", "not(", "not not(", "a and (", "len(", "join((len("] {
        assert!(parse_with(open.repeat(200_000), any).is_err(), "{open}");
    }
    let long = vec!["proc.name = 'some thing'"; 50_000].join(" or ");
    let Ok(expr) = parse(&long) else { panic!("a long condition is read") };
    assert!(matches!(&expr.it, Expr::Or(children) if children.len() == 50_000));
    assert!(parse("not ".repeat(300_000) + "a").is_ok());
    assert!(parse(format!("a.b in ({})", "x,".repeat(300_000) + "x")).is_ok());
    assert!(parse(format!("a.b = '{}", "\\'".repeat(500_000))).is_err());
}

#[test]
fn macros_are_replaced() {
    let macros: BTreeMap<&str, Node<Expr>> =
        [("a", "b or c"), ("b", "x.y = 1"), ("c", "not d"), ("d", "x.z exists"), ("loop", "one and loop2"), ("loop2", "loop")]
            .into_iter()
            .map(|(name, text)| (name, parse(text).unwrap()))
            .collect();
    let resolve = |text: &str| resolve_macros(&parse(text).unwrap(), |name| macros.get(name));
    let names = |all: &[Reference]| all.iter().map(|reference| reference.name.clone()).collect::<Vec<_>>().join(" ");
    let good = resolve("a and not a and x.w = b");
    assert_eq!(
        String::from_utf8_lossy(&print(&good.expr)),
        "((x.y = 1 or not x.z exists) and not (x.y = 1 or not x.z exists) and x.w = b)"
    );
    assert_eq!((names(&good.used), names(&good.unknown), good.errors.len()), ("b d c a b d c a".to_owned(), String::new(), 0));
    let bad = resolve("x or loop");
    assert_eq!((names(&bad.used), names(&bad.unknown)), ("loop2 loop".to_owned(), "x one loop".to_owned()));
    assert_eq!(bad.errors, [ParseError { message: "reference loop in macro 'loop'".to_owned(), at: Position::START }]);
}

#[test]
fn macros_neither_grow_nor_nest_without_end() {
    for step in ["x.y = 1 and", "x.y = 1 and not", "not", ""] {
        let macros: BTreeMap<String, Node<Expr>> =
            (0..5000).map(|n| (format!("m{n}"), parse(format!("{step} m{}", n + 1)).unwrap())).collect();
        let deep = resolve_macros(&parse("m0").unwrap(), |name| macros.get(name));
        assert_eq!(deep.errors.len(), 1);
        assert!(deep.errors[0].message.ends_with("makes the condition too large"));
    }
    let doubling: BTreeMap<String, Node<Expr>> =
        (0..60).map(|n| (format!("m{n}"), parse(format!("m{0} or m{0}", n + 1)).unwrap())).collect();
    assert_eq!(resolve_macros(&parse("m0").unwrap(), |name| doubling.get(name)).errors.len(), 1);
}

/// Values that are printed as something that is read as the same: see `print`.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-z/.*-]{1,8}".prop_map(String::into_bytes),
        (prop::collection::vec(1..=255_u8, 0..8), "[ =\"']").prop_map(|(mut bytes, quoted)| {
            bytes.extend(quoted.bytes());
            bytes
        })
    ]
}

fn node<T>(it: T) -> Node<T> {
    Node { it, at: Position::START }
}

fn field() -> impl Strategy<Value = Operand> {
    (
        "[a-z]{1,4}\\.[a-z_0-9]{0,3}[a-z]".prop_filter("a name starts with a letter", |name| {
            name.split('.').all(|part| part.starts_with(|first: char| first.is_ascii_lowercase()))
        }),
        prop::option::of(value()),
    )
        .prop_map(|(name, arg)| Operand::Field { name, arg })
}

fn operand() -> impl Strategy<Value = Operand> {
    let literal = "[ ][a-z]{0,3}".prop_map(|text| Operand::Value(text.into_bytes()));
    let leaf = prop_oneof![field(), literal];
    let list = prop::collection::vec(leaf.clone().prop_map(node), 0..3).prop_map(Operand::List);
    let args = leaf.prop_recursive(3, 8, 3, move |inner| {
        let transformer = prop::sample::select(left_transformers().collect::<Vec<_>>());
        let values = prop::collection::vec(prop_oneof![inner, list.clone()].prop_map(node), 1..3);
        (transformer, values, prop::option::of(value())).prop_map(|(transformer, values, arg)| Operand::Transform {
            transformer,
            values,
            arg,
        })
    });
    prop_oneof![3 => field(), 1 => args.prop_filter("a literal stands on no side", |operand| !matches!(operand, Operand::Value(_)))]
}

fn check() -> impl Strategy<Value = Expr> {
    let pick = |some: &[&str]| {
        let some: Vec<Operator> = Operator::ALL.iter().copied().filter(|operator| some.contains(&operator.text())).collect();
        prop::sample::select(some)
    };
    let values = || prop::collection::vec(value(), 0..4).prop_map(Right::List);
    let text = || pick(&["=", "==", "!=", "contains", "glob", "bstartswith", "regex"]);
    let list = || pick(&["in", "intersects", "pmatch"]);
    let test = prop_oneof![
        (text(), value()).prop_map(|(operator, value)| (operator, None, Right::Value(value))),
        (text(), prop::sample::select(Modifier::ALL), values()).prop_map(|(operator, modifier, values)| (operator, Some(modifier), values)),
        (list(), values()).prop_map(|(operator, values)| (operator, None, values)),
        (pick(&["<", "<=", ">", ">="]), "[0-9]{1,4}").prop_map(|(operator, number)| (operator, None, Right::Value(number.into_bytes()))),
        (list(), field()).prop_map(|(operator, field)| {
            let val = Operand::Transform { transformer: Transformer::Val, values: vec![node(field)], arg: None };
            (operator, None, Right::Operand(val))
        }),
    ];
    prop_oneof![
        1 => "[b-m][a-z_]{0,5}[0-9]".prop_map(Expr::Identifier),
        1 => operand().prop_map(|left| Expr::Exists(Box::new(node(left)))),
        4 => (operand(), test).prop_map(|(left, (operator, modifier, right))| Expr::Compare {
            left: Box::new(node(left)), operator, modifier, right: Box::new(node(right)),
        }),
    ]
}

/// Trees that texts lead to: no `not` of a `not`, nothing that is joined with less than another.
fn tree() -> impl Strategy<Value = Expr> {
    check().prop_recursive(4, 24, 3, |inner| {
        let some = || prop::collection::vec(inner.clone().prop_map(node), 2..4);
        prop_oneof![
            some().prop_map(Expr::And),
            some().prop_map(Expr::Or),
            inner.clone().prop_map(|child| match child {
                Expr::Not(_) => child,
                child => Expr::Not(Box::new(node(child))),
            })
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again(tree in tree()) {
        let tree = node(tree);
        let text = print(&tree);
        match parse(&text) {
            Ok(again) => prop_assert_eq!(again, tree),
            Err(error) => prop_assert!(false, "{error} at {:?} in {}", error.at, text.escape_ascii()),
        }
    }

    #[test]
    fn a_condition_and_its_opposite_leave_no_event_type_out(tree in tree()) {
        let opposite = node(Expr::Not(Box::new(node(tree.clone()))));
        if let (Ok(one), Ok(other)) = (event_types(&node(tree), &[]), event_types(&opposite, &[])) {
            prop_assert_eq!(one.or(other), EventSet::all());
        }
    }

    #[test]
    fn quotes_hide_every_text(text in prop::collection::vec(any::<u8>(), 0..40)) {
        let quoted = escape(&[b" ", &*text].concat());
        prop_assert_eq!(unescape(&quoted).unwrap(), [b" ", &*text].concat());
    }
}
