//! Which software calls: a small set of popular TLS fingerprints (shape of JA4) and user agents.
//!
//! Everyone draws from the same set, so a fingerprint by itself says little; what an operator shows is that one template is
//! frozen over many accounts.

/// A piece of client software.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// TLS fingerprint in the shape of JA4.
    pub ja4: &'static str,
    /// User agent.
    pub user_agent: &'static str,
}

const fn client(ja4: &'static str, user_agent: &'static str) -> Client {
    Client { ja4, user_agent }
}

/// All clients: browsers and applications, then libraries, then coding agents.
pub const CLIENTS: [Client; 30] = [
    client("t13d1516h2_8daaf6152771_d8a2da3f94cd", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/145.0.0.0"),
    client("t13d1516h2_8daaf6152771_02713d6af862", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/145.0.0.0"),
    client("t13d2014h2_a09f3c656075_14788d8d241b", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_3 like Mac OS X) Safari/605.1"),
    client("t13d1516h2_8daaf6152771_d8a2da3f94ce", "Mozilla/5.0 (Linux; Android 15) Chrome/145.0.0.0 Mobile"),
    client("t13d2014h2_a09f3c656075_e42f34c56612", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1"),
    client("t13d1715h2_5b57614c22b0_3d5424432f57", "Mozilla/5.0 (Windows NT 10.0; rv:147.0) Firefox/147.0"),
    client("t13d1516h2_8daaf6152771_e5627efa2ab1", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/145.0.0.0"),
    client("t13d2613h2_2802a3db6c62_845d286b0d67", "AtlasApp/4.2 (iOS 19.3)"),
    client("t13d1514h2_8daaf6152771_9b887d9acb53", "AtlasApp/4.2 (Android 15)"),
    client("t13d1516h2_8daaf6152771_b1ff8ab2d16f", "AtlasDesktop/1.9 (Windows)"),
    client("t13d1516h2_8daaf6152771_b186095e22b6", "AtlasDesktop/1.9 (macOS)"),
    client("t13d1715h2_5b57614c22b0_7121afd63204", "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Firefox/147.0"),
    client("t13d1812h1_85036bcba153_375ca2c5e164", "atlas-python/1.42.0"),
    client("t13d1812h1_85036bcba153_b26ce05bbdd6", "python-httpx/0.28.1"),
    client("t13d1712h1_5b57614c22b0_06cda9e17597", "python-requests/2.32.4"),
    client("t13d5911h1_a33745022dd6_1f22a2ca17c4", "atlas-node/0.61.0"),
    client("t13d5911h1_a33745022dd6_4f1ac2d4a1b0", "node-fetch/3.3.2"),
    client("t13d1310h2_f57a46bbacb6_e7c285222651", "Go-http-client/2.0"),
    client("t13d4312h1_c7886603b240_b26ce05bbdd6", "okhttp/4.12.0"),
    client("t13d1011h2_61a7ad8aa9b6_3fcd1a44f3e3", "reqwest/0.12"),
    client("t13d3112h2_e8f1e7e78f70_b26ce05bbdd6", "curl/8.12.1"),
    client("t13d2014h1_dd0b9ee1a1b1_9dd4d2ad5b3c", "Java-http-client/21.0.6"),
    client("t13d1812h2_85036bcba153_4e8de8c9f1b6", "aiohttp/3.11.18"),
    client("t13d3313h2_1d37bd780c83_b26ce05bbdd6", "atlas-dotnet/0.9.0"),
    client("t13d5911h1_a33745022dd6_2a0c7b8d3e51", "atlas-code/2.1.14 (cli)"),
    client("t13d5911h1_a33745022dd6_2a0c7b8d3e51", "atlas-code/2.1.9 (cli)"),
    client("t13d1516h2_8daaf6152771_6f3a1d6f3b0e", "atlas-code-vscode/2.1.14"),
    client("t13d1516h2_8daaf6152771_7e51fdad25f2", "third-party-ide/1.96.2"),
    client("t13d1011h2_61a7ad8aa9b6_0c2f2e4a9d77", "agent-runner/0.33"),
    client("t13d1310h2_f57a46bbacb6_5ac7197df9d2", "gateway-proxy/1.66"),
];

/// Kinds of clients, as ranges of [`CLIENTS`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Family {
    Application,
    Library,
    Agent,
}

/// A client of a family: popular ones first, each taking 30% of what is left.
pub(crate) fn pick(family: Family, uniform: f64) -> u8 {
    let (first, count) = match family {
        Family::Application => (0, 12),
        Family::Library => (12, 12),
        Family::Agent => (24, 6),
    };
    let step = ((1.0 - uniform).ln() / 0.7_f64.ln()) as usize;
    (first + step % count) as u8
}
