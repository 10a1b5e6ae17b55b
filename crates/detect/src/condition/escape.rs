//! Texts in quotes. The escapes are those of falcosecurity/libs, `userspace/libsinsp/filter/escaping.cpp`.

/// Why a text in quotes cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EscapeError {
    /// `"` is escaped between `'`.
    #[error("invalid \\\" escape in '-quoted string")]
    DoubleQuote,
    /// `'` is escaped between `"`.
    #[error("invalid \\' escape in \"-quoted string")]
    SingleQuote,
    /// `\x` without two characters behind it.
    #[error("truncated hex char escape sequence")]
    TruncatedHex,
    /// `\x` with two characters that are no hexadecimal digits.
    #[error("invalid hex char escape sequence: {}", String::from_utf8_lossy(.0))]
    Hex([u8; 2]),
    /// A backslash before something else.
    #[error("unsupported string escape sequence: \\{}", String::from_utf8_lossy(&[*.0]))]
    Unsupported(u8),
}

/// A value as a condition writes it: in quotes if it holds a blank, a quote or the like. Adds it to `out`.
pub(super) fn escape_into(text: &[u8], out: &mut Vec<u8>) {
    let quoted = text.iter().any(|byte| matches!(byte, 0 | 0x08 | 0x0C | b'\n' | b'\r' | b'\t' | b' ' | b'=' | b'\\' | b'"' | b'\''));
    if !quoted {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        match byte {
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            other => out.push(*other),
        }
    }
    out.push(b'"');
}

/// A value as a condition writes it: in quotes if it holds a blank, a quote or the like.
#[must_use]
pub fn escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    escape_into(text, &mut out);
    out
}

/// What a text in quotes stands for; its first and last byte are the quotes.
///
/// # Errors
/// It holds an escape that there is not.
pub fn unescape(text: &[u8]) -> Result<Vec<u8>, EscapeError> {
    let [quote, inner @ .., _] = text else { return Ok(Vec::new()) };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        // A backslash at the very end escapes nothing.
        let Some(escaped) = bytes.next() else { break };
        out.push(match escaped {
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            // Old rules write `\ ` where they mean a backslash.
            b' ' | b'\\' => b'\\',
            b'/' => b'/',
            b'"' if *quote != b'"' => return Err(EscapeError::DoubleQuote),
            b'\'' if *quote != b'\'' => return Err(EscapeError::SingleQuote),
            b'"' | b'\'' => escaped,
            b'x' => {
                let (Some(high), Some(low)) = (bytes.next(), bytes.next()) else { return Err(EscapeError::TruncatedHex) };
                match (hex_digit(high), hex_digit(low)) {
                    (Some(high), Some(low)) => high << 4 | low,
                    _ => return Err(EscapeError::Hex([high, low])),
                }
            }
            other => return Err(EscapeError::Unsupported(other)),
        });
    }
    Ok(out)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
