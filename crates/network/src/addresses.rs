//! Sets of IP addresses, of both families.

use crate::ranges::Ranges;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

/// A set of IPv4 and IPv6 addresses. Equal sets are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addresses {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl Addresses {
    /// No address.
    pub fn none() -> Self {
        Self::default()
    }

    /// All addresses of both families.
    pub fn all() -> Self {
        Self { v4: Ranges::all(), v6: Ranges::all() }
    }

    /// All IPv4 addresses.
    pub fn all_v4() -> Self {
        Self { v4: Ranges::all(), ..Self::default() }
    }

    /// All IPv6 addresses.
    pub fn all_v6() -> Self {
        Self { v6: Ranges::all(), ..Self::default() }
    }

    /// Those of the internet: all but what IANA keeps for private networks, machines by themselves, links, groups and documentation
    /// (RFC 6890 and its registries).
    pub fn internet() -> Self {
        const KEPT: [&str; 14] = [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            "2001:db8::/32",
        ];
        let kept: Vec<_> = KEPT.iter().filter_map(|text| Cidr::read(text).ok()).map(Cidr::addresses).collect();
        // Of IPv6, global unicast is what is given out.
        let given = Cidr { address: IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0)), length: 3 }.addresses();
        Self { v4: Ranges::all(), v6: given.v6 }.difference(&Self::union_of(&kept))
    }

    /// One address. An IPv4 address inside an IPv6 one (`::ffff:a.b.c.d`) is the IPv4 address.
    pub fn one(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self { v4: Ranges::one(address.to_bits()), ..Self::default() },
            IpAddr::V6(address) => Self { v6: Ranges::one(address.to_bits()), ..Self::default() },
        }
    }

    /// From `first` to `last`, of one family; none if they are of two.
    pub fn range(first: IpAddr, last: IpAddr) -> Self {
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => Self { v4: Ranges::range(first.to_bits(), last.to_bits()), ..Self::default() },
            (IpAddr::V6(first), IpAddr::V6(last)) => Self { v6: Ranges::range(first.to_bits(), last.to_bits()), ..Self::default() },
            _ => Self::default(),
        }
    }

    /// The union of many sets; costs sorting their ranges.
    pub fn union_of<'s>(sets: impl IntoIterator<Item = &'s Self>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for set in sets {
            v4.extend(set.v4.iter());
            v6.extend(set.v6.iter());
        }
        Self { v4: Ranges::of(v4), v6: Ranges::of(v6) }
    }

    /// The IPv4 part.
    pub fn v4(&self) -> &Ranges<u32> {
        &self.v4
    }

    /// The IPv6 part.
    pub fn v6(&self) -> &Ranges<u128> {
        &self.v6
    }

    /// Whether no address is in it.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether all addresses of both families are in it.
    pub fn is_all(&self) -> bool {
        self.v4.is_all() && self.v6.is_all()
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }

    /// What is in it and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }

    /// Whether all of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.v4.is_subset(&other.v4) && self.v6.is_subset(&other.v6)
    }

    /// The ranges in order, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> + '_ {
        let v4 = self.v4.iter().map(|(first, last)| (IpAddr::V4(Ipv4Addr::from_bits(first)), IpAddr::V4(Ipv4Addr::from_bits(last))));
        v4.chain(self.v6.iter().map(|(first, last)| (IpAddr::V6(Ipv6Addr::from_bits(first)), IpAddr::V6(Ipv6Addr::from_bits(last)))))
    }

    /// The fewest CIDRs that hold exactly these addresses, in order.
    pub fn cidrs(&self) -> Vec<Cidr> {
        let mut cidrs = Vec::new();
        for (first, last) in self.v4.iter() {
            let parts = blocks(first.into(), last.into(), 32);
            #[expect(clippy::cast_possible_truncation, reason = "blocks of numbers below 2^32")]
            cidrs.extend(parts.map(|(first, length)| Cidr { address: IpAddr::V4(Ipv4Addr::from_bits(first as u32)), length }));
        }
        for (first, last) in self.v6.iter() {
            cidrs.extend(blocks(first, last, 128).map(|(first, length)| Cidr { address: IpAddr::V6(Ipv6Addr::from_bits(first)), length }));
        }
        cidrs
    }
}

/// The aligned blocks of powers of two between two numbers of `bits` bits: first number and prefix length.
fn blocks(first: u128, last: u128, bits: u32) -> impl Iterator<Item = (u128, u8)> {
    let mut next = Some(first).filter(|first| *first <= last);
    std::iter::from_fn(move || {
        let from = next?;
        // As large as its alignment allows, and as what is left allows.
        let aligned = from.trailing_zeros().min(bits);
        let left = (last - from).checked_add(1).map_or(128, u128::ilog2);
        let size = aligned.min(left);
        let end = if size == 128 { u128::MAX } else { from + ((1 << size) - 1) };
        next = end.checked_add(1).filter(|next| *next <= last);
        #[expect(clippy::cast_possible_truncation, reason = "at most 128")]
        Some((from, (bits - size) as u8))
    })
}

/// A block of addresses: `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    /// The address as it stands there; its host bits may be set.
    pub address: IpAddr,
    /// How many bits of it count.
    pub length: u8,
}

impl Cidr {
    /// Reads `address/length`. Errors say what is wrong, without the text itself.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        let (address, length) = text.split_once('/').ok_or("has no prefix length, as in `10.0.0.0/8`")?;
        let address: IpAddr = address.parse().map_err(|_| "does not begin with an IP address")?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let is_plain = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length =
            length.parse().ok().filter(|length| is_plain && *length <= bits).ok_or("has a prefix length that its family has not")?;
        Ok(Self { address, length })
    }

    /// The addresses in it.
    pub fn addresses(self) -> Addresses {
        match self.address {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(self.length.into()).unwrap_or(0);
                let first = address.to_bits() & !host;
                Addresses { v4: Ranges::range(first, first | host), ..Addresses::default() }
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(self.length.into()).unwrap_or(0);
                let first = address.to_bits() & !host;
                Addresses { v6: Ranges::range(first, first | host), ..Addresses::default() }
            }
        }
    }

    /// Whether bits are set beyond the length: Kubernetes takes such CIDRs of old objects, and warns.
    pub fn has_host_bits(self) -> bool {
        let within = self.addresses();
        within.iter().next().is_some_and(|(first, _)| first != self.address)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// Ranges that are CIDRs as such, others as `first-last`; `all addresses`, `all IPv4`, `all IPv6`.
impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        match (self.v4.is_all(), self.v6.is_all()) {
            (true, true) => return f.write_str("all addresses"),
            (true, false) => words.push("all IPv4".to_owned()),
            (false, true) => words.push("all IPv6".to_owned()),
            (false, false) => {}
        }
        let rest = Self {
            v4: if self.v4.is_all() { Ranges::default() } else { self.v4.clone() },
            v6: if self.v6.is_all() { Ranges::default() } else { self.v6.clone() },
        };
        words.extend(rest.iter().map(|(first, last)| {
            if first == last {
                return first.to_string();
            }
            match Self::range(first, last).cidrs().as_slice() {
                [cidr] => cidr.to_string(),
                _ => format!("{first}-{last}"),
            }
        }));
        f.write_str(&words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn addresses(cidrs: &[&str]) -> Addresses {
        Addresses::union_of(&cidrs.iter().map(|cidr| Cidr::read(cidr).unwrap().addresses()).collect::<Vec<_>>())
    }

    #[test]
    fn cidrs_are_read_and_written() {
        for (cidrs, written) in [
            (&["10.0.0.0/8"][..], "10.0.0.0/8"),
            (&["10.1.2.3/8"], "10.0.0.0/8"),
            (&["0.0.0.0/1", "128.0.0.0/1"], "all IPv4"),
            (&["0.0.0.0/0", "::/0"], "all addresses"),
            (&["::/0", "10.0.0.1/32"], "all IPv6, 10.0.0.1"),
            (&["10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/32"], "10.0.0.0-10.0.0.2"),
            (&["2001:db8::/32"], "2001:db8::/32"),
        ] {
            assert_eq!(addresses(cidrs).to_string(), written);
        }
        for bad in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/", "::/129", "a/8", "10.0.0/8", "10.0.0.0/8/8"] {
            assert!(Cidr::read(bad).is_err(), "{bad}");
        }
        assert!(Cidr::read("10.0.0.1/8").unwrap().has_host_bits() && !Cidr::read("::/0").unwrap().has_host_bits());
        assert!(addresses(&["10.0.0.0/8"]).contains("::ffff:10.1.1.1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn cidrs_hold_what_they_are_made_of(ranges in prop::collection::vec((any::<u32>(), any::<u32>()), 0..4), wide in any::<(u128, u128)>()) {
            let set = Addresses { v4: Ranges::of(ranges), v6: Ranges::range(wide.0.min(wide.1), wide.0.max(wide.1)) };
            let cidrs = set.cidrs();
            prop_assert!(cidrs.iter().all(|cidr| !cidr.has_host_bits()));
            let again: Vec<_> = cidrs.iter().map(|cidr| cidr.addresses()).collect();
            prop_assert_eq!(Addresses::union_of(&again), set);
        }
    }
}
