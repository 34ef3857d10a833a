//! Which files does a pattern match?
//!
//! It is followed part by part, so that a folder that can't be read is an error and not a part of the data that is missing. `**`
//! is any number of folders, none behind links, for one may lead into itself; a link that a part names or matches is followed.
//! Cost: the entries of the folders that the pattern leads through.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use glob::Pattern;

use crate::error::EventError;
use crate::source::{Lies, entries, lies, refuse_table, unread};

/// What a pattern matches, in byte order.
#[derive(Debug, Default)]
pub(crate) struct Matched {
    pub(crate) files: BTreeSet<PathBuf>,
    /// Links to folders that `**` didn't enter, links to nothing that are called otherwise than events, pipes and devices.
    pub(crate) passed_by: BTreeSet<PathBuf>,
}

enum Part {
    Literal(PathBuf),
    Wild(Pattern),
    /// `**`.
    Folders,
}

/// Whether a text is a pattern if no file is called so.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// # Errors
/// A pattern that is none; a folder that can't be read; a file in a table of Delta Lake.
pub(crate) fn matching(pattern: &Path) -> Result<Matched, EventError> {
    let part = |component: Component<'_>| match component {
        Component::Normal(name) if name == "**" => Ok(Part::Folders),
        Component::Normal(name) if is_pattern(&name.to_string_lossy()) => {
            let parsed = Pattern::new(&name.to_string_lossy());
            parsed.map(Part::Wild).map_err(|error| EventError::input(pattern, error, "check the pattern"))
        }
        other => Ok(Part::Literal(PathBuf::from(other.as_os_str()))),
    };
    let parts = pattern.components().map(part).collect::<Result<Vec<Part>, EventError>>()?;
    let mut matched = Matched::default();
    follow(Path::new(""), &parts, &mut matched)?;
    let folders: BTreeSet<&Path> = matched.files.iter().flat_map(|file| file.ancestors().skip(1)).collect();
    folders.into_iter().try_for_each(refuse_table)?;
    Ok(matched)
}

/// Adds what the rest of a pattern matches in a folder; the empty path is where we are.
fn follow(folder: &Path, parts: &[Part], matched: &mut Matched) -> Result<(), EventError> {
    let Some((part, rest)) = parts.split_first() else { return Ok(()) };
    match part {
        Part::Literal(name) => step(&folder.join(name), rest, matched),
        Part::Wild(pattern) => {
            for entry in entries(here(folder))? {
                if pattern.matches(&entry.file_name().to_string_lossy()) {
                    step(&folder.join(entry.file_name()), rest, matched)?;
                }
            }
            Ok(())
        }
        Part::Folders => {
            follow(folder, rest, matched)?;
            for entry in entries(here(folder))? {
                let path = folder.join(entry.file_name());
                let kind = entry.file_type().map_err(|error| unread(&path, error))?;
                if kind.is_dir() {
                    follow(&path, parts, matched)?;
                } else if rest.is_empty() {
                    step(&path, rest, matched)?;
                } else if kind.is_symlink() && path.is_dir() {
                    matched.passed_by.insert(path);
                }
            }
            Ok(())
        }
    }
}

/// A path that a part led to: what is to be read, where none follow, or a folder in which they go on.
fn step(path: &Path, rest: &[Part], matched: &mut Matched) -> Result<(), EventError> {
    let is_folder = match path.metadata() {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(unread(path, error)),
        found => found.is_ok_and(|found| found.is_dir()),
    };
    if !rest.is_empty() {
        return if is_folder { follow(path, rest, matched) } else { Ok(()) };
    }
    let Ok(entry) = path.symlink_metadata() else { return Ok(()) };
    if !is_folder {
        let to = match lies(path, entry.file_type()) {
            Lies::There => &mut matched.files,
            Lies::PassedBy => &mut matched.passed_by,
        };
        to.insert(path.to_owned());
    }
    Ok(())
}

fn here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(folder: &Path, pattern: &str) -> [Vec<String>; 2] {
        let Matched { files, passed_by } = matching(&folder.join(pattern)).unwrap();
        [files, passed_by]
            .map(|paths| paths.iter().map(|path| path.strip_prefix(folder).unwrap().display().to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn parts_match_names_and_two_stars_any_number_of_folders() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.csv", "day=1/b.csv", "day=1/b.txt", "day=2/c.csv", "day=2/hour=1/d.csv", "x.csv/e.csv"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let files = |pattern: &str| found(folder.path(), pattern)[0].join(" ");
        assert_eq!(files("*.csv"), "a.csv");
        assert_eq!(files("day=*/*.csv"), "day=1/b.csv day=2/c.csv");
        assert_eq!(files("day=[2-9]/*"), "day=2/c.csv");
        assert_eq!(files("*/hour=1/?.csv"), "day=2/hour=1/d.csv");
        assert_eq!(files("day=2/**/*.csv"), "day=2/c.csv day=2/hour=1/d.csv");
        assert_eq!(files("**/*.csv"), "a.csv day=1/b.csv day=2/c.csv day=2/hour=1/d.csv x.csv/e.csv");
        assert_eq!(files("day=1/**"), "day=1/b.csv day=1/b.txt");
        assert_eq!(files("none/*.csv"), "");
        assert!(matching(&folder.path().join("a**b")).unwrap_err().to_string().contains("check the pattern"));
    }

    /// Two links to where they lie made `**` go on for ever; files behind links to nothing were left out, and so were folders that
    /// may not be read.
    #[test]
    #[cfg(unix)]
    fn what_can_not_be_read_is_told() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("day=1")).unwrap();
        std::fs::write(at("day=1/a.csv"), "").unwrap();
        symlink(".", at("one")).unwrap();
        symlink("..", at("day=1/two")).unwrap();
        let links = vec!["day=1/two".to_owned(), "one".to_owned()];
        assert_eq!(found(folder.path(), "**/*.csv"), [vec!["day=1/a.csv".to_owned()], links]);
        // A link that is matched by itself is meant.
        assert_eq!(found(folder.path(), "one/day=*/*.csv")[0], ["one/day=1/a.csv"]);
        symlink("nowhere", at("day=1/z.csv")).unwrap();
        assert_eq!(found(folder.path(), "**/*.csv")[0], ["day=1/a.csv", "day=1/z.csv"]);
        std::fs::create_dir_all(at("day=1/_delta_log")).unwrap();
        assert!(matching(&at("*/*.csv")).unwrap_err().to_string().contains("Delta Lake"));
        std::fs::remove_dir(at("day=1/_delta_log")).unwrap();
        std::fs::set_permissions(at("day=1"), PermissionsExt::from_mode(0o000)).unwrap();
        let refused = ["**/*.csv", "*/*.csv", "day=1/*.csv"].map(|pattern| matching(&at(pattern)).map(|found| found.files));
        let may_all = std::fs::read_dir(at("day=1")).is_ok();
        std::fs::set_permissions(at("day=1"), PermissionsExt::from_mode(0o700)).unwrap();
        assert!(refused.iter().all(|refused| refused.is_err() != may_all), "{refused:?}");
    }
}
