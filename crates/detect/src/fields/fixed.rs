//! Fields that the user defines and that say the same of every event: `static_fields` in falco.yaml.
//!
//! As upstream has them (`userspace/libsinsp/sinsp_filtercheck_static.cpp`), they are texts, stand among the fields of every source, and
//! outputs get them without asking.

use super::{Catalogue, Field, FieldError, FieldInfo};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the names of these fields begin with.
pub const STATIC: &str = "static.";

/// The fields of a source, and those that the user defines, by what follows `static.` in their names.
#[derive(Debug, Clone, Default)]
pub struct WithStatic<C> {
    fields: C,
    values: Arc<BTreeMap<String, String>>,
}

impl<C: Catalogue> WithStatic<C> {
    /// The fields of a source and these.
    pub fn new(fields: C, values: Arc<BTreeMap<String, String>>) -> Self {
        Self { fields, values }
    }
}

impl<C: Catalogue> Catalogue for WithStatic<C> {
    fn all(&self) -> &[FieldInfo] {
        self.fields.all()
    }

    fn resolve(&self, name: &str, arg: Option<&str>) -> Result<Field, FieldError> {
        self.fields.resolve(name, arg)
    }

    fn constant(&self, name: &str) -> Option<&str> {
        name.strip_prefix(STATIC).and_then(|name| self.values.get(name)).map(String::as_str)
    }

    fn nearest(&self, name: &str) -> Vec<&'static str> {
        self.fields.nearest(name)
    }
}

/// Whether conditions and outputs can name a field `static.NAME`: words of letters, digits and `_` that begin with a letter, with dots
/// between them.
#[must_use]
pub fn is_static_name(name: &str) -> bool {
    name.split('.').all(|word| {
        word.starts_with(|first: char| first.is_ascii_alphabetic()) && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::audit::{Audit, AuditContext};
    use crate::fields::syscalls::Stream;
    use crate::filter::Filter;
    use crate::format::Format;
    use plimsoll_model::lazy::Json;

    #[test]
    fn they_are_fields_like_others() {
        let values = [("zone", "eu%1"), ("a.b", "x")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let catalogue = WithStatic::new(Audit, Arc::new(values.into()));
        let (stream, arena) = (Stream::default(), bumpalo::Bump::new());
        let event = Json::read(br#"{"auditID": "1", "verb": "x"}"#, &arena).unwrap();
        let context = AuditContext::new(event, 1, &stream, &arena);
        for (condition, wanted) in [
            ("static.zone = eu%1", true),
            ("static.zone in (us, eu%1)", true),
            ("static.zone startswith us", false),
            ("static.zone exists and static.a.b exists", true),
            ("toupper(static.zone) = EU%1", true),
            ("ka.verb = val(static.a.b)", true),
            ("static.a.b = val(ka.verb) and not static.zone = val(ka.verb)", true),
        ] {
            let expr = crate::condition::parse(condition).unwrap();
            let (filter, warnings) = Filter::compile(&expr, &catalogue).unwrap();
            assert_eq!((filter.holds(&context), warnings.len()), (wanted, 0), "{condition}");
        }
        let format = Format::compile("in %static.zone, %static.a.b: %ka.verb", &catalogue).unwrap();
        let (mut text, mut fields) = (Vec::new(), serde_json::Map::new());
        assert!(format.text(&context, &mut text) && format.json(&context, false, &mut fields));
        assert_eq!(text, b"in eu%1, x: x");
        assert_eq!(serde_json::Value::from(fields), serde_json::json!({"static.zone": "eu%1", "static.a.b": "x", "ka.verb": "x"}));
        assert!(Format::compile("%static.other", &catalogue).is_err() && Format::compile("%static.zone", &Audit).is_err());
    }

    #[test]
    fn names() {
        for (name, wanted) in [("a", true), ("a_1.b", true), ("", false), ("1", false), ("a-b", false), ("a.", false), ("a b", false)] {
            assert_eq!(is_static_name(name), wanted, "{name}");
        }
    }
}
