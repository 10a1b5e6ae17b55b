//! How two values compare, by the type of the left one.
//!
//! Rules and messages are those of falcosecurity/libs, `userspace/libsinsp/filter_compare.cpp`.

use super::{Constant, Glob, Literal, Pattern};
use crate::condition::{Modifier, Operator};
use crate::{IpNet, Value};
use core::net::IpAddr;
use memchr::memmem;
use plimsoll_model::events::ParamType;
use std::cmp::Ordering;

/// What types are alike when compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Signed,
    /// With how many bits.
    Unsigned(u32),
    Double,
    Bool,
    Text,
    Bytes,
    Address,
    Network,
    /// Nothing compares with those.
    Other,
}

fn family(kind: ParamType) -> Family {
    use ParamType as P;
    match kind {
        P::Int8 | P::Int16 | P::Int32 | P::Int64 | P::Errno | P::Fd | P::Pid => Family::Signed,
        P::UInt8 | P::Flags8 | P::EnumFlags8 | P::SigType => Family::Unsigned(8),
        P::UInt16 | P::Flags16 | P::EnumFlags16 | P::Port | P::SyscallId => Family::Unsigned(16),
        P::UInt32 | P::Flags32 | P::EnumFlags32 | P::Mode => Family::Unsigned(32),
        P::UInt64 | P::RelTime | P::AbsTime => Family::Unsigned(64),
        P::Double => Family::Double,
        P::Bool => Family::Bool,
        P::CharBuf | P::FsPath | P::FsRelPath => Family::Text,
        P::ByteBuf => Family::Bytes,
        P::Ipv4Addr | P::Ipv6Addr | P::IpAddr => Family::Address,
        P::Ipv4Net | P::Ipv6Net | P::IpNet => Family::Network,
        _ => Family::Other,
    }
}

/// Whether values of a type compare so; with what is wrong if they do not.
///
/// # Errors
/// They do not.
pub fn comparable(operator: Operator, modifier: Option<Modifier>, kind: ParamType, list: bool) -> Result<(), String> {
    use Operator as O;
    // Upstream prints both spellings of equality as the short one.
    let name = if operator == O::EqEq { "=" } else { operator.text() };
    let refuse = |what: &str| Err(format!("'{name}' operator not supported {what}"));
    if list {
        use ParamType as P;
        return match (kind, operator) {
            (P::CharBuf | P::UInt64 | P::RelTime | P::AbsTime | P::Bool | P::IpAddr | P::IpNet, O::In | O::Intersects) => Ok(()),
            (P::CharBuf | P::UInt64 | P::RelTime | P::AbsTime | P::Bool | P::IpAddr | P::IpNet, _) => refuse("list filters"),
            _ => Err(format!("list filters are not supported for type '{}'", type_name(kind))),
        };
    }
    let equality = matches!(operator, O::Eq | O::EqEq | O::Ne | O::In | O::Intersects);
    let order = matches!(operator, O::Lt | O::Le | O::Gt | O::Ge);
    match family(kind) {
        Family::Bool | Family::Address | Family::Network if equality => Ok(()),
        Family::Signed | Family::Unsigned(_) | Family::Double if equality || order => Ok(()),
        Family::Signed | Family::Unsigned(_) | Family::Double | Family::Bool => refuse("for numeric filters"),
        Family::Text if !matches!(operator, O::BContains | O::BStartsWith) => Ok(()),
        Family::Text => refuse("for string filters"),
        Family::Bytes if equality || matches!(operator, O::Contains | O::StartsWith | O::EndsWith | O::BContains | O::BStartsWith) => {
            Ok(())
        }
        Family::Bytes => refuse("for buffer filters"),
        Family::Address | Family::Network if modifier.is_some() => {
            Err(format!("'{name}' with modifier not supported for ip address and network filters"))
        }
        Family::Address | Family::Network => refuse("for ip address and network filters"),
        Family::Other => refuse(&format!("for type '{}'", type_name(kind))),
    }
}

/// A type as messages name it (`CHARBUF`).
pub(crate) fn type_name(kind: ParamType) -> String {
    match kind {
        ParamType::CharBufArray => "CHARBUFARRAY".into(),
        ParamType::CharBufPairArray => "CHARBUF_PAIR_ARRAY".into(),
        kind => kind.word().to_ascii_uppercase(),
    }
}

/// Whether a value compares so with a constant.
#[must_use]
pub fn compare_constant(operator: Operator, kind: ParamType, left: &Value<'_>, right: &Constant) -> bool {
    match (&right.value, text(left)) {
        (Literal::Pattern(pattern), Some(left)) => pattern.matches(left),
        (Literal::Glob(glob), Some(left)) => glob.matches(left),
        (Literal::Pattern(_) | Literal::Glob(_), None) => false,
        _ => compare(operator, kind, left, &right.view()),
    }
}

/// Whether two values compare so, both of them being of one type. Several values on the right are the caller's: `in` and `intersects` are
/// equality here, and so is `pmatch`, which is no comparison of two values.
#[must_use]
pub fn compare(operator: Operator, kind: ParamType, left: &Value<'_>, right: &Value<'_>) -> bool {
    let compared = match family(kind) {
        Family::Signed => signed(left).zip(signed(right)).map(|(left, right)| ordered(operator, left.partial_cmp(&right))),
        Family::Unsigned(bits) => {
            unsigned(left, bits).zip(unsigned(right, bits)).map(|(left, right)| ordered(operator, left.partial_cmp(&right)))
        }
        Family::Double => double(left).zip(double(right)).map(|(left, right)| ordered(operator, left.partial_cmp(&right))),
        Family::Bool => unsigned(left, 32).zip(unsigned(right, 32)).map(|(left, right)| equal(operator, left == right)),
        Family::Address => address(left).zip(address(right)).map(|(left, right)| equal(operator, left == right)),
        Family::Network => address(left).zip(network(right)).map(|(left, right)| equal(operator, right.contains(left))),
        Family::Text | Family::Bytes => text(left).zip(text(right)).map(|(left, right)| texts(operator, left, right)),
        Family::Other => None,
    };
    compared.unwrap_or(false)
}

fn ordered(operator: Operator, order: Option<Ordering>) -> bool {
    match operator {
        Operator::Lt => order == Some(Ordering::Less),
        Operator::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Operator::Gt => order == Some(Ordering::Greater),
        Operator::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        operator => equal(operator, order == Some(Ordering::Equal)),
    }
}

fn equal(operator: Operator, same: bool) -> bool {
    match operator {
        Operator::Eq | Operator::EqEq | Operator::In | Operator::Intersects => same,
        Operator::Ne => !same,
        _ => false,
    }
}

fn texts(operator: Operator, left: &[u8], right: &[u8]) -> bool {
    match operator {
        Operator::Contains | Operator::BContains => memmem::find(left, right).is_some(),
        Operator::IContains => memmem::find(&left.to_ascii_lowercase(), &right.to_ascii_lowercase()).is_some(),
        Operator::StartsWith | Operator::BStartsWith => left.starts_with(right),
        Operator::EndsWith => left.ends_with(right),
        Operator::Glob => Glob::new(right, false).matches(left),
        Operator::IGlob => Glob::new(right, true).matches(left),
        Operator::Regex => Pattern::new(right).is_ok_and(|pattern| pattern.matches(left)),
        Operator::PMatch => left == right,
        operator => ordered(operator, Some(left.cmp(right))),
    }
}

fn signed(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Uint(number) => Some(number.cast_signed()),
        _ => None,
    }
}

/// The lowest bits of a number.
fn unsigned(value: &Value<'_>, bits: u32) -> Option<u64> {
    let number = match value {
        Value::Int(number) => number.cast_unsigned(),
        Value::Uint(number) => *number,
        Value::Bool(yes) => u64::from(*yes),
        _ => return None,
    };
    Some(number & u64::MAX.wrapping_shr(64 - bits))
}

fn double(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Double(number) => Some(*number),
        _ => None,
    }
}

fn address(value: &Value<'_>) -> Option<IpAddr> {
    match value {
        Value::Ip(address) => Some(*address),
        Value::Net(net) => Some(net.address),
        _ => None,
    }
}

fn network(value: &Value<'_>) -> Option<IpNet> {
    match value {
        Value::Net(net) => Some(*net),
        Value::Ip(address) => Some(IpNet { address: *address, prefix: if address.is_ipv4() { 32 } else { 128 } }),
        _ => None,
    }
}

pub(super) fn text<'a>(value: &Value<'a>) -> Option<&'a [u8]> {
    match value {
        Value::Text(text) | Value::Bytes(text) => Some(text),
        _ => None,
    }
}

impl IpNet {
    /// Whether an address is in it. One of the other family never is.
    #[must_use]
    pub fn contains(&self, other: IpAddr) -> bool {
        let (left, right, width) = match (self.address, other) {
            (IpAddr::V4(left), IpAddr::V4(right)) => (u128::from(left.to_bits()), u128::from(right.to_bits()), 32),
            (IpAddr::V6(left), IpAddr::V6(right)) => (left.to_bits(), right.to_bits(), 128),
            _ => return false,
        };
        let loose = u32::saturating_sub(width, u32::from(self.prefix));
        (left ^ right).checked_shr(loose).unwrap_or(0) == 0
    }
}
