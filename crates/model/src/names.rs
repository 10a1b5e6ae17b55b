//! Names that the Kubernetes API accepts.
//!
//! Source: kubernetes apimachinery `pkg/util/validation`; *Object Names and IDs* in the Kubernetes documentation.

/// Whether `text` is an RFC 1123 label, as the names of namespaces are: at most 63 lower case letters, digits and `-`, with
/// none of these at the ends.
pub fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

/// Whether `text` is an RFC 1123 subdomain, as most names are: parts like labels, with dots between them, at most 253
/// characters in all.
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_part)
}

fn is_part(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains() {
        let (long_label, long_name) = ("a".repeat(64), format!("{}a", "a.".repeat(127)));
        let cases = [
            ("a", true, true),
            ("a-1", true, true),
            ("0", true, true),
            ("a.b-c.9", false, true),
            (long_label.as_str(), false, true),
            (long_name.as_str(), false, false),
            ("", false, false),
            ("A", false, false),
            ("-a", false, false),
            ("a-", false, false),
            ("a_b", false, false),
            ("a..b", false, false),
            (".a", false, false),
            ("a.", false, false),
            ("a.-b", false, false),
            ("\u{e4}", false, false),
            ("*", false, false),
        ];
        for (text, label, subdomain) in cases {
            assert_eq!((is_dns_label(text), is_dns_subdomain(text)), (label, subdomain), "{text}");
        }
    }
}
