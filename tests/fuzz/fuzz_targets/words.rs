//! What people write about the data: maps, settings, rules, expressions, names. An error says where; nothing panics, no text is
//! too deep or takes long.

#![no_main]

use events::IngestConfig;
use events::schema::Map;
use hydralink::DetectConfig;
use hydralink::filter::{self, Filter};
use hydralink::rules::Rule;
use hydralink_fuzz::file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let path = file("words.toml", input);
    if let Ok(map) = Map::read(&path) {
        let written = toml::to_string(&map).expect("a map is TOML");
        assert_eq!(toml::from_str::<Map>(&written).expect("a written map is read"), map, "{written}");
        let config = IngestConfig { map: Some(path.clone()), ..IngestConfig::default() };
        let events = file("events.csv", b"account_id,ip,device\na,8.8.8.8,d\nb,8.8.8.8,d\n");
        let _ = events::ingest(&[events], &config, &events::Unobserved);
    }
    if let Ok(config) = DetectConfig::read(&path) {
        let again = toml::from_str::<DetectConfig>(&config.to_toml()).expect("written settings are read");
        assert_eq!(again.to_toml(), config.to_toml());
    }
    let _ = Rule::read(&path);
    let Ok(text) = std::str::from_utf8(input) else { return };
    let _ = Rule::parse("r", text);
    if let Ok(filter) = Filter::parse(text, filter::TOP_FIELDS) {
        let record = serde_json::json!({
            "node": "ip:8.8.8.8", "kind": "ip", "degree": 3, "exchanges": 7, "bits": 1.5, "class": "rare", "network": null,
            "first_seen": "2026-02-01T00:00:00Z", "last_seen": "2026-02-03T00:00:00Z",
        });
        let _ = filter.matches(&record);
    }
    let _ = (hydralink::node::names_of_lines(text), hydralink::node::targets_of_lines(text));
    hydralink::node::looks_like_csv(text);
});
