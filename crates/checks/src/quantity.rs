//! Kubernetes quantities: `500m`, `128Mi`, `1e3` (apimachinery `resource.Quantity`).

/// The value of a quantity; `None` if it is none.
pub(crate) fn parse(text: &str) -> Option<f64> {
    const SUFFIXES: [(&str, f64); 16] = [
        ("Ki", 1024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("Pi", 1_125_899_906_842_624.0),
        ("Ei", 1_152_921_504_606_846_976.0),
        ("n", 1e-9),
        ("u", 1e-6),
        ("m", 1e-3),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("P", 1e15),
        ("E", 1e18),
        ("", 1.0),
    ];
    let (number, factor) = SUFFIXES.iter().find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, factor)))?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    number.parse::<f64>().ok().filter(|_| plain).map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn quantities() {
        let table = [
            ("500m", Some(0.5)),
            ("1", Some(1.0)),
            ("1.5", Some(1.5)),
            ("1e3", Some(1000.0)),
            ("2E3", Some(2000.0)),
            ("128Mi", Some(134_217_728.0)),
            ("1G", Some(1e9)),
            ("", None),
            ("inf", None),
            ("abc", None),
            ("Mi", None),
        ];
        for (text, wanted) in table {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }
}
