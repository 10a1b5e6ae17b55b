//! Which rules are switched on.

use super::{Priority, Rule, Rules};

/// Rules that are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Those whose whole name fits a pattern, in which `*` stands for anything.
    Name(String),
    /// Those with a tag.
    Tag(String),
}

/// Some rules are switched on or off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// On or off.
    pub enable: bool,
    /// Which.
    pub pick: Pick,
}

impl Pick {
    /// Whether a rule is meant.
    #[must_use]
    pub fn matches(&self, rule: &Rule) -> bool {
        match self {
            Self::Name(pattern) => fits(pattern, &rule.name),
            Self::Tag(tag) => rule.tags.contains(tag),
        }
    }
}

impl Rules {
    /// Switches rules on and off, step by step, and all off that are less severe than `least`. Steps that mean no rule are given back.
    /// What is switched on only now comes after what was on, as Falco asks them in that order: it matters where the first rule that
    /// matches ends it.
    pub fn select<'s>(&mut self, steps: &'s [Selection], least: Option<Priority>) -> Vec<&'s Selection> {
        let mut without = Vec::new();
        for step in steps {
            let (mut kept, mut later) = (Vec::new(), Vec::new());
            let mut any = false;
            for mut rule in std::mem::take(&mut self.rules) {
                let meant = step.pick.matches(&rule);
                any |= meant;
                let was = rule.enabled;
                rule.enabled = if meant { step.enable } else { was };
                if rule.enabled && !was { later.push(rule) } else { kept.push(rule) }
            }
            kept.append(&mut later);
            self.rules = kept;
            if !any {
                without.push(step);
            }
        }
        if let Some(least) = least {
            self.rules.iter_mut().filter(|rule| rule.priority > least).for_each(|rule| rule.enabled = false);
        }
        without
    }
}

/// Whether a text is a pattern in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or("");
    for part in parts {
        let Some((_, after)) = text.split_once(part) else { return false };
        text = after;
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns() {
        let table = [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("***", "abc", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("*b", "abc", false),
            ("*ab", "abab", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c", false),
            ("a*a", "a", false),
            ("Write * etc", "Write below etc", true),
        ];
        for (pattern, text, wanted) in table {
            assert_eq!(fits(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
