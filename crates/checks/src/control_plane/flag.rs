//! What a flag has to be, and the tables' rows.

use crate::check::Component;
use crate::component::Process;
use crate::reporter::Reporter;

/// What a component's flags have to be.
pub(super) enum Want {
    /// The flag has this value; the third is what holds where it is not given.
    Is(&'static str, &'static str, &'static str),
    /// The flag does not have this value.
    IsNot(&'static str, &'static str),
    /// The flag is not given.
    Absent(&'static str),
    /// The flag is given; this value would do.
    Set(&'static str, &'static str),
    /// All of these flags are given; the second is where kubeadm has the file, empty where somebody has to choose.
    Given(&'static [(&'static str, &'static str)]),
    /// The flag is a number above zero; this one would do.
    Positive(&'static str, &'static str),
    /// The flag is a number of at least this.
    AtLeast(&'static str, u64),
    /// The flag, a list, has this item; without the flag it has not.
    Has(&'static str, &'static str),
    /// The flag, a list, has not this item.
    HasNot(&'static str, &'static str),
    /// The flag is a duration between these seconds; without the flag all is well.
    Seconds(&'static str, u64, u64),
    /// The flag, a list, is given and has only these items.
    Only(&'static str, &'static [&'static str]),
}

/// Admission plugins without which the API server does not start where they are enabled and not configured.
pub(super) const CONFIGURED_PLUGINS: &[&str] = &["EventRateLimit", "ImagePolicyWebhook"];

/// The flag for the file that configures them.
pub(super) const CONFIGURATION_FILE: &str = "admission-control-config-file";

/// Reports what is not as it should be.
pub(super) fn look(process: &Process<'_>, want: &Want, reporter: &mut Reporter<'_, '_>) {
    let value = |name: &str| process.value(name);
    if let Some(file) = said_elsewhere(process, want) {
        reporter.unknown(format!("the file `{file}` of the control plane's node"));
        return;
    }
    // With it, etcd passes over all other flags.
    if let (Component::Etcd, Some(file)) = (process.component, value("config-file")) {
        reporter.unknown(format!("etcd's configuration file {file}"));
        return;
    }
    let items = |name: &str| value(name).unwrap_or_default().split(',').filter(|item| !item.is_empty()).collect::<Vec<_>>();
    match *want {
        Want::Is(name, wanted, default) => {
            if value(name).unwrap_or(default) != wanted {
                let message = match value(name) {
                    Some(value) => format!("`--{name}` is `{value}` and not `{wanted}`"),
                    None => format!("`--{name}` is not set to `{wanted}`"),
                };
                reporter.report(process.wants(name, Some(wanted), message));
            }
        }
        Want::IsNot(name, bad) => {
            if value(name) == Some(bad)
                && let Some(violation) = process.rejects(name, format!("`--{name}` is `{bad}`"))
            {
                reporter.report(violation);
            }
        }
        Want::Absent(name) => {
            if let Some(violation) = process.rejects(name, format!("`--{name}` is set")) {
                reporter.report(violation);
            }
        }
        Want::Set(name, usual) => {
            if value(name).is_none_or(str::is_empty) {
                reporter.report(process.wants(name, Some(usual), format!("`--{name}` is not set")));
            }
        }
        Want::Given(names) => {
            for (name, usual) in names.iter().filter(|(name, _)| value(name).is_none_or(str::is_empty)) {
                let violation = process.wants(name, Some(*usual).filter(|usual| !usual.is_empty()), format!("`--{name}` is not set"));
                reporter.report(if usual.starts_with('/') { violation.needs(format!("whether `{usual}` is there")) } else { violation });
            }
        }
        Want::Positive(name, usual) => {
            if !value(name).is_some_and(|value| value.parse::<u64>().is_ok_and(|number| number > 0)) {
                reporter.report(process.wants(name, Some(usual), format!("`--{name}` is not set to a number above 0")));
            }
        }
        Want::AtLeast(name, least) => match value(name) {
            None => reporter.report(process.wants(name, Some(&least.to_string()), format!("`--{name}` is not set"))),
            // 0 keeps everything.
            Some(value) if value.parse::<u64>().is_ok_and(|number| number == 0 || number >= least) => {}
            Some(value) => {
                let message = format!("`--{name}` is {value}; at least {least} is asked for");
                reporter.report(process.wants(name, Some(&least.to_string()), message));
            }
        },
        Want::Has(name, item) => {
            let mut all = items(name);
            if !all.contains(&item) {
                all.push(item);
                let violation = process.wants(name, Some(&all.join(",")), format!("`--{name}` lacks `{item}`"));
                reporter.report(if CONFIGURED_PLUGINS.contains(&item) {
                    process.together_with(violation, CONFIGURATION_FILE, "/etc/kubernetes/admission.yaml")
                } else {
                    violation
                });
            }
        }
        Want::HasNot(name, item) => {
            let all = items(name);
            if all.contains(&item) {
                let message = format!("`--{name}` has `{item}`");
                let rest: Vec<&str> = all.into_iter().filter(|one| *one != item).collect();
                let violation = if rest.is_empty() {
                    process.rejects(name, message)
                } else {
                    Some(process.wants(name, Some(&rest.join(",")), message))
                };
                violation.into_iter().for_each(|violation| reporter.report(violation));
            }
        }
        Want::Seconds(name, least, most) => {
            if let Some(value) = value(name).filter(|value| !seconds(value).is_some_and(|seconds| (least..=most).contains(&seconds))) {
                let message = format!("`--{name}` is `{value}`; between {least}s and {most}s is asked for");
                reporter.report(process.wants(name, Some(&format!("{}s", least.max(60).min(most))), message));
            }
        }
        Want::Only(name, good) => match value(name) {
            None => reporter.report(process.wants(name, Some(&good.join(",")), format!("`--{name}` is not set"))),
            Some(_) => {
                let (kept, bad): (Vec<&str>, Vec<&str>) = items(name).into_iter().partition(|item| good.contains(item));
                if !bad.is_empty() {
                    let value = if kept.is_empty() { good.join(",") } else { kept.join(",") };
                    reporter.report(process.wants(name, Some(&value), format!("`--{name}` has {}", bad.join(", "))));
                }
            }
        },
    }
}

/// The configuration file that says what the flag would: with `--authorization-config` no mode may be given, with
/// `--authentication-config` anonymous requests are for that file, and `--config` of the scheduler wins over its flags.
fn said_elsewhere<'p>(process: &'p Process<'_>, want: &Want) -> Option<&'p str> {
    let (name, file) = match (want, process.component) {
        (Want::Has(name @ "authorization-mode", _), Component::ApiServer) => (*name, "authorization-config"),
        (Want::Is(name @ "anonymous-auth", ..), Component::ApiServer) => (*name, "authentication-config"),
        (Want::Is(name @ "profiling", ..), Component::Scheduler) => (*name, "config"),
        _ => return None,
    };
    process.value(file).filter(|_| !process.is_given(name) || name == "profiling")
}

/// The whole seconds of a Go duration such as `1m30s`; `None` for what is none.
fn seconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total = 0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|one: char| !one.is_ascii_digit() && one != '.')?;
        let (number, after) = rest.split_at_checked(digits)?;
        let end = after.find(|one: char| one.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let factor = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * factor;
        rest = after;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "negative is not parsed, and a float saturates")]
    (!text.is_empty()).then_some(total as u64)
}

/// A table of checks: one row each.
macro_rules! flags {
    ($($name:ident: $id:literal, $severity:ident, $title:literal, $want:expr, [$($reference:expr),*], $what:literal, $why:literal, $how:literal;)*) => {
        $(
            static $name: Check = Check {
                id: concat!("CTL-", $id),
                title: $title,
                severity: Severity::$severity,
                docs: concat!("## What it detects\n", $what, "\n\n## Why it matters\n", $why, "\n\n## How to fix\n", $how),
                references: &[$($reference),*],
                run: Run::Process(&[COMPONENT], |process, reporter| flag::look(process, &$want, reporter)),
            };
        )*
        /// One check a flag.
        pub(super) static ALL: &[&Check] = &[$(&$name),*];
    };
}
pub(super) use flags;

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations() {
        let table = [
            ("60s", Some(60)),
            ("1m30s", Some(90)),
            ("1h", Some(3600)),
            ("1.5m", Some(90)),
            ("2", None),
            ("", None),
            ("x", None),
            ("-1s", None),
        ];
        for (text, wanted) in table {
            assert_eq!(seconds(text), wanted, "{text}");
        }
    }
}
