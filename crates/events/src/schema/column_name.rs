//! What columns are called elsewhere: in a map file, or beside it on a command line.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::nearest;
use crate::schema::may_be_mapped;

/// What a column of ours is called: one name, which every file has to have, or several, of which a file has some or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected the name of a column, or a list of names")]
pub enum Theirs {
    /// Every file has it.
    One(String),
    /// The first that a file has is read.
    Any(Vec<String>),
}

impl Theirs {
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Theirs::One(name) => std::slice::from_ref(name),
            Theirs::Any(names) => names,
        }
    }

    pub(crate) fn is_required(&self) -> bool {
        matches!(self, Theirs::One(_))
    }
}

/// A column named outside of a map file: our name of it, and theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName {
    /// Ours.
    pub ours: String,
    /// Theirs; in JSON a path with dots, where the field is in an object.
    pub theirs: String,
}

impl ColumnName {
    /// `OURS=THEIRS`, if that is what it is: what stands before the first `=` is a name of ours, or the text is no file's.
    ///
    /// # Errors
    /// What was expected, with the name of ours that is nearest.
    pub fn of(text: &str) -> Result<Option<ColumnName>, String> {
        let Some((ours, theirs)) = text.split_once('=') else { return Ok(None) };
        if may_be_mapped().any(|known| known == ours) && !theirs.is_empty() {
            return Ok(Some(ColumnName { ours: ours.to_string(), theirs: theirs.to_string() }));
        }
        if Path::new(text).exists() {
            return Ok(None);
        }
        let near = nearest(ours, may_be_mapped()).map(|near| format!("did you mean {near}?"));
        // Of a kind of one's own more is to be said than its column.
        let hint = near.unwrap_or_else(|| "a kind of your own is declared by a file, [kinds.NAME] with its column".to_owned());
        Err(format!("{text:?} is neither a file nor OURS=THEIRS with a column of ours; {hint}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IngestConfig;
    use crate::schema::Map;

    #[test]
    fn of_several_names_the_first_that_a_file_has_is_read() {
        let map: Map = toml::from_str("[columns]\naccount_id = [\"user.id\", \"Customer ID\"]\nip = [\"client.ip\"]").unwrap();
        let read = |names: &[&str]| {
            let header: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
            let layout = map.layout(&header, Path::new("f")).unwrap();
            layout.columns.iter().map(|column| (column.ours.clone(), column.index)).collect::<Vec<_>>()
        };
        assert_eq!(read(&["Customer ID", "colour"]), [("account_id".to_string(), 0)]);
        assert_eq!(read(&["client.ip", "user.id"]), [("account_id".to_string(), 1), ("ip".to_string(), 0)]);
        assert_eq!(toml::from_str::<Map>(&toml::to_string(&map).unwrap()).unwrap(), map, "it can be kept in a store");
        let columns = |names: &[(&str, &str)]| -> Vec<ColumnName> {
            let named = |&(ours, theirs): &(&str, &str)| ColumnName { ours: ours.to_string(), theirs: theirs.to_string() };
            names.iter().map(named).collect()
        };
        let config = IngestConfig { columns: columns(&[("ip", "a"), ("ip", "b"), ("model", "m")]), ..IngestConfig::default() };
        let map = Map::of(&config).unwrap();
        assert_eq!(map.columns["ip"].names(), ["a", "b"]);
        assert!(map.columns["model"].is_required() && !map.columns["ip"].is_required());
    }
}
