//! Columns that are named on a command line instead of in a map file.

use std::path::Path;

use crate::error::nearest;
use crate::schema::may_be_mapped;

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
        let near = nearest(ours, may_be_mapped()).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        Err(format!("{text:?} is neither a file nor OURS=THEIRS with a column of ours{near}"))
    }
}
