//! The handshake: who we are, proven without sending the password where that is
//! possible. The packets and the arithmetic are `mysql_common`'s, the driver's own.

use anyhow::{Context, Error, Result, bail};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{
    AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse, SslRequest,
};
use mysql_common::proto::MySerialize;

use super::stream::Stream;
use super::{Access, guard, key, refusal, tls};
use model::exit::{ExitCode, Stop};

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

/// utf8mb4_general_ci, which both flavours know; a session then says what it wants.
const COLLATION: u8 = 45;

/// What the server's greeting said.
#[derive(Debug, Clone)]
struct Greeted {
    id: u32,
    capabilities: CapabilityFlags,
    version: (u16, u16, u16),
    nonce: Vec<u8>,
    plugin: AuthPlugin<'static>,
}

/// Reads the greeting. `offers_tls` is set as soon as it is known.
fn greeted(stream: &mut Stream, offers_tls: &mut bool) -> Result<Greeted> {
    let greeting = stream.packet()?;
    if greeting.first() == Some(&0xff) {
        return Err(refusal(greeting));
    }
    let greeting: HandshakePacket<'_> =
        ParseBuf(greeting).parse(()).context("read the server's greeting")?;
    *offers_tls = greeting.capabilities().contains(CapabilityFlags::CLIENT_SSL);
    Ok(Greeted {
        id: greeting.connection_id(),
        capabilities: greeting.capabilities(),
        version: greeting.server_version_parsed().unwrap_or((8, 0, 0)),
        nonce: greeting.nonce(),
        plugin: match greeting.auth_plugin() {
            Some(AuthPlugin::CachingSha2Password) => AuthPlugin::CachingSha2Password,
            _ => AuthPlugin::MysqlNativePassword,
        },
    })
}

/// Logs in, asking for what `wanted` adds to what every connection asks for. With
/// `secure` nothing but the wish for TLS goes out before TLS.
pub(super) fn log_in(
    stream: &mut Stream,
    access: &Access,
    schema: Option<&str>,
    wanted: CapabilityFlags,
    secure: bool,
    offers_tls: &mut bool,
) -> Result<Login> {
    let greeted = greeted(stream, offers_tls)?;
    let mut flags = (ALWAYS | wanted) & greeted.capabilities;
    flags.set(CapabilityFlags::CLIENT_CONNECT_WITH_DB, schema.is_some());
    if secure {
        flags.insert(CapabilityFlags::CLIENT_SSL);
        begin_tls(stream, access, flags, *offers_tls)?;
    }
    let Greeted { id, version, nonce, plugin, .. } = greeted;
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
    prove(stream, access, nonce)?;
    Ok(Login { id, flags })
}

fn begin_tls(
    stream: &mut Stream,
    access: &Access,
    flags: CapabilityFlags,
    offered: bool,
) -> Result<()> {
    let place = access.endpoint.to_string();
    if !offered {
        return Err(tls::not_offered(&place).into());
    }
    if stream.has_more() {
        return Err(tls::injected(&place).into());
    }
    // Before anything is sent: a missing file is no reason to contact the server.
    let (config, name) = (access.guard.config()?, guard::name(&access.endpoint)?);
    let mut wish = Vec::new();
    SslRequest::new(flags, PACKET, COLLATION).serialize(&mut wish);
    stream.send(&wish)?;
    stream.secure(config, name).map_err(|error| {
        let stop = tls::failed(&error, &place, &access.guard);
        Error::new(error).context(stop)
    })
}

/// Answers what the server asks until it is content.
fn prove(stream: &mut Stream, access: &Access, mut nonce: Vec<u8>) -> Result<()> {
    let password = access.password.reveal();
    // A plugin switch, a full exchange and the end; a login has no more steps.
    for _ in 0..4 {
        let packet = stream.packet()?;
        match packet {
            [0, ..] => return Ok(()),
            [0xff, ..] => return Err(refusal(packet)),
            // The server knows the password's hash and is content.
            [1, 3] => {}
            [1, 4] => full(stream, access, &nonce)?,
            [0xfe, _, ..] => {
                let switch: AuthSwitchRequest<'_> =
                    ParseBuf(packet).parse(()).context("read the server's wish")?;
                nonce = switch.plugin_data().to_vec();
                let plugin = match switch.auth_plugin() {
                    AuthPlugin::CachingSha2Password => AuthPlugin::CachingSha2Password,
                    AuthPlugin::MysqlNativePassword => AuthPlugin::MysqlNativePassword,
                    other => return Err(unknown_plugin(access, &other).into()),
                };
                let data = plugin.gen_data(Some(password), &nonce).map(|data| data.into_owned());
                stream.send(data.as_deref().unwrap_or_default())?;
            }
            _ => bail!("the login violates the protocol"),
        }
    }
    bail!("the login does not finish")
}

/// An unsupported authentication method. `mysql_clear_password` is one: it would send the password
/// to anyone who asks.
fn unknown_plugin(access: &Access, plugin: &AuthPlugin<'_>) -> Stop {
    let name = String::from_utf8_lossy(plugin.as_bytes()).into_owned();
    Stop::new(
        ExitCode::Server,
        format!(
            "{} wants `{}` to log in with `{name}`, which is not supported; no password was sent",
            access.endpoint, access.user
        ),
    )
    .hint("Accounts can use caching_sha2_password or mysql_native_password (CREATE USER … IDENTIFIED WITH).")
}

/// The server's key cannot take the password.
fn unusable_key(access: &Access) -> Stop {
    let (place, user) = (&access.endpoint, &access.user);
    let what = "which is not an RSA key large enough for the password; no password was sent";
    Stop::new(ExitCode::Server, format!("{place} sent a key for the login of `{user}`, {what}"))
        .hint(
            "This may not be your server. MySQL's own key is in public_key.pem in its data \
        folder.",
        )
        .hint("With `DB_TLS=required` in .env no such key is needed.")
}

/// `caching_sha2_password` without a cached hash: the password itself. In clear text over
/// what cannot be overheard, else, on this machine alone, encrypted with the server's key:
/// that key came over the wire, so elsewhere it could be anybody's.
fn full(stream: &mut Stream, access: &Access, nonce: &[u8]) -> Result<()> {
    let tls = stream.tls();
    if !access.guard.may_send_password(tls.is_some()) {
        let place = access.endpoint.to_string();
        return Err(tls::no_password(&place, &access.user, tls.as_ref(), &access.guard).into());
    }
    let mut secret = access.password.reveal().as_bytes().to_vec();
    secret.push(0);
    if !stream.is_private() {
        stream.send(&[2])?;
        let key = stream.packet()?;
        let Some((1, key)) = key.split_first().map(|(kind, key)| (*kind, key)) else {
            bail!("the server did not send its key");
        };
        if nonce.is_empty() {
            bail!("the server sent no challenge");
        }
        for (byte, mask) in secret.iter_mut().zip(nonce.iter().cycle()) {
            *byte ^= mask;
        }
        secret = key::encrypt(&secret, key).ok_or_else(|| unusable_key(access))?;
    }
    Ok(stream.send(&secret)?)
}
