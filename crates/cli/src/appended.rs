//! What is added to the outputs of rules: `append_output` of a falco.yaml, and options.

use plimsoll_detect::fields::{Catalogue, STATIC, nearest};
use plimsoll_detect::format::Format;
use plimsoll_detect::rules::{ExtraOutput, Sources};
use plimsoll_model::Location;
use std::collections::{BTreeMap, BTreeSet};

/// What is added, and to which rules. What no source is named for goes to the rules of every source that has the fields in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Appended {
    /// Only to rules of this source.
    pub(crate) source: Option<String>,
    /// Only to rules with all of these tags.
    pub(crate) tags: BTreeSet<String>,
    /// Only to the rule of this name.
    pub(crate) rule: Option<String>,
    /// What follows the output.
    pub(crate) output: Option<String>,
    /// Whether the fields that ask for it follow.
    pub(crate) suggested: bool,
    /// What stands beside the output: by key a text, or the field that the key names.
    pub(crate) fields: Vec<(String, Option<String>)>,
    /// Where it is written, if not among the options.
    pub(crate) place: Option<Location>,
}

impl Appended {
    /// The fields that ask to be added, as Falco's own falco.yaml has it.
    pub(crate) fn suggested() -> Self {
        Self { suggested: true, ..Self::default() }
    }

    /// What it comes to, in the order in which Falco adds it.
    pub(crate) fn extras(&self, sources: &Sources<'_>, fixed: &BTreeMap<String, String>) -> Result<Vec<ExtraOutput>, String> {
        if let Some(source) = &self.source
            && sources.get(source).is_none()
        {
            let known = sources.names().collect::<Vec<_>>().join(", ");
            let near = nearest(sources.names(), source);
            let help = near.first().map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
            return Err(format!("no source of events is called `{source}`; known: {known}{help}"));
        }
        let to = |source: &str| ExtraOutput {
            source: Some(source.to_owned()),
            tags: self.tags.clone(),
            rule: self.rule.clone(),
            ..ExtraOutput::default()
        };
        let mut extras = Vec::new();
        if let Some(text) = &self.output {
            let fitting = self.fitting(sources, text, text)?;
            extras.extend(fitting.into_iter().map(|source| ExtraOutput { format: Some(text.clone()), ..to(source) }));
        }
        for (source, catalogue) in self.sources(sources).filter(|_| self.suggested) {
            let fixed = fixed.keys().map(|name| format!("{STATIC}{name}"));
            let own = catalogue.all().iter().filter(|field| field.limits.suggested).map(|field| field.name.to_owned());
            let added = fixed.chain(own).map(|field| format!("{}=%{field}", field.replace('.', "_")));
            extras.extend(added.map(|format| ExtraOutput { format: Some(format), ..to(source) }));
        }
        for (key, format) in &self.fields {
            let whole = format.clone().unwrap_or_else(|| format!("%{key}"));
            // Falco leaves out what says nothing, too.
            if whole.is_empty() {
                continue;
            }
            let fitting = self.fitting(sources, key, &whole)?;
            extras.extend(fitting.into_iter().map(|source| ExtraOutput { fields: vec![(key.clone(), format.clone())], ..to(source) }));
        }
        Ok(extras)
    }

    /// The sources whose rules are meant.
    fn sources<'s>(&self, sources: &'s Sources<'s>) -> impl Iterator<Item = (&'s str, &'s dyn Catalogue)> {
        let wanted = self.source.clone();
        let all = sources.names().filter_map(|source| Some((source, sources.get(source)?)));
        all.filter(move |(source, _)| wanted.as_ref().is_none_or(|wanted| wanted == source))
    }

    /// The sources that have all fields of a text; an error if none has, which quotes `written`.
    fn fitting<'s>(&self, sources: &'s Sources<'s>, written: &str, text: &str) -> Result<Vec<&'s str>, String> {
        let mut wrong = None;
        let mut fits = Vec::new();
        for (source, catalogue) in self.sources(sources) {
            match Format::compile(text, catalogue) {
                Ok(_) => fits.push(source),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        match wrong {
            Some(error) if fits.is_empty() => Err(format!("`{written}` cannot be added to outputs: {}", error.message)),
            _ => Ok(fits),
        }
    }
}
