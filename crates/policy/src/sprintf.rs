//! `sprintf` of Rego, which is `fmt.Sprintf` of Go: verbs without an argument and arguments without a verb are written out
//! and not an error (<https://pkg.go.dev/fmt>; OPA `topdown/strings.go`).

use regorus::Value;

/// `%`, flags, width, precision, verb.
#[derive(Default)]
struct Verb {
    verb: char,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// The text of `format` with `arguments` filled in.
pub(crate) fn sprintf(format: &str, arguments: &[&Value]) -> String {
    let mut out = String::with_capacity(format.len());
    let mut arguments = arguments.iter().copied();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut verb = Verb::default();
        loop {
            match chars.peek() {
                Some('-') => verb.minus = true,
                Some('+') => verb.plus = true,
                Some('#') => verb.sharp = true,
                Some(' ') => verb.space = true,
                Some('0') => verb.zero = true,
                _ => break,
            }
            chars.next();
        }
        let number = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut number = 0_usize;
            while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
                // Wider than any message is as good as endless.
                number = (number * 10 + digit as usize).min(1 << 12);
                chars.next();
            }
            number
        };
        verb.width = number(&mut chars);
        if chars.next_if_eq(&'.').is_some() {
            verb.precision = Some(number(&mut chars));
        }
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(letter) => {
                verb.verb = letter;
                match arguments.next() {
                    Some(argument) => out.push_str(&verb.pad(&verb.write(argument))),
                    None => out.push_str(&format!("%!{letter}(MISSING)")),
                }
            }
        }
    }
    let extra: Vec<String> = arguments.map(|argument| format!("{}={}", go_type(argument), plain(argument))).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

impl Verb {
    fn write(&self, value: &Value) -> String {
        let whole = int(value);
        let decimal = if let Value::Number(_) = value { value.as_f64().ok() } else { None };
        match (self.verb, whole, decimal) {
            ('v', Some(whole), _) | ('d', Some(whole), _) => self.sign(whole < 0, &whole.unsigned_abs().to_string()),
            ('b', Some(whole), _) => self.sign(whole < 0, &format!("{:b}", whole.unsigned_abs())),
            ('o', Some(whole), _) => self.sign(whole < 0, &format!("{}{:o}", if self.sharp { "0" } else { "" }, whole.unsigned_abs())),
            ('x', Some(whole), _) => self.sign(whole < 0, &format!("{}{:x}", if self.sharp { "0x" } else { "" }, whole.unsigned_abs())),
            ('X', Some(whole), _) => self.sign(whole < 0, &format!("{}{:X}", if self.sharp { "0X" } else { "" }, whole.unsigned_abs())),
            ('c', Some(whole), _) => u32::try_from(whole).ok().and_then(char::from_u32).unwrap_or('\u{fffd}').to_string(),
            ('f' | 'F', None, Some(decimal)) => self.sign(decimal < 0.0, &format!("{:.*}", self.precision.unwrap_or(6), decimal.abs())),
            ('v' | 'g', None, Some(decimal)) => match self.precision {
                Some(digits) => self.sign(decimal < 0.0, &format!("{:.digits$}", decimal.abs())),
                None => plain(value),
            },
            ('v' | 's', None, None) if self.precision.is_some() => plain(value).chars().take(self.precision.unwrap_or(0)).collect(),
            ('v' | 's', None, None) => plain(value),
            ('q', None, None) => quoted(&plain(value)),
            ('x', None, None) => plain(value).bytes().map(|byte| format!("{byte:02x}")).collect(),
            ('T', _, _) => go_type(value).to_owned(),
            (verb, _, _) => format!("%!{verb}({}={})", go_type(value), plain(value)),
        }
    }

    fn sign(&self, negative: bool, digits: &str) -> String {
        let sign = match (negative, self.plus, self.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        };
        let zeros = if self.zero && !self.minus { self.width.saturating_sub(sign.len() + digits.len()) } else { 0 };
        format!("{sign}{}{digits}", "0".repeat(zeros))
    }

    fn pad(&self, text: &str) -> String {
        let missing = " ".repeat(self.width.saturating_sub(text.chars().count()));
        if self.minus { format!("{text}{missing}") } else { format!("{missing}{text}") }
    }
}

fn int(value: &Value) -> Option<i64> {
    if let Value::Number(_) = value { value.as_i64().ok() } else { None }
}

/// The type that OPA gives to Go: whatever is no number is text.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Number(_) if int(value).is_some() => "int",
        Value::Number(_) => "float64",
        _ => "string",
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        other => term(other),
    }
}

/// A value as a term of Rego.
fn term(value: &Value) -> String {
    let list = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(", ");
    match value {
        Value::Array(items) => format!("[{}]", list(&mut items.iter().map(term))),
        Value::Set(items) if items.is_empty() => "set()".to_owned(),
        Value::Set(items) => format!("{{{}}}", list(&mut items.iter().map(term))),
        Value::Object(_) => match value.as_object() {
            Ok(map) => format!("{{{}}}", list(&mut map.iter().map(|(key, value)| format!("{}: {}", term(key), term(value))))),
            Err(_) => String::new(),
        },
        Value::String(text) => quoted(text),
        Value::Undefined => String::new(),
        Value::Number(_) | Value::Bool(_) | Value::Null => value.to_json_str().unwrap_or_default(),
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn as_go_writes_it() {
        let table = [
            ("%v is %s", json!(["a", "b"]), "a is b"),
            ("%d%% of %v", json!([5, 7]), "5% of 7"),
            ("%v and %v", json!([1]), "1 and %!v(MISSING)"),
            ("%v", json!([1, 2, "x"]), "1%!(EXTRA int=2, string=x)"),
            ("%s %d", json!([5, "a"]), "%!s(int=5) %!d(string=a)"),
            ("%o %x %X %05d|%-4d|%4d", json!([420, 255, 255, 42, 7, 7]), "644 ff FF 00042|7   |   7"),
            ("%v %v %v", json!([["a", 1, null], {"k": [true]}, 1.5]), "[\"a\", 1, null] {\"k\": [true]} 1.5"),
            ("%.2f %q %+d", json!([1.25, "q", 3]), "1.25 \"q\" +3"),
            ("%", json!([]), "%!(NOVERB)"),
        ];
        for (format, arguments, wanted) in table {
            let arguments: Vec<Value> = arguments.as_array().unwrap().iter().cloned().map(Value::from).collect();
            assert_eq!(sprintf(format, &arguments.iter().collect::<Vec<_>>()), wanted);
        }
    }
}
