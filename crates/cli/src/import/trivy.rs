//! `.trivyignore`: ids of checks, one a line (<https://trivy.dev/latest/docs/configuration/filtering/>).

use super::{Draft, Imported};
use crate::peers;
use std::path::Path;

/// Whether a file is such a list, by its name.
pub(super) fn is_list(name: &str) -> bool {
    Path::new(name).file_name().is_some_and(|name| name == ".trivyignore")
}

pub(super) fn read(name: &str, text: &str, imported: &mut Imported) {
    imported.found = true;
    let mut comment = String::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(said) = line.strip_prefix('#') {
            said.trim().clone_into(&mut comment);
            continue;
        }
        let mut words = line.split_whitespace();
        let Some(id) = words.next() else {
            comment.clear();
            continue;
        };
        let what = format!("{name}:{} ({id})", at + 1);
        let found = peers::answers("trivy-checks", &current(id));
        if found.is_empty() {
            imported.left(&what, "no check answers for it");
            continue;
        }
        let expires = words.find_map(|word| word.strip_prefix("exp:")).map(str::to_owned);
        if let Some(day) = expires.as_ref().filter(|day| day.parse::<jiff::civil::Date>().is_err()) {
            imported.left(&what, format_args!("`{day}` is no day"));
            continue;
        }
        let reason = if comment.is_empty() { format!("ignored in {name}") } else { comment.clone() };
        imported.add(&Draft { reason, expires, ..Draft::default() }, found.iter().copied());
    }
}

/// The id as Trivy writes it today: `AVD-KSV-0001` and `KSV001` are `KSV-0001`.
fn current(id: &str) -> String {
    let id = id.strip_prefix("AVD-").unwrap_or(id);
    match id.strip_prefix("KSV").filter(|digits| digits.len() == 3 && digits.bytes().all(|c| c.is_ascii_digit())) {
        Some(digits) => format!("KSV-0{digits}"),
        None => id.to_owned(),
    }
}
