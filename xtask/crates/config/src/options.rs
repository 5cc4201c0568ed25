//! Options of object stores, judged by their names: which hold a secret, and which weaken transport
//! security.

use std::net::IpAddr;

/// Parts of names of options that hold a secret.
const SECRET: [&str; 8] =
    ["secret", "password", "passwd", "token", "bearer", "credential", "sas", "access_key"];
/// Options that look secret by name but are not.
const NOT_SECRET: [&str; 3] = ["kms_key_id", "bucket_key_enabled", "credential_type"];

/// Whether an option's value is a secret, by its name in any spelling.
pub(super) fn is_secret(option: &str) -> bool {
    let option = option.to_ascii_lowercase();
    if NOT_SECRET.iter().any(|known| option.ends_with(known)) {
        return false;
    }
    // The path of a secret file is not secret, but belongs to one machine: into .env, too.
    option.split('_').any(|word| word == "key") || SECRET.iter().any(|word| option.contains(word))
}

/// Whether an address holds a name and a password, as in `https://name:word@host`.
pub(super) fn has_credentials(url: &str) -> bool {
    url.split_once("://")
        .is_some_and(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest).contains('@'))
}

/// Which of these options weaken transport security, in words. An object store on this machine
/// needs none: nothing leaves the machine.
pub fn weak<'a>(options: impl IntoIterator<Item = (&'a String, &'a str)>) -> Vec<String> {
    // An option may appear in two spellings; each counts.
    let options: Vec<(String, &str)> =
        options.into_iter().map(|(name, value)| (plain(name), value)).collect();
    let mut found = Vec::new();
    let here = options
        .iter()
        .filter(|(name, _)| name.contains("endpoint_url") || name.ends_with("endpoint"))
        .map(|(_, url)| is_loopback(url))
        .reduce(|all, one| all && one)
        .unwrap_or(false);
    for (name, value) in &options {
        let on =
            !matches!(value.to_ascii_lowercase().as_str(), "" | "0" | "false" | "off" | "no" | "n");
        let why = match name.as_str() {
            "allow_http" if on && !here => "everything may cross the network in clear text",
            "allow_invalid_certificates" if on && !here => "anyone can impersonate the store",
            "proxy_url" => "everything goes through that machine",
            "proxy_ca_certificate" => "the holder of that authority can impersonate the store",
            "skip_signature" if on => "requests are not signed",
            _ => continue,
        };
        found.push(format!("{name}: {why}"));
    }
    found
}

/// An option's name without a cloud's prefix.
fn plain(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let fronts = ["aws_", "azure_storage_", "azure_", "google_", "gs_"];
    fronts.iter().find_map(|front| name.strip_prefix(front)).unwrap_or(&name).to_owned()
}

/// Whether an address is on this machine.
pub fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_port = authority.rsplit('@').next().unwrap_or_default();
    let host = match host_port.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host_port.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weak_of(options: &[(&str, &str)]) -> Vec<String> {
        let options: Vec<(String, &str)> =
            options.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        weak(options.iter().map(|(name, value)| (name, *value)))
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        for option in [
            "sas_key",
            "azure_storage_sas_token",
            "account_key",
            "AWS_SECRET_ACCESS_KEY",
            "access_key_id",
            "session_token",
            "bearer_token",
            "client_secret",
            "google_service_account_key",
            "sse_customer_key_base64",
            "password",
            "container_credentials_full_uri",
        ] {
            assert!(is_secret(option), "{option}");
        }
        for option in
            ["endpoint", "region", "sse_kms_key_id", "credential_type", "allow_http", "client_id"]
        {
            assert!(!is_secret(option), "{option}");
        }
        assert!(has_credentials("http://name:word@proxy:3128/"));
        assert!(!has_credentials("http://proxy:3128/@"));
    }

    #[test]
    fn only_this_machine_needs_no_protection() {
        for (option, value) in [
            ("allow_http", "true"),
            ("AWS_ALLOW_HTTP", "1"),
            ("azure_allow_invalid_certificates", "yes"),
            ("proxy_url", "http://proxy:3128"),
            ("skip_signature", "true"),
        ] {
            assert_eq!(weak_of(&[(option, value)]).len(), 1, "{option}");
            let off = weak_of(&[(option, value), ("endpoint", "https://store.example")]);
            assert_eq!(off.len(), 1, "{option}");
        }
        for endpoint in ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000/x"] {
            assert!(weak_of(&[("endpoint", endpoint), ("allow_http", "true")]).is_empty());
        }
        for endpoint in ["http://10.0.0.1", "http://127.0.0.1.example", "http://localhost@evil"] {
            assert!(!weak_of(&[("endpoint", endpoint), ("allow_http", "true")]).is_empty());
        }
        let two = [
            ("endpoint", "http://localhost"),
            ("aws_endpoint", "http://evil"),
            ("allow_http", "1"),
        ];
        assert!(!weak_of(&two).is_empty());
        assert!(weak_of(&[("allow_http", "false"), ("region", "x")]).is_empty());
    }
}
