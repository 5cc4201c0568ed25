//! Which address a request comes from.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Result, bail};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use crate::{app::App, problem::Problem, serve::Peer};

const FORWARDED: &str = "x-forwarded-for";

/// Proxies whose `X-Forwarded-For` is believed: addresses and networks.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<Network>);

#[derive(Debug, Clone, Copy)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    fn has(self, other: IpAddr) -> bool {
        // Shifted by all its bits, a number is gone: such a network has everything.
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differs = own.to_bits() ^ other.to_bits();
                differs.checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differs = own.to_bits() ^ other.to_bits();
                differs.checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl Proxies {
    /// Reads a list such as `10.0.0.5, 172.16.0.0/12, fd00::/8`.
    pub fn read(text: &str) -> Result<Self> {
        let mut networks = vec![];
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match Network::read(part) {
                Some(network) => networks.push(network),
                None => bail!("{part:?} is not an address or a network like 10.0.0.0/8"),
            }
        }
        Ok(Self(networks))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }

    /// The client behind `peer`. Each proxy appends the address it was called from, so the
    /// list is read from its end for as long as its writers are trusted; what stands in
    /// front of that is the client's own invention.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines: Vec<&str> =
            headers.get_all(FORWARDED).iter().filter_map(|value| value.to_str().ok()).collect();
        let mut client = peer;
        for entry in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            if !self.trusts(client) {
                break;
            }
            let Ok(address) = entry.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
        }
        client
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client(pub(crate) IpAddr);

impl FromRequestParts<App> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // Only a router that is called without a network has no peer.
        let Peer(peer) =
            parts.extensions.get().copied().unwrap_or(Peer(Ipv4Addr::UNSPECIFIED.into()));
        Ok(Self(app.proxies.client(peer, &parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{FORWARDED, Proxies};

    fn client(proxies: &str, peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED, HeaderValue::from_static(line));
        }
        Proxies::read(proxies).unwrap().client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let liar = ["1.1.1.1"];
        assert_eq!(client("", "203.0.113.9", &liar), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "203.0.113.9", &liar), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["198.51.100.7"]), "198.51.100.7");
        // What the client wrote itself stands further to the front.
        let chain = ["1.1.1.1, 198.51.100.7", "10.9.9.9"];
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &chain), "198.51.100.7");
        assert_eq!(client("10.1.2.3", "10.1.2.3", &chain), "10.9.9.9");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["unknown"]), "10.1.2.3");
        assert_eq!(client("fd00::/8, ::1", "fd12::1", &["2001:db8::5"]), "2001:db8::5");
        assert_eq!(client("0.0.0.0/0", "10.1.2.3", &["1.1.1.1, 2.2.2.2"]), "1.1.1.1");
    }

    #[test]
    fn what_is_no_network_is_named() {
        for bad in ["10.0.0.0/33", "proxy", "10.0.0.0/", "::1/129"] {
            let error = Proxies::read(&format!("127.0.0.1, {bad}")).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
