//! Changing a store: new sections under new names, then one rename.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use events::Growing;
use graph::Column;

use super::manifest::{self, InputFile, Manifest, SectionEntry, Tables};
use super::section::{self, SectionWriter};
use super::{Element, LOCK, MANIFEST, Store, layout, sync_folder};
use crate::error::Error;

/// A change of a store in the making. Dropped without [`StoreWriter::commit`], it leaves the store as it was.
///
/// It is also where an ingest keeps its columns ([`events::Keeper`]): they go to their files piece by piece, are mapped when
/// they are whole, and reach the disk while the next ones are made.
#[derive(Debug)]
pub struct StoreWriter {
    path: PathBuf,
    manifest: Manifest,
    /// Files of the sections of the store that is changed or replaced.
    replaced: Vec<String>,
    made: Arc<Mutex<Made>>,
    made_folders: Vec<PathBuf>,
    committed: bool,
    lock: File,
}

/// A thread that waits until a section is on the disk; none where the system has no more threads to give.
type Syncing = Option<JoinHandle<io::Result<()>>>;

/// What has been written so far.
#[derive(Debug, Default)]
struct Made {
    files: Vec<PathBuf>,
    sections: Vec<SectionEntry>,
    syncs: Vec<(PathBuf, Syncing)>,
}

/// A section in the making, as an ingest sees it.
pub struct KeptSection<T> {
    section: SectionWriter,
    path: PathBuf,
    made: Arc<Mutex<Made>>,
    element: std::marker::PhantomData<fn(T)>,
}

impl StoreWriter {
    /// Starts a store from nothing, or one that will replace the store at `path` whole.
    ///
    /// # Errors
    /// [`Error::StoreBusy`] if another process is writing it, [`Error::NotAStore`] if `path` holds something else,
    /// [`Error::StoreVersion`] if it holds a store of a newer version.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let made_folders = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let made_folders: Vec<PathBuf> = made_folders.map(Path::to_owned).collect();
        if !made_folders.is_empty() {
            fs::create_dir_all(path).map_err(|error| Error::io("create the store", path, error))?;
        } else {
            // Nothing is made in a folder of other files, not even the lock.
            to_replace(path)?;
        }
        let lock = lock(path)?;
        let old = to_replace(path)?;
        let manifest = Manifest {
            tool: String::new(),
            generation: old.as_ref().map_or(0, |old| old.generation),
            sections: Vec::new(),
            inputs: Vec::new(),
            rejected: Vec::new(),
            tables: Tables::default(),
            key_id: None,
        };
        let replaced = old.iter().flat_map(Manifest::files).map(str::to_owned).collect();
        let mut writer = StoreWriter::begin(path, lock, replaced, manifest)?;
        writer.made_folders = made_folders;
        Ok(writer)
    }

    /// Starts a change of an existing store that keeps the sections it doesn't replace.
    ///
    /// # Errors
    /// As [`StoreWriter::create`], and whatever [`super::Store::open`] refuses.
    pub fn amend(path: &Path) -> Result<Self, Error> {
        // Nothing is made in a folder that is no store. What counts is what stands there once nobody else can change it.
        manifest::read(path)?;
        let lock = lock(path)?;
        let manifest = manifest::read(path)?;
        let replaced = manifest.files().map(str::to_owned).collect();
        StoreWriter::begin(path, lock, replaced, manifest)
    }

    /// Starts the generation that comes after all others, also those that an interrupted writer left files of.
    fn begin(path: &Path, lock: File, replaced: Vec<String>, mut manifest: Manifest) -> Result<Self, Error> {
        // What was left takes room that may be needed. Where no manifest says what belongs to a store, it waits until the new
        // one is whole.
        if !replaced.is_empty() {
            remove_leftovers(path, &replaced.iter().map(String::as_str).collect());
        }
        manifest.generation = manifest.generation.max(layout::newest_generation(path)?) + 1;
        manifest.tool = env!("CARGO_PKG_VERSION").to_owned();
        let path = path.to_owned();
        Ok(StoreWriter { path, manifest, replaced, made: Arc::default(), made_folders: Vec::new(), committed: false, lock })
    }

    /// Writes a section, or replaces one.
    ///
    /// # Errors
    /// [`Error::Io`], a full disk for instance.
    pub(crate) fn put<T: Element>(&mut self, name: &str, values: &[T]) -> Result<(), Error> {
        let put = || {
            let mut kept = self.section::<T>(name)?;
            kept.append(values)?;
            kept.settle()
        };
        put().map(drop).map_err(|error| Error::io("write", &self.path.join(name), error))
    }

    fn section<T: Element>(&self, name: &str) -> io::Result<KeptSection<T>> {
        assert!(layout::is_section(name), "section {name} is in the list of sections");
        let file = format!("{name}.{}", self.manifest.generation);
        let path = self.path.join(&file);
        let section = SectionWriter::create::<T>(&self.path, name, file)?;
        // Only now is it ours to remove.
        self.made.lock().unwrap_or_else(PoisonError::into_inner).files.push(path);
        Ok(KeptSection { section, path: self.path.clone(), made: self.made.clone(), element: std::marker::PhantomData })
    }

    /// Forgets the sections whose name starts with `prefix`.
    pub(crate) fn forget(&mut self, prefix: &str) {
        self.manifest.sections.retain(|section| !section.name.starts_with(prefix));
    }

    /// Whether some of the sections that were written, and the string tables, are what another store has.
    pub(crate) fn has_what(&self, other: &Manifest, which: impl Fn(&str) -> bool) -> bool {
        let contents = |sections: &[SectionEntry]| -> BTreeMap<String, u128> {
            let sections = sections.iter().filter(|section| which(&section.name));
            sections.map(|section| (section.name.clone(), section.checksum)).collect()
        };
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        contents(&made.sections) == contents(&other.sections) && self.manifest.tables == other.tables
    }

    /// Goes on with some sections of the store that is replaced.
    pub(crate) fn keep(&mut self, other: &Manifest, which: impl Fn(&str) -> bool) {
        self.manifest.sections.extend(other.sections.iter().filter(|section| which(&section.name)).cloned());
    }

    /// The string tables, to fill in.
    pub(crate) fn tables(&mut self) -> &mut Tables {
        &mut self.manifest.tables
    }

    /// Records under which key identifiers were pseudonymised.
    pub(crate) fn set_key_id(&mut self, key_id: Option<String>) {
        self.manifest.key_id = key_id;
    }

    /// Records what went in.
    pub(crate) fn set_inputs(&mut self, inputs: Vec<InputFile>, rejected: Vec<(String, u64)>) {
        self.manifest.inputs = inputs;
        self.manifest.rejected = rejected;
    }

    /// Makes the change visible, all of it at once.
    ///
    /// # Errors
    /// [`Error::Io`]; the store is then as it was.
    pub fn commit(mut self) -> Result<(), Error> {
        self.settle()
    }

    /// Goes on with the change, and opens what it comes to so far as a store that nobody else sees. What is written from here on
    /// is of the next generation, so that it may replace what was written before.
    pub(crate) fn staged(mut self) -> Result<(Self, Store), Error> {
        self.take_in();
        let store = Store::of_manifest(&self.path, self.manifest.clone())?;
        self.manifest.generation += 1;
        Ok((self, store))
    }

    /// Puts what was written into the manifest.
    fn take_in(&mut self) {
        let sections = std::mem::take(&mut self.made.lock().unwrap_or_else(PoisonError::into_inner).sections);
        self.manifest.sections.retain(|old| sections.iter().all(|new| new.name != old.name));
        self.manifest.sections.extend(sections);
        self.manifest.sections.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn settle(&mut self) -> Result<(), Error> {
        self.take_in();
        let syncs = std::mem::take(&mut self.made.lock().unwrap_or_else(PoisonError::into_inner).syncs);
        for (path, sync) in syncs {
            let synced = match sync {
                Some(sync) => sync.join().unwrap_or_else(|_| Err(io::Error::other("the thread that synced it is gone"))),
                None => File::open(&path).and_then(|file| file.sync_all()),
            };
            synced.map_err(|error| Error::io("write", &path, error))?;
        }
        manifest::write(&self.path, &self.manifest).map_err(|error| Error::io("write the manifest of", &self.path, error))?;
        // A store is there once its folder is, in the folder that it lies in.
        for made in &self.made_folders {
            sync_folder(made.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")));
        }
        self.committed = true;
        self.remove_unnamed();
        Ok(())
    }

    /// Removes what the manifest doesn't name: the sections of the store before, and what an interrupted writer left.
    fn remove_unnamed(&self) {
        let named: HashSet<&str> = self.manifest.files().collect();
        remove_leftovers(&self.path, &named);
        for file in self.replaced.iter().filter(|file| !named.contains(file.as_str())) {
            let _ = fs::remove_file(self.path.join(file));
        }
    }
}

impl events::Keeper for StoreWriter {
    type Growing<T: Element> = KeptSection<T>;

    fn begin<T: Element>(&self, name: &'static str) -> io::Result<KeptSection<T>> {
        self.section(name)
    }
}

impl<T: Element> KeptSection<T> {
    /// Hands the section to the writer and the disk.
    fn settle(self) -> io::Result<SectionEntry> {
        let (entry, file) = self.section.finish();
        let path = self.path.join(&entry.file);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.sections.retain(|old| old.name != entry.name);
        made.sections.push(entry.clone());
        let sync = std::thread::Builder::new().spawn(move || file.sync_all());
        made.syncs.push((path, sync.ok()));
        Ok(entry)
    }
}

impl<T: Element> events::Growing<T> for KeptSection<T> {
    fn append(&mut self, values: &[T]) -> io::Result<()> {
        self.section.append(values)
    }

    fn finish(self) -> io::Result<Column<T>> {
        let path = self.path.clone();
        let entry = self.settle()?;
        let mapped = section::map(&path, &entry).map_err(io::Error::other)?;
        mapped.column().map_err(io::Error::other)
    }
}

impl Drop for StoreWriter {
    fn drop(&mut self) {
        // Nobody writes any more, and equal stores are equal byte for byte.
        let _ = self.lock.set_len(0);
        if self.committed {
            return;
        }
        for path in &self.made.lock().unwrap_or_else(PoisonError::into_inner).files {
            let _ = fs::remove_file(path);
        }
        if !self.made_folders.is_empty() {
            let _ = fs::remove_file(self.path.join(LOCK));
            // One that holds what is somebody else's stays, and so do those that it lies in.
            let _ = self.made_folders.iter().try_for_each(fs::remove_dir);
        }
    }
}

/// How often, and after how long, it is looked again whether somebody still has the lock.
const LOOKS: u32 = 5;
const LOOK: Duration = Duration::from_millis(10);

/// Takes the writer's lock, and leaves in it who has it; the operating system releases it when the process ends, however it ends.
fn lock(path: &Path) -> Result<File, Error> {
    let file = path.join(LOCK);
    let mut looks = LOOKS;
    loop {
        let mut lock = File::options()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&file)
            .map_err(|error| Error::io("open the lock of the store", &file, error))?;
        match lock.try_lock() {
            Ok(()) if is_at(&lock, &file) => {
                // For messages only: without room for it the lock holds all the same.
                let _ = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
                return Ok(lock);
            }
            // Whoever gave up a new store removed its lock after we had opened it.
            Ok(()) => {}
            // Who only looks whether somebody has it has it for as long.
            Err(TryLockError::WouldBlock) if looks > 0 => {
                looks -= 1;
                std::thread::sleep(LOOK);
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let read = lock.read_to_string(&mut holder);
                let process = read.ok().and_then(|_| holder.trim().parse().ok());
                return Err(Error::StoreBusy { store: path.to_owned(), process });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &file, error)),
        }
    }
}

/// Whether somebody has the lock.
pub(crate) fn is_being_written(store: &Path) -> bool {
    let lock = File::open(store.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Whether an open file is the one that a path leads to.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |one: fs::Metadata, other: fs::Metadata| (one.dev(), one.ino()) == (other.dev(), other.ino());
    file.metadata().is_ok_and(|open| fs::metadata(path).is_ok_and(|there| same(open, there)))
}

/// Open files can't be removed there.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Removes the files of interrupted writers; the caller has the lock. Whatever else lies in the folder is somebody's.
fn remove_leftovers(path: &Path, named: &HashSet<&str>) {
    let files = layout::files(path).unwrap_or_default();
    for file in files.iter().flatten().filter(|file| layout::is_leftover(file) && !named.contains(file.as_str())) {
        // A file that can't be removed costs space, not correctness.
        let _ = fs::remove_file(path.join(file));
    }
}

/// The manifest of the store that is to be replaced; `None` if there is none yet, or a damaged one.
fn to_replace(path: &Path) -> Result<Option<Manifest>, Error> {
    match manifest::read(path) {
        Ok(old) => Ok(Some(old)),
        Err(Error::StoreDamaged { section, .. }) if section == MANIFEST => Ok(None),
        Err(Error::NotAStore { .. }) if path.is_dir() && !path.join(MANIFEST).exists() => {
            if layout::is_empty_or_ours(path)? {
                return Ok(None);
            }
            let what = "the directory holds other files; name a new one";
            Err(Error::NotAStore { path: path.to_owned(), what: what.to_owned() })
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store with one section.
    fn store(folder: &Path) -> PathBuf {
        let path = folder.join("store");
        let mut writer = StoreWriter::create(&path).unwrap();
        writer.put("graph.counts", &[1u32, 2]).unwrap();
        writer.commit().unwrap();
        path
    }

    fn counts(store: &Path) -> Vec<u32> {
        let store = crate::store::Store::open(store).unwrap();
        store.verify().unwrap();
        store.column::<u32>("graph.counts").unwrap().to_vec()
    }

    #[test]
    fn writers_side_by_side_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path());
        let written: u32 = std::thread::scope(|scope| {
            let write = || {
                (0..200u32)
                    .filter(|_| {
                        let Ok(mut writer) = StoreWriter::amend(&path) else { return false };
                        let values = writer.manifest.sections.len() as u32 + writer.manifest.generation as u32;
                        writer.put("graph.counts", &[values]).is_ok() && writer.commit().is_ok()
                    })
                    .count() as u32
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(write)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!(written > 0);
        // Every change that was told to be written counted one up.
        assert_eq!(manifest::read(&path).unwrap().generation, 1 + u64::from(written));
        assert_eq!(counts(&path), [1 + 1 + written]);
    }

    /// A folder that can be written, not read, can't be synced either. (A superuser reads it all the same.)
    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_synced_does_not_undo_what_was_written() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path());
        let mut writer = StoreWriter::amend(&path).unwrap();
        writer.put("graph.counts", &[3u32]).unwrap();
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o300);
        let committed = writer.commit();
        mode(0o700);
        committed.unwrap();
        assert_eq!(counts(&path), [3]);
    }

    #[test]
    fn what_is_staged_is_seen_by_nobody_else_until_all_is_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path());
        let staged = || {
            let mut writer = StoreWriter::amend(&path).unwrap();
            writer.put("graph.counts", &[3u32]).unwrap();
            let (writer, staged) = writer.staged().unwrap();
            assert_eq!(staged.column::<u32>("graph.counts").unwrap().as_slice(), [3]);
            writer
        };
        drop(staged());
        assert_eq!((counts(&path), sections(&path)), (vec![1, 2], vec!["graph.counts.1".to_owned()]));
        let mut writer = staged();
        writer.put("graph.counts", &[4u32]).unwrap();
        assert_eq!(counts(&path), [1, 2]);
        assert!(matches!(StoreWriter::amend(&path), Err(Error::StoreBusy { .. })));
        writer.commit().unwrap();
        assert_eq!((counts(&path), sections(&path)), (vec![4], vec!["graph.counts.3".to_owned()]));
        drop(StoreWriter::amend(&path).unwrap());
    }

    /// Files of sections.
    fn sections(store: &Path) -> Vec<String> {
        layout::files(store).unwrap().into_iter().flatten().filter(|file| file.starts_with("graph.")).collect()
    }

    #[test]
    fn a_file_that_another_writer_made_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = store(folder.path());
        let mut writer = StoreWriter::amend(&path).unwrap();
        let theirs = path.join("graph.accounts.2");
        fs::write(&theirs, "theirs").unwrap();
        assert!(writer.put("graph.accounts", &[1u32]).is_err());
        drop(writer);
        assert_eq!(fs::read_to_string(theirs).unwrap(), "theirs");
    }
}
