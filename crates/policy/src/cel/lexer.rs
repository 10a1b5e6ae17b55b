//! Text to tokens (langdef, section "Syntax").

use super::{Failure, FailureKind};
use std::ops::Range;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Int(i64),
    /// The digits of a number that only fits with a minus before it.
    Huge(u64),
    Uint(u64),
    Double(f64),
    String(Box<str>),
    Bytes(Arc<[u8]>),
    Word(Box<str>),
    Symbol(&'static str),
    End,
}

/// Longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 26] = [
    "||", "&&", "<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", "[", "]", "{", "}", "(", ")", ".", ",", "=", ";",
];

/// The tokens of `text` with their bytes; the last one is [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Failure> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = skip(rest);
        let start = text.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            tokens.push((Token::End, start..start));
            return Ok(tokens);
        };
        let (token, length) =
            token(rest, first).map_err(|message| Failure { kind: FailureKind::Syntax, message, at: start..(start + first.len_utf8()) })?;
        tokens.push((token, start..start + length));
        rest = rest.get(length..).unwrap_or("");
    }
}

fn skip(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        match text.strip_prefix("//") {
            Some(comment) => text = comment.split_once('\n').map_or("", |(_, rest)| rest),
            None => return text,
        }
    }
}

fn token(text: &str, first: char) -> Result<(Token, usize), String> {
    if let Some(found) = string(text)? {
        return Ok(found);
    }
    if first.is_ascii_digit() || (first == '.' && text.chars().nth(1).is_some_and(|next| next.is_ascii_digit())) {
        return number(text);
    }
    if first.is_ascii_alphabetic() || first == '_' {
        let length = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        return Ok((Token::Word(text.get(..length).unwrap_or("").into()), length));
    }
    // A field name in backquotes, as cel-go reads them.
    if first == '`' {
        let inner = text.get(1..).and_then(|rest| rest.split_once('`')).map(|(inner, _)| inner);
        let inner = inner.ok_or("the name is not closed by another backquote")?;
        return Ok((Token::Word(inner.into()), inner.len() + 2));
    }
    let symbol = SYMBOLS.iter().find(|symbol| text.starts_with(**symbol));
    symbol.map(|symbol| (Token::Symbol(symbol), symbol.len())).ok_or_else(|| format!("`{first}` has no meaning here"))
}

fn number(text: &str) -> Result<(Token, usize), String> {
    let hex = text.starts_with("0x") || text.starts_with("0X");
    let mut length = if hex { 2 } else { 0 };
    let mut float = false;
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(length) {
        let next = bytes.get(length + 1);
        match byte {
            b'0'..=b'9' => length += 1,
            b'a'..=b'f' | b'A'..=b'F' if hex => length += 1,
            b'.' if !hex && !float && next.is_some_and(u8::is_ascii_digit) => {
                float = true;
                length += 2;
            }
            b'e' | b'E' if !hex => {
                let sign = usize::from(matches!(next, Some(b'+' | b'-')));
                if !bytes.get(length + 1 + sign).is_some_and(u8::is_ascii_digit) {
                    break;
                }
                float = true;
                length += 2 + sign;
            }
            _ => break,
        }
    }
    let digits = text.get(..length).unwrap_or("");
    if float {
        let value = digits.parse::<f64>().map_err(|_| format!("`{digits}` is no number"))?;
        return Ok((Token::Double(value), length));
    }
    let value = if hex { u64::from_str_radix(digits.get(2..).unwrap_or(""), 16).ok() } else { digits.parse::<u64>().ok() };
    let value = value.ok_or_else(|| format!("`{digits}` does not fit into 64 bits"))?;
    if matches!(bytes.get(length), Some(b'u' | b'U')) {
        return Ok((Token::Uint(value), length + 1));
    }
    Ok((i64::try_from(value).map_or(Token::Huge(value), Token::Int), length))
}

/// A string or bytes literal with its prefixes, if there is one.
fn string(text: &str) -> Result<Option<(Token, usize)>, String> {
    let prefix = text.find(['"', '\'']).filter(|at| *at <= 2).unwrap_or(usize::MAX);
    let Some(prefix) = text.get(..prefix) else { return Ok(None) };
    let letters = prefix.to_ascii_lowercase();
    if !matches!(letters.as_str(), "" | "r" | "b" | "rb" | "br") {
        return Ok(None);
    }
    let (raw, bytes) = (letters.contains('r'), letters.contains('b'));
    let body = text.get(prefix.len()..).unwrap_or("");
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| body.starts_with(quote)).unwrap_or("\"");
    let body = body.get(quote.len()..).unwrap_or("");
    let mut decoded = Vec::new();
    let mut rest = body;
    loop {
        if let Some(after) = rest.strip_prefix(quote) {
            let length = text.len() - after.len();
            let token = if bytes {
                Token::Bytes(decoded.into())
            } else {
                Token::String(String::from_utf8(decoded).map_err(|_| "the string is not UTF-8")?.into())
            };
            return Ok(Some((token, length)));
        }
        let Some(next) = rest.chars().next() else { return Err("the string is not closed".to_owned()) };
        if next == '\n' && quote.len() == 1 {
            return Err("the string is not closed on its line".to_owned());
        }
        if next == '\\' && !raw {
            rest = escape(rest.get(1..).unwrap_or(""), bytes, &mut decoded)?;
        } else {
            decoded.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
            rest = rest.get(next.len_utf8()..).unwrap_or("");
        }
    }
}

/// Decodes what follows a backslash; the rest of the text.
fn escape<'t>(text: &'t str, bytes: bool, decoded: &mut Vec<u8>) -> Result<&'t str, String> {
    let first = text.chars().next().ok_or("the string is not closed")?;
    let simple = match first {
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(11),
        '\\' | '?' | '"' | '\'' | '`' => u8::try_from(first).ok(),
        _ => None,
    };
    if let Some(byte) = simple {
        decoded.push(byte);
        return Ok(text.get(1..).unwrap_or(""));
    }
    let (skip, digits, radix) = match first {
        'x' | 'X' => (1, 2, 16),
        'u' => (1, 4, 16),
        'U' => (1, 8, 16),
        '0'..='3' => (0, 3, 8),
        _ => return Err(format!("`\\{first}` is no escape; write `\\\\` for a backslash, or a raw string: r'…'")),
    };
    let code = text.get(skip..skip + digits).and_then(|digits| u32::from_str_radix(digits, radix).ok());
    let code = code.ok_or_else(|| format!("`\\{first}` needs {digits} digits"))?;
    if bytes && matches!(first, 'x' | 'X' | '0'..='3') {
        decoded.push(u8::try_from(code).map_err(|_| format!("`\\{first}` is more than a byte"))?);
    } else {
        let c = char::from_u32(code).ok_or_else(|| format!("{code:#x} is no character"))?;
        decoded.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(text.get(skip + digits..).unwrap_or(""))
}
