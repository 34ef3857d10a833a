//! Which column means what? Names and aliases, whatever their case and separators (`clientIp`, `Client-IP`); anything else by a map.
//!
//! ```toml
//! [columns]                 # ours = "theirs"
//! account_id = "customer"
//! ip = "client.ip"          # in JSON Lines, a field of an object in the object; in Parquet and Arrow, of a struct
//! timestamp = ["created", "at"]   # whichever of them a file has: a list need not be in every file
//!
//! [kinds.tenant]            # a further identifier kind, or one known by name
//! column = "cloud_tenant"   # where a wide row has it; long rows name the kind themselves
//! role = "credential"       # optional: address, payment, template, device, credential, weak, other
//! prior = 4.0               # optional: bits that sharing one is worth at most
//! expected = 3              # optional: accounts that share one as a matter of course
//! ttl = "90d"               # optional: how long a sighting links after it was last seen
//! within = "30m"            # optional: how far apart in time two accounts may have had one that links them
//! normaliser = "lowercase"  # optional: how values are written alike
//!
//! [kinds.subnet]            # a column may give several kinds
//! column = "ip"
//! normaliser = "subnet/24/56"
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

mod column_name;
mod layout;
mod meaning;
#[cfg(test)]
mod tests;

pub use column_name::{ColumnName, Theirs};
use layout::keep_in_long;
pub(crate) use layout::{Layout, LayoutColumn, named_or_counted};
pub(crate) use meaning::{COMPARED, Use, fold, is_known_kind, is_nearly, may_be_mapped, refuse_unknown};
use meaning::{CONTENT, MEANINGS, OF_GATEWAYS, OF_PAIRS, expect_meaning, ours_of, use_of};
pub use meaning::{TEMPLATE_KIND, kind_name, meant_by};

use crate::config::IngestConfig;
use crate::error::{EventError, among, in_one_line, nearest, shortened};
use crate::fields::{Fields, Key, Keys, Mapped};
use crate::folders;
use crate::ingested::SeveralNames;
use crate::json::DEEPEST;
use crate::normalise::kind::{Length, Normaliser};
use crate::options::{COLUMNS, MAP};

/// A `[kinds.NAME]` table of a map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindEntry {
    /// The column that holds it in wide events.
    pub column: Option<Theirs>,
    /// What sharing it can mean.
    pub role: Option<String>,
    /// The bits that sharing one is worth at most.
    pub prior: Option<f64>,
    /// Accounts that share one as a matter of course: sharing says no more than if so many did.
    pub expected: Option<u32>,
    /// How long after it was last seen a sighting may link; it stays on record.
    pub ttl: Option<Length>,
    /// A sighting may link if another account had the identifier at the same time, give or take this; it stays on record.
    pub within: Option<Length>,
    /// How values are written alike.
    pub normaliser: Option<Normaliser>,
}

/// A map file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// Our name to theirs.
    #[serde(default)]
    pub columns: BTreeMap<String, Theirs>,
    /// Further kinds.
    #[serde(default)]
    pub kinds: BTreeMap<String, KindEntry>,
}

const ROLES: [&str; 8] = ["address", "payment", "template", "device", "credential", "weak", "other", "content"];

impl Map {
    /// The map of an ingest: its file's, and in place of what it says of them the columns that are named beside it. One that is
    /// named several times is called differently in different files.
    ///
    /// # Errors
    /// As [`Map::read`], and a column that means nothing.
    pub fn of(config: &IngestConfig) -> Result<Map, EventError> {
        let mut map = config.map.as_deref().map_or_else(|| Ok(Map::default()), Map::read)?;
        let mut beside: BTreeMap<&String, Vec<String>> = BTreeMap::new();
        for ColumnName { ours, theirs } in &config.columns {
            expect_meaning(ours, COLUMNS.to_string(), "column")?;
            beside.entry(ours).or_default().push(theirs.clone());
        }
        for (ours, mut names) in beside {
            let theirs = if names.len() == 1 { Theirs::One(names.remove(0)) } else { Theirs::Any(names) };
            map.columns.insert(ours.clone(), theirs);
        }
        map.expect_short_paths(config.map.as_deref().unwrap_or(Path::new(&COLUMNS.to_string())))?;
        Ok(map)
    }

    /// # Errors
    /// A path leads deeper than objects are entered.
    fn expect_short_paths(&self, file: &Path) -> Result<(), EventError> {
        let of_kinds = self.kinds.iter().filter_map(|(ours, kind)| Some((ours, kind.column.as_ref()?)));
        let paths =
            self.columns.iter().chain(of_kinds).flat_map(|(ours, theirs)| theirs.names().iter().map(move |path| (ours, path)));
        for (ours, path) in paths {
            let names = path.split('.').count();
            if names > DEEPEST {
                let problem = format!("{ours} lies in {names} objects ({}), and {DEEPEST} are entered", shortened(path));
                return Err(EventError::input(file, problem, "lift the field out of some of them first, with jq for instance"));
            }
        }
        Ok(())
    }

    /// Reads a map file.
    ///
    /// # Errors
    /// It can't be read, isn't TOML, or uses a name that means nothing.
    pub fn read(path: &Path) -> Result<Map, EventError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| EventError::input(path, error, format!("check the path given to {MAP}")))?;
        let map: Map = toml::from_str(&text).map_err(|error| {
            EventError::input(
                path,
                in_one_line(&text, &error),
                "a map has [columns] ours = \"theirs\" and [kinds.NAME] column = \"...\"",
            )
        })?;
        for ours in map.columns.keys() {
            expect_meaning(ours, path.display().to_string(), "column in [columns]")?;
        }
        for kind in map.kinds.keys() {
            let is_other = MEANINGS.iter().any(|(ours, _)| ours == kind) && !matches!(use_of(kind), Use::Identifier(_));
            if kind == "account" || is_other {
                let problem = format!("[kinds.{kind}]: {kind} is no kind of identifiers");
                let hint = "name its column under [columns]; account ids are taken as they are written, so write them alike in all logs";
                return Err(EventError::input(path, problem, hint));
            }
        }
        for (kind, entry) in &map.kinds {
            let negative = entry.prior.is_some_and(|prior| !(prior.is_finite() && prior >= 0.0));
            if negative || entry.expected == Some(0) {
                let problem = format!("[kinds.{kind}]: prior is bits, at least 0, and expected is accounts, at least 1");
                return Err(EventError::input(path, problem, "leave out what you can't say"));
            }
        }
        for role in map.kinds.values().filter_map(|kind| kind.role.as_deref()) {
            if !ROLES.contains(&role) {
                return Err(EventError::UnknownName {
                    file: path.display().to_string(),
                    what: "role".to_owned(),
                    name: role.to_string(),
                    nearest: nearest(role, ROLES),
                });
            }
        }
        Ok(map)
    }

    /// Our meanings in order of precedence, each with the names it can have, and whether a file has to have one of them.
    fn meanings(&self) -> Vec<(String, Use, Vec<String>, bool)> {
        let is_named = |name: &str| self.names().any(|theirs| fold(theirs) == fold(name));
        let of_gateways = |ours: &str| -> Vec<&str> {
            let aliases = OF_GATEWAYS.iter().filter(|(of, _)| *of == ours).flat_map(|(_, aliases)| *aliases);
            aliases.copied().filter(|name| !is_named(name)).collect()
        };
        let mut meanings: Vec<_> = MEANINGS
            .iter()
            .map(|(ours, aliases)| match self.columns.get(*ours) {
                Some(theirs) => ((*ours).to_string(), use_of(ours), theirs.names().to_vec(), theirs.is_required()),
                None => {
                    let names = std::iter::once(*ours).chain(aliases.iter().copied()).chain(of_gateways(ours));
                    let names = names.map(str::to_owned).collect();
                    ((*ours).to_string(), use_of(ours), names, false)
                }
            })
            .collect();
        for (ours, theirs) in self.columns.iter().filter(|(ours, _)| CONTENT.contains(&ours.as_str())) {
            meanings.push((ours.clone(), Use::Identifier(ours.clone()), theirs.names().to_vec(), theirs.is_required()));
        }
        for (kind, entry) in &self.kinds {
            if let Some(column) = &entry.column {
                meanings.retain(|(ours, ..)| ours != kind);
                meanings.push((kind.clone(), Use::Identifier(kind.clone()), column.names().to_vec(), column.is_required()));
            }
        }
        meanings
    }

    /// The same for a file with these columns: of rows that hold nothing but pairs of a kind and a value these are what they are.
    fn meanings_in(&self, header: &[String]) -> Vec<(String, Use, Vec<String>, bool)> {
        let mut meanings = self.meanings();
        let folded: HashSet<String> = header.iter().map(|name| fold(name.trim())).collect();
        if !OF_PAIRS.iter().all(|(_, name)| folded.contains(*name))
            || self.names().any(|name| OF_PAIRS.iter().any(|(_, pair)| fold(name) == *pair))
        {
            return meanings;
        }
        let identifies = |usage: &Use| matches!(usage, Use::Identifier(_) | Use::Prompt | Use::Kind | Use::Value);
        let is_there = |names: &[String]| names.iter().any(|name| folded.contains(&fold(name)));
        if !meanings.iter().any(|(_, usage, names, _)| identifies(usage) && is_there(names)) {
            for (ours, _, names, _) in &mut meanings {
                names.extend(OF_PAIRS.iter().filter(|(of, _)| of == ours).map(|(_, name)| (*name).to_owned()));
            }
        }
        meanings
    }

    /// The names that the map has for columns.
    fn names(&self) -> impl Iterator<Item = &String> {
        let of_kinds = self.kinds.values().filter_map(|kind| kind.column.as_ref());
        self.columns.values().chain(of_kinds).flat_map(Theirs::names)
    }

    /// Whether values of a kind are addresses, of which a log may have lists of hops.
    pub(crate) fn takes_addresses(&self, kind: &str) -> bool {
        match self.kinds.get(kind).and_then(|entry| entry.normaliser) {
            None => kind == "ip",
            Some(normaliser) => matches!(normaliser, Normaliser::Subnet(..)),
        }
    }

    /// A used column.
    fn column(&self, ours: String, usage: Use, index: usize) -> LayoutColumn {
        let addresses = matches!(&usage, Use::Identifier(kind) if self.takes_addresses(kind));
        LayoutColumn { ours, usage, index, addresses, of_folder: None }
    }

    /// The columns of a file with this header.
    pub(crate) fn layout(&self, header: &[String], file: &Path) -> Result<Layout, EventError> {
        let (layout, lacking) = self.columns_of(header, file)?;
        match lacking.first() {
            Some(mapped) => Err(mapped.is_missing(file, header)),
            None => self.with_account(layout, file),
        }
    }

    /// The columns that the folders of a file name, by our names, with what they say.
    pub(crate) fn of_folders(&self, file: &Path) -> BTreeMap<String, Vec<u8>> {
        let folders = folders::columns_of(file);
        if folders.is_empty() {
            return BTreeMap::new();
        }
        let named = |name: &String| folders.iter().find(|(folder, _)| fold(folder) == fold(name));
        let said = |(ours, _, names, _): (String, Use, Vec<String>, bool)| {
            names.iter().find_map(named).map(|(_, value)| (ours, value.clone()))
        };
        self.meanings().into_iter().filter_map(said).collect()
    }

    /// The columns of a header, and those that a map names and the header lacks. What the header lacks the folders may say.
    fn columns_of(&self, header: &[String], file: &Path) -> Result<(Layout, Vec<Mapped>), EventError> {
        let objects = self.paths();
        // A path is written as it is: client.ip is no client_ip.
        let folded: Vec<Option<String>> = header.iter().map(|name| (!objects.leads_to(name)).then(|| fold(name))).collect();
        let position_of = |name: &str| {
            let exact = header.iter().position(|found| found.trim().eq_ignore_ascii_case(name));
            let name = fold(name);
            exact.or_else(|| folded.iter().position(|found| found.as_deref() == Some(&name)))
        };
        let (mut columns, mut lacking) = (Vec::new(), Vec::new());
        let mut of_folders = self.of_folders(file);
        for (ours, usage, names, required) in self.meanings_in(header) {
            let found = names.iter().find_map(|name| position_of(name));
            match (found, of_folders.remove(&ours)) {
                (Some(index), _) => columns.push(self.column(ours, usage, index)),
                // No column of the file is where it would be.
                (None, Some(value)) => {
                    let index = header.len() + columns.len();
                    columns.push(LayoutColumn { of_folder: Some(value), ..self.column(ours, usage, index) });
                }
                (None, None) if names[0].contains('+') && names[0].split('+').all(|part| position_of(part).is_some()) => {
                    let parts: Vec<String> = names[0].split('+').map(|part| format!("{part:?}")).collect();
                    let problem = format!("{ours} in several columns, {}, isn't read", parts.join(" and "));
                    let hint = format!("join them into one first, as DuckDB's SELECT *, {} AS {ours}", parts.join(" + "));
                    return Err(EventError::input(file, problem, hint));
                }
                (None, None) if required => lacking.push(Mapped { ours, name: names[0].clone() }),
                (None, None) => {}
            }
        }
        let mut layout = Layout::new(columns, header);
        self.part_repeated(&mut layout);
        self.name_lacking(&mut layout);
        Ok((layout, lacking))
    }

    /// A layout that has an account.
    fn with_account(&self, layout: Layout, file: &Path) -> Result<Layout, EventError> {
        if layout.columns.iter().any(|found| found.usage == Use::Account) {
            return Ok(layout);
        }
        if let Some(theirs) = self.columns.get("account_id") {
            let names: Vec<String> = theirs.names().iter().map(|name| format!("{name:?}")).collect();
            let problem = format!("no column {}, which the map has for account_id", names.join(" or "));
            let hint = match layout.ignored.iter().find(|name| ours_of(name) == Some("account_id")) {
                Some(own) => format!("add {own:?}, which the file has, to that list"),
                None => format!("add what the file calls it to that list{}", among(&layout.ignored)),
            };
            return Err(EventError::input(file, problem, hint));
        }
        // What means something already isn't what was meant.
        let could_be = |name: &&String| ours_of(name).is_none_or(|ours| ours == "account_id");
        let free: Vec<String> = layout.ignored.iter().filter(could_be).cloned().collect();
        Err(EventError::MissingColumn {
            file: file.display().to_string(),
            column: "account_id".to_string(),
            nearest: free.iter().take(COMPARED).find(|name| is_nearly(name, "account_id")).cloned(),
            found: free,
        })
    }

    /// Tells columns that repeat another from those that mean nothing. Rows of one sighting don't read what wide ones do.
    fn part_repeated(&self, layout: &mut Layout) {
        if layout.long {
            return;
        }
        let read: HashSet<&str> = layout.columns.iter().map(|column| column.ours.as_str()).collect();
        let mapped: HashMap<String, String> = (self.meanings().into_iter())
            .filter(|(ours, ..)| read.contains(ours.as_str()))
            .flat_map(|(ours, _, names, _)| names.into_iter().map(move |name| (name.to_lowercase(), ours.clone())))
            .collect();
        let repeats = |name: &String| {
            let known = ours_of(name).filter(|ours| read.contains(ours)).map(str::to_owned);
            known.or_else(|| mapped.get(&name.trim().to_lowercase()).cloned())
        };
        // As many names as fit into a line may all be another spelling of one.
        let (repeated, ignored): (Vec<_>, Vec<_>) = std::mem::take(&mut layout.ignored)
            .into_iter()
            .map(|name| (repeats(&name), name))
            .partition(|(ours, _)| ours.is_some());
        layout.repeated = repeated.into_iter().filter_map(|(ours, name)| Some((name, ours?))).collect();
        layout.ignored = ignored.into_iter().map(|(_, name)| name).collect();
    }

    /// Names what a file could have beside the main columns, and doesn't: of interest where other files have it.
    fn name_lacking(&self, layout: &mut Layout) {
        // Templates are made of prompts where there are some.
        let is_made = |ours: &str| ours == TEMPLATE_KIND && layout.reads("prompt");
        let lacking = self.meanings().into_iter().filter(|(ours, usage, ..)| {
            let in_form = if layout.long { keep_in_long(usage) } else { !matches!(usage, Use::Kind | Use::Value) };
            in_form && !layout.reads(ours) && !layout.missing.contains(ours) && !is_made(ours)
        });
        layout.lacking = lacking.map(|(ours, ..)| ours).collect();
    }

    /// The fields of JSON objects. The first lines say whether there are accounts, and of what form rows are; any other field may
    /// come later.
    pub(crate) fn fields(&self, first_keys: &[String], file: &Path) -> Result<(Layout, Fields), EventError> {
        let (checked, lacking) = self.columns_of(first_keys, file)?;
        if let Some(account) = lacking.iter().find(|mapped| mapped.ours == "account_id") {
            return Err(account.is_missing(file, first_keys));
        }
        let checked = self.with_account(checked, file)?;
        let (mut columns, mut fields) = (Vec::new(), Fields { lacking, ..self.paths() });
        let mut of_folders = self.of_folders(file);
        for (ours, usage, names, _) in self.meanings_in(first_keys) {
            let written = |name: &String| {
                if name.contains('.') { vec![name.to_lowercase()] } else { vec![name.to_lowercase(), fold(name)] }
            };
            let index = fields.add_column(names.iter().flat_map(written));
            let of_folder = of_folders.remove(&ours);
            columns.push(LayoutColumn { of_folder, ..self.column(ours, usage, index) });
        }
        columns.retain(|column| checked.long || !matches!(column.usage, Use::Kind | Use::Value));
        // An object that fields are read in is null in some rows: its name is read all the same.
        let ignored = checked.ignored.into_iter().filter(|name| !fields.holds(name)).collect();
        Ok((Layout { ignored, ..Layout::new(columns, &[]) }, fields))
    }

    /// The columns that the objects of a file had, once all of them were read. What wasn't read of an object is named by the paths
    /// `within` it, where these are known.
    ///
    /// # Errors
    /// A map names a field that none of them had.
    pub(crate) fn settled(
        &self,
        layout: &Layout,
        fields: &Fields,
        keys: &Keys,
        within: &[String],
        file: &Path,
    ) -> Result<Layout, EventError> {
        let present: HashSet<usize> = keys.values().filter_map(|key| key.slot).collect();
        let has = |column: &LayoutColumn| {
            column.of_folder.is_some() || fields.columns[column.index].iter().any(|slot| present.contains(slot))
        };
        let columns: Vec<LayoutColumn> = layout.columns.iter().filter(|column| has(column)).cloned().collect();
        let is_there = |mapped: &&Mapped| columns.iter().any(|column| column.ours == mapped.ours);
        let lacking = fields.lacking.iter().find(|mapped| !is_there(mapped) && layout.reads(&mapped.ours));
        if let Some(mapped) = lacking {
            return Err(mapped.is_missing(file, &keys.keys().cloned().collect::<Vec<_>>()));
        }
        let several = columns.iter().filter_map(|column| {
            let of_column =
                |key: &Key| key.rows > 0 && key.slot.is_some_and(|slot| fields.columns[column.index].contains(&slot));
            let names = keys.iter().filter(|(_, key)| of_column(key)).map(|(name, key)| (name.clone(), key.rows));
            Some(SeveralNames { column: column.ours.clone(), names: names.collect() }).filter(|found| found.names.len() > 1)
        });
        let several = several.collect();
        let unread = keys.iter().filter(|(name, key)| key.rows == 0 && !fields.holds(name));
        let below = |name: &str| -> Vec<String> {
            let is_below = |path: &&String| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
            let paths: Vec<String> = within.iter().filter(is_below).cloned().collect();
            if paths.is_empty() { vec![name.to_owned()] } else { paths }
        };
        let unread = unread.flat_map(|(name, _)| below(name)).map(|name| shortened(&name).into_owned()).collect();
        let mut settled = Layout { several, ignored: unread, ..Layout::new(columns, &[]) };
        self.part_repeated(&mut settled);
        self.name_lacking(&mut settled);
        Ok(settled)
    }

    /// The objects that fields are read in.
    pub(crate) fn paths(&self) -> Fields {
        let names = self.meanings().into_iter().flat_map(|(_, _, names, _)| names);
        let objects_of = |path: &str| path.match_indices('.').map(|(at, _)| path[..at].to_lowercase()).collect::<Vec<_>>();
        Fields { objects: names.flat_map(|path| objects_of(&path)).collect(), ..Fields::default() }
    }
}
