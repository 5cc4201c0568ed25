//! The handshake: who we are, proven without sending the password where that is
//! possible. The packets and the arithmetic are `mysql_common`'s, the driver's own.

use anyhow::{Context, Result, bail};
use mysql_common::constants::CapabilityFlags;
use mysql_common::crypto;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse};
use mysql_common::proto::MySerialize;

use super::stream::Stream;
use super::{Access, refusal};

/// What every connection asks for. Never several statements in a packet: text that holds
/// a second one is an error then, whatever the rest of this program makes of it.
const ALWAYS: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_LONG_PASSWORD)
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH);

/// As large as the protocol allows: a row can hold that much.
const PACKET: u32 = 1 << 30;

/// A login that was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login {
    /// The server's number of the connection.
    pub(super) id: u32,
    /// What both sides can do.
    pub(super) flags: CapabilityFlags,
}

/// Logs in, asking for what `wanted` adds to what every connection asks for.
pub(super) fn log_in(
    stream: &mut Stream,
    access: &Access,
    schema: Option<&str>,
    wanted: CapabilityFlags,
) -> Result<Login> {
    let greeting = stream.packet()?;
    if greeting.first() == Some(&0xff) {
        return Err(refusal(greeting));
    }
    let greeting: HandshakePacket<'_> =
        ParseBuf(greeting).parse(()).context("read the server's greeting")?;
    let nonce = greeting.nonce();
    let version = greeting.server_version_parsed().unwrap_or((8, 0, 0));
    let mut flags = (ALWAYS | wanted) & greeting.capabilities();
    flags.set(CapabilityFlags::CLIENT_CONNECT_WITH_DB, schema.is_some());
    let id = greeting.connection_id();
    let plugin = match greeting.auth_plugin() {
        Some(AuthPlugin::CachingSha2Password) => AuthPlugin::CachingSha2Password,
        _ => AuthPlugin::MysqlNativePassword,
    };
    let password = access.password.reveal();
    let scramble = plugin.gen_data(Some(password), &nonce).map(|data| data.into_owned());
    let mut answer = Vec::new();
    HandshakeResponse::new(
        scramble.as_deref(),
        version,
        Some(access.user.as_bytes()),
        schema.map(str::as_bytes),
        Some(plugin),
        flags,
        None,
        PACKET,
    )
    .serialize(&mut answer);
    stream.send(&answer)?;
    prove(stream, password, nonce)?;
    Ok(Login { id, flags })
}

/// Answers what the server asks until it is content.
fn prove(stream: &mut Stream, password: &str, mut nonce: Vec<u8>) -> Result<()> {
    // A switch of the plugin, a full exchange, and the end: more is no login.
    for _ in 0..4 {
        let packet = stream.packet()?;
        match packet {
            [0, ..] => return Ok(()),
            [0xff, ..] => return Err(refusal(packet)),
            // The server knows the password's hash and is content.
            [1, 3] => {}
            [1, 4] => full(stream, password, &nonce)?,
            [0xfe, _, ..] => {
                let switch: AuthSwitchRequest<'_> =
                    ParseBuf(packet).parse(()).context("read the server's wish")?;
                nonce = switch.plugin_data().to_vec();
                let plugin = match switch.auth_plugin() {
                    AuthPlugin::CachingSha2Password => AuthPlugin::CachingSha2Password,
                    AuthPlugin::MysqlNativePassword => AuthPlugin::MysqlNativePassword,
                    other => bail!(
                        "the account logs in by `{}`, which is not supported",
                        String::from_utf8_lossy(other.as_bytes())
                    ),
                };
                let data = plugin.gen_data(Some(password), &nonce).map(|data| data.into_owned());
                stream.send(data.as_deref().unwrap_or_default())?;
            }
            _ => bail!("the login does not go by the protocol"),
        }
    }
    bail!("the login does not come to an end")
}

/// `caching_sha2_password` without a cached hash: the password itself, in clear over
/// a local socket, else encrypted with the server's key.
fn full(stream: &mut Stream, password: &str, nonce: &[u8]) -> Result<()> {
    let mut secret = password.as_bytes().to_vec();
    secret.push(0);
    if !stream.is_local() {
        stream.send(&[2])?;
        let key = stream.packet()?;
        let Some((1, key)) = key.split_first().map(|(kind, key)| (*kind, key)) else {
            bail!("the server did not send its key");
        };
        if !key.starts_with(b"-----BEGIN PUBLIC KEY-----") || nonce.is_empty() {
            bail!("the server sent something that is no key");
        }
        for (byte, mask) in secret.iter_mut().zip(nonce.iter().cycle()) {
            *byte ^= mask;
        }
        secret = crypto::encrypt(&secret, key);
    }
    Ok(stream.send(&secret)?)
}
