//! Single values: times, addresses, lists of hops, and how values of a kind are written alike.

#![no_main]

use events::normalise::forwarded::TrustedProxies;
use events::normalise::kind::{Canonical, Length, Normaliser, canonical};
use events::normalise::pseudonym::Pseudonyms;
use events::normalise::time::{self, Zone};
use events::normalise::{ip, is_absent, payment, text};
use events::schema::{ColumnName, kind_name, meant_by};
use libfuzzer_sys::fuzz_target;

static PSEUDONYMS: std::sync::LazyLock<Pseudonyms> = std::sync::LazyLock::new(|| Pseudonyms::new([7; 32]));

fuzz_target!(|input: &[u8]| {
    if let Ok(Some((millis, _))) = time::parse(input, &Zone::default()) {
        let seconds = hydralink::time::rfc3339((millis / 1000).clamp(0, i64::from(u32::MAX)) as u32);
        if let Some(written) = seconds.filter(|_| (0..i64::from(u32::MAX) * 1000).contains(&millis)) {
            let again = time::parse(written.as_bytes(), &Zone::default()).expect("what was written is read");
            assert_eq!(again.map(|(millis, _)| millis / 1000), Some(millis / 1000), "{written}");
        }
    }
    for trusted in [
        TrustedProxies::Private,
        TrustedProxies::Count(2),
        TrustedProxies::Networks(vec!["8.8.0.0/16".parse().expect("a network")]),
    ] {
        if let Some(hop) = trusted.client(input) {
            assert!(hop.is_empty() || input.windows(hop.len()).any(|part| part == hop));
        }
    }
    let Ok(value) = text(input) else { return };
    assert_eq!(text(value.as_bytes()), Ok(value));
    let _ = (is_absent(value), payment::is_card_number(value), kind_name(value), meant_by(value));
    let _ = (value.parse::<TrustedProxies>(), value.parse::<Zone>(), ColumnName::of(value));
    if let Ok(length) = Length::try_from(value.to_owned()) {
        assert_eq!(Length::try_from(String::from(length)), Ok(length));
    }
    if let Ok((first, last)) = hydralink::time::seconds_of(value) {
        assert!(first <= last);
    }
    let _ = hydralink::time::length_of(value);
    if let Ok(normaliser) = value.parse::<Normaliser>() {
        assert_eq!(normaliser.to_string().parse(), Ok(normaliser));
    }
    if let Ok(ip::Address::V4(address)) = ip::parse(value) {
        assert_eq!(ip::parse(&address.to_string()), Ok(ip::Address::V4(address)));
    }
    let pseudonyms = &*PSEUDONYMS;
    let normalisers = ["lowercase", "digits", "domain", "yesno", "subnet", "subnet/0/0", "subnet/32/64", "subnet/9/33"];
    let declared = normalisers.iter().map(|name| name.parse::<Normaliser>().ok());
    for (kind, declared) in
        std::iter::once(("ip", None)).chain([("virtual", None), ("device", None)]).chain(declared.map(|one| ("k", one)))
    {
        let Ok(Canonical::Value(once)) = canonical(kind, declared, value) else { continue };
        let twice = canonical(kind, declared, &once);
        assert!(twice == Ok(Canonical::Value(once.clone())), "{kind} {declared:?} {value:?}: {once:?}, then {twice:?}");
        if kind == "ip" {
            let address = once.strip_suffix("/64").unwrap_or(&once).parse::<std::net::IpAddr>();
            assert!(address.is_ok_and(|address| address.is_ipv4() != once.ends_with("/64")), "{value:?}: {once:?}");
        }
        let pseudonym = pseudonyms.of(kind, &once);
        assert_eq!(text(pseudonym.as_bytes()), Ok(pseudonym.as_str()));
        pseudonyms.again(kind, &pseudonym);
        pseudonyms.again(kind, &once);
    }
});
