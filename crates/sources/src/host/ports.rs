//! Listening ports, from the tables of `/proc/net` (proc(5)).

use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The connections of a table that listen: TCP in state 10, UDP in state 7. Lines of another shape are passed over.
pub fn listening(transport: &str, table: &str) -> Vec<Value> {
    let state = if transport == "tcp" { "0A" } else { "07" };
    let rows = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote, found) = (fields.next()?, fields.next()?, fields.next()?);
        (found == state).then_some(())?;
        let (local, remote) = (endpoint(local)?, endpoint(remote)?);
        Some(json!({
            "transport": transport,
            "localAddress": local.0.to_string(),
            "localPort": local.1,
            "remoteAddress": remote.0.to_string(),
            "remotePort": remote.1,
        }))
    });
    rows.collect()
}

/// `0100007F:1F90`: an address as words of the machine's own byte order, and a port.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    let mut rest = address;
    while let Some((word, after)) = rest.split_at_checked(8) {
        bytes.extend(u32::from_str_radix(word, 16).ok()?.to_ne_bytes());
        rest = after;
    }
    let address = match (rest, <[u8; 4]>::try_from(bytes.as_slice()), <[u8; 16]>::try_from(bytes.as_slice())) {
        ("", Ok(four), _) => IpAddr::V4(Ipv4Addr::from(four)),
        ("", _, Ok(sixteen)) => IpAddr::V6(Ipv6Addr::from(sixteen)),
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::listening;

    #[test]
    fn tables() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             \x20  0: 0100007F:280F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 20911 1\n\
             \x20  1: 0100007F:A001 0100007F:280F 01 00000000:00000000 00:00000000 00000000     0        0 20912 1\n\
             \x20  2: 00000000000000000000000000000000:280A 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 1\n\
             \x20  3: x:y 0:0 0A\n\
             \x20  4: 0100007F";
        let found: Vec<String> =
            listening("tcp", table).iter().map(|row| format!("{}:{}", row["localAddress"].as_str().unwrap(), row["localPort"])).collect();
        assert_eq!(found, ["127.0.0.1:10255", ":::10250"]);
        assert!(listening("udp", table).is_empty() && listening("tcp", "").is_empty());
    }
}
