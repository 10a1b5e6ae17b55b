//! IP addresses and networks (apiserver `cel/library/ip.go`, `cidr.go`).

use super::opaque::Opaque;
use super::{Call, Fault, Function, Type, Value, global, method};
// Of `core`: addresses as values, no sockets.
use core::net::IpAddr;
use std::sync::Arc;

pub(super) const FUNCTIONS: &[Function] = &[
    global("cidr", 1, 1, Type::Cidr, cidr),
    global("ip", 1, 1, Type::Ip, ip),
    global("ip.isCanonical", 1, 1, Type::Bool, is_canonical),
    global("isCIDR", 1, 1, Type::Bool, |call| Ok(Value::Bool(parse_cidr(&call.string(0, "isCIDR")?).is_some()))),
    global("isIP", 1, 1, Type::Bool, |call| Ok(Value::Bool(parse_ip(&call.string(0, "isIP")?).is_some()))),
    method("containsCIDR", 2, 2, Type::Bool, contains_cidr),
    method("containsIP", 2, 2, Type::Bool, contains_ip),
    method("family", 1, 1, Type::Int, |call| address(call, "family").map(|ip| Value::Int(if ip.is_ipv4() { 4 } else { 6 }))),
    method("ip", 1, 1, Type::Ip, |call| address(call, "ip").map(made)),
    method("isGlobalUnicast", 1, 1, Type::Bool, is_global_unicast),
    method("isLinkLocalMulticast", 1, 1, Type::Bool, is_link_local_multicast),
    method("isLinkLocalUnicast", 1, 1, Type::Bool, |call| Ok(Value::Bool(is_link_local(address(call, "isLinkLocalUnicast")?)))),
    method("isLoopback", 1, 1, Type::Bool, |call| Ok(Value::Bool(address(call, "isLoopback")?.is_loopback()))),
    method("isUnspecified", 1, 1, Type::Bool, |call| Ok(Value::Bool(address(call, "isUnspecified")?.is_unspecified()))),
    method("masked", 1, 1, Type::Cidr, masked_cidr),
    method("prefixLength", 1, 1, Type::Int, prefix_length),
];

/// An address without a zone, and not one of IPv4 in the clothes of IPv6.
fn parse_ip(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().filter(|ip| !matches!(ip, IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some()))
}

fn parse_cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/')?;
    let address = parse_ip(address)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.parse::<u8>().ok().filter(|parsed| *parsed <= most && parsed.to_string() == bits)?;
    Some((address, bits))
}

fn made<'a>(ip: IpAddr) -> Value<'a> {
    Value::Opaque(Arc::new(Opaque::Ip(ip)))
}

fn ip<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let text = call.string(0, "ip")?;
    parse_ip(&text).map(made).ok_or_else(|| format!("`{text}` is no IP address").into())
}

fn cidr<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let text = call.string(0, "cidr")?;
    match parse_cidr(&text) {
        Some((ip, bits)) => Ok(Value::Opaque(Arc::new(Opaque::Cidr(ip, bits)))),
        None => Err(format!("`{text}` is no network").into()),
    }
}

fn is_canonical<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let text = call.string(0, "ip.isCanonical")?;
    let ip = parse_ip(&text).ok_or_else(|| Fault::Error(format!("`{text}` is no IP address")))?;
    Ok(Value::Bool(ip.to_string() == text))
}

fn address(call: &Call<'_, '_>, name: &str) -> Result<IpAddr, Fault> {
    match call.opaque(0, name)? {
        Opaque::Ip(ip) | Opaque::Cidr(ip, _) => Ok(*ip),
        _ => call.mismatch(name),
    }
}

fn network(call: &Call<'_, '_>, name: &str) -> Result<(IpAddr, u8), Fault> {
    match call.opaque(0, name)? {
        Opaque::Cidr(ip, bits) => Ok((*ip, *bits)),
        _ => call.mismatch(name),
    }
}

/// The address with the bits after the prefix cleared.
fn masked(ip: IpAddr, bits: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() & u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)).into()),
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)).into()),
    }
}

fn is_inside(network: (IpAddr, u8), other: (IpAddr, u8)) -> bool {
    network.0.is_ipv4() == other.0.is_ipv4() && network.1 <= other.1 && masked(other.0, network.1) == masked(network.0, network.1)
}

fn contains_ip<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let network = network(call, "containsIP")?;
    let other = match call.get(1) {
        Value::String(text) => parse_ip(text),
        Value::Opaque(other) => match &**other {
            Opaque::Ip(ip) => Some(*ip),
            _ => None,
        },
        _ => None,
    };
    let Some(other) = other else { return call.mismatch("containsIP") };
    Ok(Value::Bool(is_inside(network, (other, if other.is_ipv4() { 32 } else { 128 }))))
}

fn contains_cidr<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let network = network(call, "containsCIDR")?;
    let other = match call.get(1) {
        Value::String(text) => parse_cidr(text),
        Value::Opaque(other) => match &**other {
            Opaque::Cidr(ip, bits) => Some((*ip, *bits)),
            _ => None,
        },
        _ => None,
    };
    let Some(other) = other else { return call.mismatch("containsCIDR") };
    Ok(Value::Bool(is_inside(network, other)))
}

fn masked_cidr<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let (ip, bits) = network(call, "masked")?;
    Ok(Value::Opaque(Arc::new(Opaque::Cidr(masked(ip, bits), bits))))
}

fn prefix_length<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    Ok(Value::Int(i64::from(network(call, "prefixLength")?.1)))
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn is_link_local_multicast<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let local = match address(call, "isLinkLocalMulticast")? {
        IpAddr::V4(ip) => ip.octets().starts_with(&[224, 0, 0]),
        IpAddr::V6(ip) => ip.segments().first().is_some_and(|first| first & 0xff0f == 0xff02),
    };
    Ok(Value::Bool(local))
}

fn is_global_unicast<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, Fault> {
    let ip = address(call, "isGlobalUnicast")?;
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    Ok(Value::Bool(!(broadcast || ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || is_link_local(ip))))
}
