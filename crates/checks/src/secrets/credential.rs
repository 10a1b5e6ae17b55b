//! What a credential looks like. What is said of one names its kind, never the value.

use crate::parameters::{Parameters, SENSITIVE_KEYS, SENSITIVE_KEYS_ALLOWED, SENSITIVE_VALUES, SENSITIVE_VALUES_ALLOWED};
use aho_corasick::AhoCorasick;
use regex::{Regex, RegexBuilder};
use std::sync::{LazyLock, OnceLock};

/// Kinds of credentials that their text alone gives away: words of which it contains one, and a pattern that nothing else matches.
const SHAPES: [(&str, &[&str], &str); 22] = [
    ("a private key", &["PRIVATE KEY"], r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    ("an AWS access key", &["AKIA", "ASIA"], r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    (
        "a GitHub token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b(?:gh[pousr]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{60,})",
    ),
    ("a GitLab token", &["glpat-", "gldt-", "glrt-", "glptt-", "glagent-"], r"\bgl(?:pat|dt|rt|ptt|agent)-[0-9A-Za-z_-]{20,}"),
    ("a Google API key", &["AIza"], r"\bAIza[0-9A-Za-z_-]{35}"),
    ("a Google OAuth secret", &["GOCSPX-"], r"\bGOCSPX-[0-9A-Za-z_-]{28}"),
    ("a Slack token", &["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-"], r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}"),
    ("a Slack webhook", &["https://hooks.slack.com/"], r"https://hooks\.slack\.com/(?:services|workflows)/[0-9A-Za-z/]{20,}"),
    ("a Stripe key", &["rk_live_", "sk_live_"], r"\b[rs]k_live_[0-9A-Za-z]{16,}"),
    ("a JSON Web Token", &["eyJ"], r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}"),
    ("an Azure storage key", &["AccountKey="], r"\bAccountKey=[0-9A-Za-z+/]{86}=="),
    ("an Azure client secret", &["8Q~"], r"\b[0-9A-Za-z_~.]{3}8Q~[0-9A-Za-z_~.-]{34}\b"),
    ("an npm token", &["npm_"], r"\bnpm_[0-9A-Za-z]{36}\b"),
    ("a PyPI token", &["pypi-AgEIcHlwaS"], r"\bpypi-AgEIcHlwaS[0-9A-Za-z_-]{50,}"),
    ("a Docker Hub token", &["dckr_pat_", "dckr_oat_"], r"\bdckr_(?:pat|oat)_[0-9A-Za-z_-]{27,}"),
    ("a Hugging Face token", &["hf_"], r"\bhf_[A-Za-z]{34}\b"),
    ("an OpenAI key", &["T3BlbkFJ"], r"\bsk-(?:proj-|svcacct-)?[0-9A-Za-z_-]{20,}T3BlbkFJ[0-9A-Za-z_-]{20,}"),
    ("an Anthropic key", &["sk-ant-"], r"\bsk-ant-[a-z0-9]+-[0-9A-Za-z_-]{80,}"),
    ("a SendGrid key", &["SG."], r"\bSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}\b"),
    ("a Vault token", &["hvs.", "hvb.", "hvr."], r"\bhv[sbr]\.[0-9A-Za-z_-]{24,}"),
    ("a DigitalOcean token", &["doo_v1_", "dop_v1_", "dor_v1_"], r"\bdo[opr]_v1_[0-9a-f]{64}\b"),
    ("an age key", &["AGE-SECRET-KEY-1"], r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
];

/// The words of [`SHAPES`], each with its row. Nearly all texts contain none, and then no pattern is even compiled.
static WORDS: LazyLock<Option<(AhoCorasick, Vec<usize>)>> = LazyLock::new(|| {
    let words = || SHAPES.iter().enumerate().flat_map(|(row, (_, words, _))| words.iter().map(move |word| (word, row)));
    let search = AhoCorasick::new(words().map(|(word, _)| word)).ok()?;
    Some((search, words().map(|(_, row)| row).collect()))
});

/// The compiled patterns of [`SHAPES`].
static PATTERNS: [OnceLock<Option<Regex>>; SHAPES.len()] = [const { OnceLock::new() }; SHAPES.len()];

/// Whether `text` has the shape of a row of [`SHAPES`].
fn has_shape(row: usize, text: &str) -> bool {
    let Some((pattern, (_, _, source))) = PATTERNS.get(row).zip(SHAPES.get(row)) else { return false };
    // Word boundaries of ASCII: those of Unicode are slow in text that is not ASCII.
    let pattern = pattern.get_or_init(|| RegexBuilder::new(source).unicode(false).build().ok());
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// The first row of [`SHAPES`] whose shape `text` has.
fn shape(text: &str) -> Option<usize> {
    let (search, rows) = WORDS.as_ref()?;
    let found = search.find_overlapping_iter(text).filter_map(|found| rows.get(found.pattern().as_usize()).copied());
    let mut candidates: Vec<usize> = found.collect();
    candidates.sort_unstable();
    candidates.dedup();
    candidates.into_iter().find(|row| has_shape(*row, text))
}

/// A password in the address of a service; the group is the password.
static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"(?-u:\b)[a-z][a-z0-9+.-]*://[^\s/:@"']*:([^\s/@"']+)@"#).ok());

/// A flag of a command that takes a credential, and the credential where it is in the same word.
static FLAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = "password|passwd|passphrase|token|api[_-]?key|secret[_-]?key|access[_-]?key|client[_-]?secret|credentials?";
    Regex::new(&format!(r#"(?i)(?:^|[\s"'])(--?(?:[a-z0-9._-]*[._-])?(?:{names}))(?:$|[=\s]+(\S*))"#)).ok()
});

/// What the name of every such flag contains. Nearly all arguments contain none.
static FLAG_WORDS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().ascii_case_insensitive(true).build(["pass", "token", "key", "secret", "credential"]).ok());

/// The kind of credential that `text` contains by its looks.
pub(super) fn kind(text: &str) -> Option<&'static str> {
    if let Some((kind, ..)) = shape(text).and_then(|row| SHAPES.get(row)) {
        return Some(kind);
    }
    let has_password = |text: &str| {
        let passwords = ADDRESS.iter().flat_map(|address| address.captures_iter(text)).filter_map(|found| found.get(1));
        passwords.map(|password| password.as_str()).any(|password| !is_reference(password) && !is_masked(password))
    };
    (text.contains("://") && has_password(text)).then_some("a password in a URL")
}

/// Why an entry of this name and value is a credential, as far as the user's lists say.
pub(super) fn reason(name: &str, value: &str, any_case: bool, parameters: &Parameters) -> Option<String> {
    let value = value.trim();
    if value.is_empty() || value.starts_with('/') || is_reference(value) {
        return None;
    }
    let lower = name.to_lowercase();
    let named = |part: &str| !part.is_empty() && lower.contains(&part.to_lowercase());
    if parameters.get(&SENSITIVE_KEYS_ALLOWED).any(named) || parameters.patterns(&SENSITIVE_VALUES_ALLOWED)?.matching(value).is_some() {
        return None;
    }
    if let Some(kind) = kind(value) {
        return Some(format!("it looks like {kind}"));
    }
    let patterns = parameters.patterns(&SENSITIVE_VALUES)?;
    if let Some(pattern) = if any_case { patterns.matching_any_case(value) } else { patterns.matching(value) } {
        return Some(format!("its value matches `{pattern}`"));
    }
    if is_about_credentials(&lower) || is_setting(value) {
        return None;
    }
    let part = parameters.get(&SENSITIVE_KEYS).find(|part| named(part))?;
    Some(format!("its name contains `{part}`"))
}

/// The flags of one argument that take a credential, each with its value where that is in the argument too.
pub(super) fn flags(argument: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let may_have = argument.contains('-') && FLAG_WORDS.as_ref().is_some_and(|words| words.is_match(argument));
    let flag = if may_have { FLAG.as_ref() } else { None };
    let found = flag.into_iter().flat_map(|flag| flag.captures_iter(argument));
    found.filter_map(|found| {
        let value = found.get(2).map(|value| value.as_str().trim_matches(['"', '\'']));
        Some((found.get(1)?.as_str(), value))
    })
}

/// Whether the value of a flag is the credential itself.
pub(super) fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && !value.starts_with(['/', '-', '$', '@'])
        && !value.contains('`')
        && !is_reference(value)
        && !is_masked(value)
        && !is_setting(value)
}

/// A value that names a credential which is kept elsewhere, or is filled in later.
pub(super) fn is_reference(value: &str) -> bool {
    const SCHEMES: [&str; 9] =
        ["vault:", "ref+", "op://", "sm://", "arn:aws:", "secretref:", "secretsmanager:", "azurekeyvault@", "file:/"];
    let value = value.trim();
    let enclosed = |open: &str, close: &str| value.starts_with(open) && value.ends_with(close);
    enclosed("$(", ")")
        || enclosed("${", "}")
        || enclosed("{{", "}}")
        || enclosed("<", ">")
        || value
            .strip_prefix('$')
            .is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'))
        || SCHEMES.iter().any(|scheme| value.starts_with(scheme))
}

/// A value that something has already taken out.
pub(super) fn is_masked(value: &str) -> bool {
    let mut bytes = value.bytes();
    value.len() >= 3
        && (bytes.all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.'))
            || value.eq_ignore_ascii_case("redacted")
            || value.starts_with("ENC["))
}

/// A value that switches something on or off.
fn is_setting(value: &str) -> bool {
    ["true", "false", "null", "none", "enabled", "disabled"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// A name, in lower case, that speaks about a credential without being one: where it is, what it is called, how long it lasts.
fn is_about_credentials(name: &str) -> bool {
    const ENDS: [&str; 12] =
        ["name", "file", "path", "dir", "directory", "ttl", "timeout", "expiry", "expiration", "length", "enabled", "required"];
    let end = name.rsplit(['_', '-', '.']).next().unwrap_or_default();
    end.len() < name.len() && ENDS.contains(&end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_compile_and_match() {
        assert!(WORDS.is_some() && ADDRESS.is_some() && FLAG.is_some());
        for (kind, words, pattern) in SHAPES {
            assert!(RegexBuilder::new(pattern).unicode(false).build().is_ok(), "{kind}");
            assert!(!words.is_empty(), "{kind}");
        }
        let table = [
            ("-----BEGIN PRIVATE KEY-----\nMII", Some("a private key")),
            ("-----BEGIN EC PRIVATE KEY-----", Some("a private key")),
            ("-----BEGIN PUBLIC KEY-----", None),
            ("id=AKIAIOSFODNN7EXAMPLE", Some("an AWS access key")),
            ("AKIAIOSFODNN7", None),
            ("postgres://app:hunter2@db/app", Some("a password in a URL")),
            ("redis://:hunter2@cache:6379", Some("a password in a URL")),
            ("postgres://app:$(PASSWORD)@db/app", None),
            ("postgres://app:${PASSWORD}@db/app", None),
            ("postgres://app:****@db/app", None),
            ("http://web:8080/@scope", None),
            ("http://web:8080", None),
            ("a plain sentence of some length", None),
        ];
        for (text, wanted) in table {
            assert_eq!(kind(text), wanted, "{text}");
        }
    }

    #[test]
    fn names_and_values() {
        let parameters = Parameters::default();
        let reason = |name, value| reason(name, value, true, &parameters);
        assert_eq!(reason("DB_PASSWORD", "hunter2").as_deref(), Some("its name contains `password`"));
        assert_eq!(reason("HEADER", "bearer abc").as_deref(), Some("its value matches `Bearer`"));
        assert_eq!(reason("ID", "AKIAIOSFODNN7EXAMPLE").as_deref(), Some("it looks like an AWS access key"));
        for (name, value) in [
            ("DB_PASSWORD", ""),
            ("DB_PASSWORD", "$(FROM_ELSEWHERE)"),
            ("DB_PASSWORD", "vault:secret/data/db#password"),
            ("DB_PASSWORD", "/run/secrets/db"),
            ("DB_PASSWORD_FILE", "db.txt"),
            ("SECRET_NAME", "database"),
            ("TOKEN_TTL", "3600"),
            ("TOKEN_REQUIRED", "true"),
            ("USE_TOKEN", "true"),
            ("GREETING", "hello"),
        ] {
            assert_eq!(reason(name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn flags_with_their_values() {
        let table = [
            ("--password=hunter2", Some(("--password", Some("hunter2")))),
            ("--db-password=hunter2", Some(("--db-password", Some("hunter2")))),
            ("--token", Some(("--token", None))),
            ("exec app --api-key 'abc' --port 1", Some(("--api-key", Some("abc")))),
            ("--password-file=/run/secrets/db", None),
            ("--token-ttl=1h", None),
            ("--tokenizer=x", None),
            ("password", None),
        ];
        assert_eq!(flags("app --token $TOKEN --password hunter2").count(), 2);
        for (argument, wanted) in table {
            assert_eq!(flags(argument).next(), wanted, "{argument}");
        }
    }
}
