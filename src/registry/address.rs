//! Which addresses may be connected to (IANA: special-purpose address registries).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses at which clouds serve credentials to whoever asks (AWS: instance metadata, ECS task and EKS Pod Identity credentials).
/// No list admits them.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The internet.
    Public,
    /// Private, shared, loopback or link-local: only where a list admits the host.
    Private,
    /// No host that could be a registry.
    Never,
}

/// The scope of an address; one that carries another inside has the scope of that.
pub(super) fn scope(address: IpAddr) -> Scope {
    let address = inner(address);
    if METADATA.contains(&address) || address.is_unspecified() || address.is_multicast() {
        return Scope::Never;
    }
    match address {
        IpAddr::V4(address) => of_v4(address),
        IpAddr::V6(address) => of_v6(address),
    }
}

/// The address that one of IPv6 stands for: IPv4-mapped, IPv4-compatible, NAT64 (RFC 6052) and 6to4 (RFC 3056).
fn inner(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let s = v6.segments();
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => v4(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        _ => address,
    }
}

fn of_v4(address: Ipv4Addr) -> Scope {
    match address.octets() {
        [0 | 240..=255, ..] => Scope::Never,
        [127, ..] | [10, ..] | [169, 254, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Scope::Private,
        // Protocol assignments, documentation, benchmarks.
        [192, 0, 0 | 2, _] | [198, 18..=19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => Scope::Private,
        _ => Scope::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Scope {
    match address.segments() {
        [0x2001, 0xdb8, ..] | [0x2001, 0..=0x1ff, ..] => Scope::Private, // documentation, Teredo and other protocols
        [0x2000..=0x3fff, ..] => Scope::Public,                          // global unicast, the only range that is given out
        _ => Scope::Private,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes() {
        let rows = [
            (Scope::Public, "1.1.1.1 52.95.110.1 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.169.0.1 223.255.255.255"),
            (Scope::Public, "2600:1f18::1 2a05:d018::1 ::ffff:1.1.1.1 64:ff9b::101:101 2002:101:101::1"),
            (Scope::Private, "10.0.0.1 127.0.0.1 127.255.255.255 169.254.0.1 192.168.1.1 172.16.0.1 172.31.255.255 100.64.0.1"),
            (Scope::Private, "100.127.255.255 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.9 192.0.0.8"),
            (Scope::Private, "::1 fe80::1 fc00::1 fdff::1 2001:db8::1 2001::1 fec0::1 64:ff9b:1::1"),
            (Scope::Private, "::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 2002:a00:1::1 ::ffff:192.168.0.1"),
            (Scope::Never, "169.254.169.254 169.254.170.2 169.254.170.23 fd00:ec2::254 fd00:ec2::23 ::ffff:169.254.169.254"),
            (Scope::Never, "64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1 0.0.0.0 0.1.2.3 :: 224.0.0.1 240.0.0.1 255.255.255.255 ff02::1"),
        ];
        for (expected, addresses) in rows {
            for address in addresses.split(' ') {
                assert_eq!(scope(address.parse().unwrap()), expected, "{address}");
            }
        }
    }
}
