//! The values of expressions. What comes out of an object is borrowed from it, never copied.

use super::library::opaque::Opaque;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A value of an expression.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number of 64 bits.
    Int(i64),
    /// A whole number of 64 bits without a sign.
    Uint(u64),
    /// A decimal number of 64 bits.
    Double(f64),
    /// Text.
    String(Cow<'a, str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A list.
    List(List<'a>),
    /// A map.
    Map(Map<'a>),
    /// A span of time.
    Duration(SignedDuration),
    /// A point in time.
    Timestamp(Timestamp),
    /// A type, by its name.
    Type(&'static str),
    /// A value that may be absent.
    Optional(Option<Arc<Value<'a>>>),
    /// A value that only functions of a library look into.
    Opaque(Arc<Opaque>),
}

/// A list: of an object, or made by an expression.
#[derive(Debug, Clone)]
pub enum List<'a> {
    /// Of an object.
    Json(&'a [Json]),
    /// Made by an expression.
    Made(Arc<Vec<Value<'a>>>),
}

/// A map: of an object, or made by an expression.
#[derive(Debug, Clone)]
pub enum Map<'a> {
    /// Of an object.
    Json(&'a serde_json::Map<String, Json>),
    /// Made by an expression.
    Made(Arc<BTreeMap<Key, Value<'a>>>),
}

/// The key of a map. A whole number is the same key with and without a sign.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Text.
    String(Box<str>),
}

/// What is known of a value before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// Nothing.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    List,
    Map,
    Duration,
    Timestamp,
    Kind,
    Optional,
    Quantity,
    Url,
    Ip,
    Cidr,
    Semver,
    Format,
    Image,
    Authorizer,
}

impl Type {
    /// The name, as `type(x)` gives it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dyn => "dyn",
            Self::Null => "null_type",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::List => "list",
            Self::Map => "map",
            Self::Duration => "google.protobuf.Duration",
            Self::Timestamp => "google.protobuf.Timestamp",
            Self::Kind => "type",
            Self::Optional => "optional_type",
            Self::Quantity => "kubernetes.Quantity",
            Self::Url => "kubernetes.URL",
            Self::Ip => "net.IP",
            Self::Cidr => "net.CIDR",
            Self::Semver => "kubernetes.Semver",
            Self::Format => "kubernetes.NamedFormat",
            Self::Authorizer => "kubernetes.authorization.Authorizer",
            Self::Image => "kyverno.Image",
        }
    }
}

impl<'a> Value<'a> {
    /// A string of its own.
    pub fn text(text: impl Into<String>) -> Self {
        Self::String(Cow::Owned(text.into()))
    }

    /// A list of its own.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::Made(Arc::new(items)))
    }

    /// A map of its own with keys that are strings.
    pub fn map<'k>(entries: impl IntoIterator<Item = (&'k str, Self)>) -> Self {
        Self::Map(Map::Made(Arc::new(entries.into_iter().map(|(key, value)| (Key::String(key.into()), value)).collect())))
    }

    /// An optional that holds a value.
    pub(super) fn some(value: Self) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    /// Nothing to wrap, nothing to unwrap: the value that is passed on where an optional may be.
    pub(super) fn optional(value: Option<Self>) -> Self {
        Self::Optional(value.map(Arc::new))
    }

    pub(super) fn ty(&self) -> Type {
        match self {
            Self::Null => Type::Null,
            Self::Bool(_) => Type::Bool,
            Self::Int(_) => Type::Int,
            Self::Uint(_) => Type::Uint,
            Self::Double(_) => Type::Double,
            Self::String(_) => Type::String,
            Self::Bytes(_) => Type::Bytes,
            Self::List(_) => Type::List,
            Self::Map(_) => Type::Map,
            Self::Duration(_) => Type::Duration,
            Self::Timestamp(_) => Type::Timestamp,
            Self::Type(_) => Type::Kind,
            Self::Optional(_) => Type::Optional,
            Self::Opaque(opaque) => opaque.ty(),
        }
    }

    /// The name of its type, as `type(x)` gives it.
    pub fn type_name(&self) -> &'static str {
        self.ty().name()
    }

    /// The value as JSON; types that JSON has not become text.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null | Self::Optional(None) => Json::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Uint(value) => (*value).into(),
            Self::Double(value) => serde_json::Number::from_f64(*value).map_or(Json::Null, Json::Number),
            Self::String(text) => text.as_ref().into(),
            Self::List(List::Json(items)) => Json::Array(items.to_vec()),
            Self::List(list) => list.iter().map(|item| item.to_json()).collect(),
            Self::Map(Map::Json(map)) => Json::Object((*map).clone()),
            Self::Map(Map::Made(map)) => map
                .iter()
                .map(|(key, value)| (Value::from(key.clone()).display(), value.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Self::Optional(Some(value)) => value.to_json(),
            other => other.display().into(),
        }
    }

    /// The value as `string(x)` gives it; lists and maps as JSON.
    pub fn display(&self) -> String {
        match self {
            Self::Null | Self::Optional(None) => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Uint(value) => value.to_string(),
            Self::Double(value) => value.to_string(),
            Self::String(text) => text.to_string(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::List(_) | Self::Map(_) => self.to_json().to_string(),
            Self::Duration(value) => super::library::time::duration_text(*value),
            Self::Timestamp(value) => value.to_string(),
            Self::Type(name) => (*name).to_owned(),
            Self::Optional(Some(value)) => value.display(),
            Self::Opaque(value) => value.to_string(),
        }
    }

    /// Whether two values are the same. Numbers are compared by what they stand for; values of other types are different.
    pub fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) | (Self::Optional(None), Self::Optional(None)) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Type(a), Self::Type(b)) => a == b,
            (Self::Optional(Some(a)), Self::Optional(Some(b))) => a.equals(b),
            (Self::Opaque(a), Self::Opaque(b)) => a == b,
            (Self::List(a), Self::List(b)) => a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(&b)),
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len() && a.iter().all(|(key, value)| b.get(&key).is_some_and(|other| value.equals(&other)))
            }
            _ => self.is_number() && other.is_number() && self.compare(other) == Some(Ordering::Equal),
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Uint(_) | Self::Double(_))
    }

    /// How two values are ordered; `None` where their types have no order.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Int(a), Self::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Uint(a), Self::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            #[expect(clippy::cast_precision_loss, reason = "cel-go compares mixed numbers as doubles")]
            (Self::Double(a), Self::Int(b)) => a.partial_cmp(&(*b as f64)),
            #[expect(clippy::cast_precision_loss, reason = "as above")]
            (Self::Double(a), Self::Uint(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Int(_) | Self::Uint(_), Self::Double(_)) => other.compare(self).map(Ordering::reverse),
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Bytes(a), Self::Bytes(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// The value as the key of a map; `None` where it can be none.
    pub(super) fn key(&self) -> Option<Key> {
        match self {
            Self::Bool(value) => Some(Key::Bool(*value)),
            Self::Int(value) => Some(Key::Int(i128::from(*value))),
            Self::Uint(value) => Some(Key::Int(i128::from(*value))),
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 53 bits")]
            Self::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(Key::Int(*value as i128)),
            Self::String(text) => Some(Key::String(text.as_ref().into())),
            _ => None,
        }
    }

    /// How much there is to walk over or to compare: characters, bytes, items.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::String(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(list) => list.len(),
            Self::Map(map) => map.len(),
            _ => 1,
        }
    }
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(int), _) => Self::Int(int),
                (None, Some(double)) => Self::Double(double),
                (None, None) => Self::Null,
            },
            Json::String(text) => Self::String(Cow::Borrowed(text)),
            Json::Array(items) => Self::List(List::Json(items)),
            Json::Object(map) => Self::Map(Map::Json(map)),
        }
    }
}

impl From<Key> for Value<'_> {
    fn from(key: Key) -> Self {
        match key {
            Key::Bool(value) => Self::Bool(value),
            Key::Int(value) => i64::try_from(value).map_or_else(|_| u64::try_from(value).map_or(Self::Null, Self::Uint), Self::Int),
            Key::String(text) => Self::String(Cow::Owned(text.into())),
        }
    }
}

impl<'a> List<'a> {
    /// How many items there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Json(items) => items.len(),
            Self::Made(items) => items.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An item.
    pub fn get(&self, index: usize) -> Option<Value<'a>> {
        match self {
            Self::Json(items) => items.get(index).map(Value::from),
            Self::Made(items) => items.get(index).cloned(),
        }
    }

    /// All items in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

impl<'a> Map<'a> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Json(map) => map.len(),
            Self::Made(map) => map.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub fn get(&self, key: &Key) -> Option<Value<'a>> {
        match (self, key) {
            (Self::Json(map), Key::String(key)) => map.get(&**key).map(Value::from),
            (Self::Json(_), _) => None,
            (Self::Made(map), key) => map.get(key).cloned(),
        }
    }

    /// The value of a key that is a string.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Json(map) => map.get(name).map(Value::from),
            Self::Made(map) => map.get(&Key::String(name.into())).cloned(),
        }
    }

    /// All entries, ordered by their keys.
    pub fn iter(&self) -> Box<dyn Iterator<Item = (Key, Value<'a>)> + '_> {
        match self {
            Self::Json(map) => Box::new(map.iter().map(|(key, value)| (Key::String(key.as_str().into()), Value::from(value)))),
            Self::Made(map) => Box::new(map.iter().map(|(key, value)| (key.clone(), value.clone()))),
        }
    }
}
