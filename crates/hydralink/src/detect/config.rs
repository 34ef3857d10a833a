//! What can be set about a detection, and what differs from another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use evidence::{OutOfRange, Range};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Everything that can be set about a detection; `--config` reads it from TOML.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectConfig {
    /// Seed of everything that draws at random: of the searches for communities, and of the behavioural tests, whose
    /// `behaviour.seed` follows it unless that is set to something else than its default.
    pub seed: u64,
    /// Resolution of the community search.
    pub resolution: Resolution,
    /// Thresholds of the linkage chain.
    pub linkage: evidence::LinkageConfig,
    /// Settings of the behavioural tests.
    pub behaviour: evidence::behaviour::BehaviourConfig,
}

/// Resolution of the community search; 1 is Newman's modularity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Resolution(pub f64);

impl Default for Resolution {
    fn default() -> Self {
        Resolution(1.0)
    }
}

impl Default for DetectConfig {
    fn default() -> Self {
        DetectConfig {
            seed: 1,
            resolution: Resolution::default(),
            linkage: evidence::LinkageConfig::default(),
            behaviour: evidence::behaviour::BehaviourConfig::default(),
        }
    }
}

impl DetectConfig {
    /// Reads a configuration from TOML; what it doesn't name keeps its default.
    ///
    /// # Errors
    /// [`Error::Io`] if the file can't be read, [`Error::Usage`] naming the place if it doesn't parse.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
        let wrong = |error| Error::Usage(format!("{}: {}", path.display(), events::in_one_line(&text, &error)));
        let config: DetectConfig = toml::from_str(&text).map_err(wrong)?;
        config.check()?;
        Ok(config.settled())
    }

    /// The same from a JSON object, as Python's dictionaries are.
    ///
    /// # Errors
    /// [`Error::Usage`] if it isn't one of settings, or one can't be meant ([`DetectConfig::check`]).
    pub fn of_json(text: &str) -> Result<Self, Error> {
        let wrong = |error| Error::Usage(format!("config: {error}"));
        let config: DetectConfig = serde_json::from_str(text).map_err(wrong)?;
        // Settings may come as a list too, by place: whoever means that doesn't know what he sets.
        if !text.trim_start().starts_with('{') {
            return Err(Error::Usage("config: an object of settings was expected".to_owned()));
        }
        config.check()?;
        Ok(config.settled())
    }

    /// The configuration with the seed of the tests that follows its seed.
    fn following(mut self) -> Self {
        self.behaviour.seed = behaviour_seed(self.seed);
        self
    }

    /// As a detection runs it: where the seed of the tests is its default it follows the seed of everything, however either came
    /// to be what it is.
    pub(crate) fn settled(self) -> Self {
        let usual = self.behaviour.seed == behaviour_seed(DetectConfig::default().seed);
        if usual { self.following() } else { self }
    }

    /// The configuration with another seed. The seed of the behavioural tests follows it, unless it was set by itself.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        let by_itself = self.behaviour.seed != behaviour_seed(self.seed);
        let moved = DetectConfig { seed, ..self };
        if by_itself { moved } else { moved.following() }
    }

    /// The configuration with another seed of everything, whatever was set.
    pub(crate) fn redrawn(&self, seed: u64) -> Self {
        DetectConfig { seed, ..self.clone() }.following()
    }

    /// Checks that every number is one that can be meant: shares within 0 and 1, counts and lengths of time of at least 1, bits
    /// that are finite.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the first setting that isn't.
    pub fn check(&self) -> Result<(), Error> {
        for (name, seed) in [("seed", self.seed), ("behaviour.seed", self.behaviour.seed)] {
            check_seed(name, seed)?;
        }
        self.validate().map_err(|wrong| Error::Usage(wrong.to_string()))
    }

    fn validate(&self) -> Result<(), OutOfRange> {
        let DetectConfig { seed: _, resolution, linkage, behaviour } = self;
        behaviour.validate().map_err(|wrong| wrong.within("behaviour"))?;
        linkage.validate().map_err(|wrong| wrong.within("linkage"))?;
        Range::NotNegative.check("resolution", resolution.0)
    }

    /// The configuration that a detection was kept with.
    ///
    /// # Errors
    /// [`Error::Usage`] if it was written by a version whose settings this one doesn't know.
    pub(crate) fn of_toml(text: &str) -> Result<Self, Error> {
        toml::from_str(text)
            .map_err(|error| Error::Usage(format!("the settings of the last detection can't be read ({error}): detect again")))
    }

    /// The configuration as TOML, every key with its value.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }
}

/// A setting that two configurations have otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SettingChange {
    /// Its name, with dots: `linkage.score.threshold_bits`.
    pub name: String,
    /// What it was, as TOML; `None` where it wasn't set.
    pub from: Option<String>,
    /// What it is.
    pub to: Option<String>,
}

impl DetectConfig {
    /// The settings that this configuration has otherwise than `other`, by name.
    pub fn changed_from(&self, other: &DetectConfig) -> Vec<SettingChange> {
        let (before, after) = (other.by_name(), self.by_name());
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let change = |name: &String| {
            let (from, to) = (before.get(name).cloned(), after.get(name).cloned());
            (from != to).then(|| SettingChange { name: name.clone(), from, to })
        };
        names.into_iter().filter_map(change).collect()
    }

    fn by_name(&self) -> BTreeMap<String, String> {
        fn add(value: &toml::Value, name: &str, all: &mut BTreeMap<String, String>) {
            match value {
                toml::Value::Table(table) => {
                    let dot = if name.is_empty() { "" } else { "." };
                    table.iter().for_each(|(key, value)| add(value, &format!("{name}{dot}{key}"), all));
                }
                value => {
                    all.insert(name.to_owned(), value.to_string());
                }
            }
        }
        let mut all = BTreeMap::new();
        if let Ok(value) = toml::Value::try_from(self) {
            add(&value, "", &mut all);
        }
        all
    }
}

/// Refuses a seed that can't be kept: settings are kept as TOML, which has no whole numbers from 2^63 on.
fn check_seed(name: &str, seed: u64) -> Result<(), Error> {
    match i64::try_from(seed) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::Usage(format!("{name} is {seed}; a whole number up to {} was expected", i64::MAX))),
    }
}

/// The seed of the behavioural tests that follows a seed: the tests' default for 1, which is the default. Settings are kept as
/// TOML, whose whole numbers end at 2^63.
fn behaviour_seed(seed: u64) -> u64 {
    evidence::behaviour::BehaviourConfig::default().seed.wrapping_add(seed.wrapping_sub(1)) & (u64::MAX >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_meant_are_named() {
        assert!(DetectConfig::default().check().is_ok());
        for (text, setting) in [
            ("[linkage.score]\nsignal_bits = -1.0", "linkage.score.signal_bits"),
            ("[linkage.score]\nsignal_bits = nan", "linkage.score.signal_bits"),
            ("[linkage.members]\nexclusivity = 1.5", "linkage.members.exclusivity"),
            ("[behaviour]\npanel_events = 0", "behaviour.panel_events"),
            ("resolution = -1.0", "resolution"),
        ] {
            let config: DetectConfig = toml::from_str(text).expect("it parses");
            let error = config.check().expect_err(text).to_string();
            assert!(error.starts_with(setting), "{error}");
        }
        let of_json = |text: &str| DetectConfig::of_json(text).expect_err(text).to_string();
        assert!(of_json("{\"resolution\": -1}").starts_with("resolution"));
        assert!(of_json("[]").contains("an object of settings"));
        let large = DetectConfig { seed: 1 << 63, ..DetectConfig::default() };
        let error = large.check().expect_err("settings are kept as TOML").to_string();
        assert_eq!(error, "seed is 9223372036854775808; a whole number up to 9223372036854775807 was expected");
    }

    #[test]
    fn the_seed_moves_the_tests_unless_theirs_is_set_by_itself() {
        let usual = DetectConfig::default();
        assert_eq!(usual.clone().with_seed(1), usual);
        let moved = usual.clone().with_seed(8);
        assert_eq!((moved.seed, moved.behaviour.seed), (8, usual.behaviour.seed + 7));
        // Once more, and back.
        assert_eq!(moved.with_seed(1), usual);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            DetectConfig::read(&file).unwrap()
        };
        assert_eq!(read("seed = 8").behaviour.seed, usual.behaviour.seed + 7);
        let own = read("seed = 8\n[behaviour]\nseed = 3");
        assert_eq!((own.seed, own.behaviour.seed), (8, 3));
        let own = own.with_seed(9);
        assert_eq!((own.seed, own.behaviour.seed), (9, 3));
        assert_eq!(own.redrawn(9).behaviour.seed, usual.behaviour.seed + 8);
        // Every key with its value is the same configuration.
        assert_eq!(read(&own.to_toml()), own);
        assert_eq!(DetectConfig::of_json("{\"seed\": 8}").unwrap(), usual.clone().with_seed(8));
        // Set in a configuration that was made, or printed, with every key.
        assert_eq!(DetectConfig { seed: 8, ..usual.clone() }.settled(), usual.clone().with_seed(8));
        assert_eq!(read(&usual.to_toml().replacen("seed = 1\n", "seed = 8\n", 1)), usual.clone().with_seed(8));
        assert_eq!(usual.clone().with_seed(8).settled(), usual.clone().with_seed(8));
        assert_eq!(DetectConfig::of_json("{\"behaviour\": {\"seed\": 3}}").unwrap().with_seed(8).behaviour.seed, 3);
        assert!(usual.with_seed(u64::MAX >> 1).check().is_ok());
    }

    /// Puts a number into every setting of this type in turn; calls `check` with the setting's path and what comes of it.
    fn each_setting(value: &toml::Value, with: &toml::Value, check: &mut dyn FnMut(&str, toml::Value), path: &str) {
        let toml::Value::Table(table) = value else { return };
        for (key, inner) in table {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let put = |inner: toml::Value| {
                let mut table = table.clone();
                table.insert(key.clone(), inner);
                toml::Value::Table(table)
            };
            if inner.same_type(with) {
                check(&path, put(with.clone()));
            }
            each_setting(inner, with, &mut |path, inner| check(path, put(inner)), &path);
        }
    }

    #[test]
    fn no_number_is_left_unchecked() {
        let usual = toml::Value::try_from(DetectConfig::default()).expect("TOML");
        let mut checked = 0;
        let mut refused = |path: &str, settings: toml::Value| {
            let config: DetectConfig = settings.try_into().expect("a configuration");
            let error = config.check().expect_err(path).to_string();
            assert!(error.starts_with(&format!("{path} = ")), "{path}: {error}");
            checked += 1;
        };
        each_setting(&usual, &toml::Value::Float(f64::NAN), &mut refused, "");
        // What the linkage chain counts may be 0.
        let mut count = |path: &str, settings: toml::Value| {
            if path.starts_with("behaviour.") && !path.ends_with(".seed") {
                refused(path, settings);
            }
        };
        each_setting(&usual, &toml::Value::Integer(0), &mut count, "");
        assert!(checked > 30, "{checked}");
    }

    #[test]
    fn what_was_set_otherwise_is_named() {
        let usual = DetectConfig::default();
        assert_eq!(usual.changed_from(&usual), []);
        let other: DetectConfig = toml::from_str("resolution = 2.0\n[linkage.score]\nthreshold_bits = 11.0").unwrap();
        let changes = other.changed_from(&usual);
        let named: Vec<(&str, Option<&str>)> =
            changes.iter().map(|change| (change.name.as_str(), change.to.as_deref())).collect();
        assert_eq!(named, [("linkage.score.threshold_bits", Some("11.0")), ("resolution", Some("2.0"))]);
        assert_eq!(changes[1].from.as_deref(), Some("1.0"));
    }
}
