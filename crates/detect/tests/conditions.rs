//! The grammar of conditions: what is read, what is printed, what is refused, and that hostile texts do no harm.

use plimsoll_detect::condition::{Expr, Options, parse, parse_operand, parse_with, print};

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
