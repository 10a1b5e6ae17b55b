//! Values that only functions look into.

use super::authorizer::Question;
use super::semver::Semver;
use super::url::Url;
use crate::cel::value::Type;
use core::net::IpAddr;
use std::fmt;

/// A value that only functions of a library look into.
#[derive(Debug, Clone)]
pub enum Opaque {
    /// A Kubernetes quantity, in billionths, and as written.
    Quantity(i128, String),
    /// A URL.
    Url(Url),
    /// An IP address.
    Ip(IpAddr),
    /// A network: its address and the bits of its prefix.
    Cidr(IpAddr, u8),
    /// A semantic version.
    Semver(Semver),
    /// A format with a name.
    Format(&'static str),
    /// A reference of an image, normalised.
    Image(Box<super::host::Image>),
    /// Who may do what, asked in part.
    Question(Box<Question>),
    /// Whether somebody may do something.
    Decision(bool),
}

/// Quantities are the same by what they stand for, however they are written.
impl PartialEq for Opaque {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Quantity(a, _), Self::Quantity(b, _)) => a == b,
            (Self::Url(a), Self::Url(b)) => a == b,
            (Self::Ip(a), Self::Ip(b)) => a == b,
            (Self::Cidr(a, m), Self::Cidr(b, n)) => (a, m) == (b, n),
            (Self::Semver(a), Self::Semver(b)) => a == b,
            (Self::Format(a), Self::Format(b)) => a == b,
            (Self::Image(a), Self::Image(b)) => a == b,
            (Self::Question(a), Self::Question(b)) => a == b,
            (Self::Decision(a), Self::Decision(b)) => a == b,
            _ => false,
        }
    }
}

impl Opaque {
    /// The authorizer of a request (its JSON, without objects).
    pub(crate) fn authorizer(review: &serde_json::Value) -> Self {
        Self::Question(Box::new(Question::of(review)))
    }

    /// A field of it.
    pub(in crate::cel) fn field(&self, name: &str) -> Option<Self> {
        match self {
            Self::Question(question) => question.field(name).map(|question| Self::Question(Box::new(question))),
            _ => None,
        }
    }

    pub(in crate::cel) fn ty(&self) -> Type {
        match self {
            Self::Quantity(..) => Type::Quantity,
            Self::Url(_) => Type::Url,
            Self::Ip(_) => Type::Ip,
            Self::Cidr(..) => Type::Cidr,
            Self::Semver(_) => Type::Semver,
            Self::Format(_) => Type::Format,
            Self::Image(_) => Type::Image,
            Self::Question(_) | Self::Decision(_) => Type::Authorizer,
        }
    }
}

impl fmt::Display for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quantity(_, text) => f.write_str(text),
            Self::Url(url) => f.write_str(&url.text),
            Self::Ip(address) => address.fmt(f),
            Self::Cidr(address, bits) => write!(f, "{address}/{bits}"),
            Self::Semver(version) => version.fmt(f),
            Self::Format(name) => f.write_str(name),
            Self::Image(image) => image.fmt(f),
            Self::Question(_) => f.write_str("authorizer"),
            Self::Decision(allowed) => f.write_str(if *allowed { "allowed" } else { "denied" }),
        }
    }
}
