//! Base64 (RFC 4648), as `data` of Secrets, `binaryData` of ConfigMaps and the files of host objects hold it.

/// What `text` stands for, if it is base64 of text. Line breaks are passed over.
pub(crate) fn text(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held, mut digits, mut padding) = (0_u32, 0_u8, 0_usize, 0_usize);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        digits += 1;
        bits = (bits << 6 | u32::from(digit)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    let complete = digits > 0 && (digits + padding).is_multiple_of(4) && padding <= 2;
    if complete { String::from_utf8(bytes).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn decodes_text() {
        let table = [
            ("cGFzc3dvcmQ=", Some("password")),
            ("cGFzc3dv\ncmQx", Some("password1")),
            ("YQ==", Some("a")),
            ("", None),
            ("=", None),
            ("YQ=", None),
            ("YQ==YQ==", None),
            ("hello", None),
            ("no base64", None),
            ("////", None),
        ];
        for (encoded, wanted) in table {
            assert_eq!(text(encoded).as_deref(), wanted, "{encoded}");
        }
    }
}
