//! How a command that failed ends: its exit code, and what it says on stderr.
//!
//! | code | |
//! |---|---|
//! | 0 | found |
//! | 1 | nothing found |
//! | 2 | usage or input error |
//! | 3 | unknown id |
//! | 4 | stopped by `--fail-on` |
//! | 65 | a store, its case log or a dossier isn't as it was written |
//! | 74 | the disk failed or is full |
//! | 75 | the store is being written by another process, or was in between: try again |
//! | 101 | a fault of this tool |
//! | 130, 143 | stopped by Ctrl-C, by SIGTERM |

use std::fmt;
use std::io::{self, Write};

use hydralink::Error;
use serde::Serialize;

use crate::progress;
use crate::visible::visible;

/// The error's exit code.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Error>() {
        Some(Error::Unknown { .. }) => 3,
        Some(Error::Drift { .. }) => 4,
        // EX_DATAERR, EX_IOERR and EX_TEMPFAIL of sysexits.h.
        Some(Error::StoreDamaged { .. } | Error::CaseLog { .. } | Error::Differs { .. }) => 65,
        _ if error.chain().filter_map(io_error).any(is_of_the_disk) => 74,
        Some(Error::StoreBusy { .. } | Error::StoreChanged { .. }) => 75,
        Some(Error::Interrupted) => progress::stopped_by(),
        _ => 2,
    }
}

/// The system's own error that this cause is, or holds beside its text.
fn io_error<'e>(cause: &'e (dyn std::error::Error + 'static)) -> Option<&'e io::Error> {
    cause.downcast_ref::<Error>().and_then(Error::io_error).or_else(|| cause.downcast_ref())
}

/// Whether what was asked for is right, and the disk is full, gone or broken: not a wrong path, or a file that can't be understood.
fn is_of_the_disk(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let of_the_request = matches!(
        error.kind(),
        Kind::NotFound
            | Kind::PermissionDenied
            | Kind::AlreadyExists
            | Kind::InvalidInput
            | Kind::InvalidData
            | Kind::InvalidFilename
            | Kind::UnexpectedEof
            | Kind::IsADirectory
            | Kind::NotADirectory
            | Kind::BrokenPipe
    );
    // Of a temporary file, whose name says nothing to anybody, the kind alone is passed on.
    let of_the_disk =
        matches!(error.kind(), Kind::WriteZero | Kind::StorageFull | Kind::ReadOnlyFilesystem | Kind::QuotaExceeded);
    !of_the_request && (error.raw_os_error().is_some() || of_the_disk)
}

/// Stands around an error that stderr has already, and says nothing itself.
#[derive(Debug)]
pub(crate) struct Told;

impl fmt::Display for Told {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// Whether the reader of our output went away, which is success.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|io| io.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints an error: a line of text, unless that was told, or of JSON where the command prints JSON.
pub(crate) fn report(error: &anyhow::Error, as_json: bool) {
    if error.is::<Told>() && !as_json {
        return;
    }
    let text = text_of(error);
    let line = match as_json {
        true => json_of(error, &text),
        false => format!("hydralink: {}", visible(&text)),
    };
    let _ = writeln!(io::stderr(), "{line}");
}

/// An error and its causes, each once.
fn text_of(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

/// What programs read of an error.
#[derive(Serialize)]
struct Failed<'e> {
    /// What went wrong ([`Error::kind`]); `usage` where a list, an option or a path is wrong.
    kind: &'e str,
    message: &'e str,
    exit_code: u8,
    /// The names that may have been meant, nearest first.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    nearest: &'e [String],
    /// What `--fail-on` was stopped by.
    #[serde(skip_serializing_if = "<[hydralink::build::Drifted]>::is_empty")]
    drift: &'e [hydralink::build::Drifted],
}

fn json_of(error: &anyhow::Error, text: &str) -> String {
    let known = error.downcast_ref::<Error>();
    let nearest: &[String] = if let Some(Error::Unknown { nearest, .. }) = known { nearest } else { &[] };
    let drift: &[hydralink::build::Drifted] = if let Some(Error::Drift { found }) = known { found } else { &[] };
    let exit_code = exit_code(error);
    let kind = match known {
        Some(known) => known.kind(),
        None if exit_code == 74 => "io",
        None => "usage",
    };
    let failed = Failed { kind, message: text, exit_code, nearest, drift };
    serde_json::to_string(&std::collections::BTreeMap::from([("error", failed)])).expect("plain data serialises")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use anyhow::Context;

    use hydralink::EventError;

    use super::*;

    fn io(kind: io::ErrorKind) -> Error {
        Error::Io { action: "write", path: PathBuf::from("store"), source: kind.into() }
    }

    #[test]
    fn schedulers_can_tell_what_may_be_tried_again() {
        let full = || Error::Io { action: "write", path: "store".into(), source: io::Error::from_raw_os_error(28) };
        let spilled = EventError::Spill { folder: "/tmp".into(), action: "write", source: io::Error::from_raw_os_error(28) };
        let damaged = Error::StoreDamaged { store: "store".into(), section: "graph.counts".into(), what: "short".into() };
        for (error, code) in [
            (full(), 74),
            (Error::Events(spilled), 74),
            (io(io::ErrorKind::NotFound), 2),
            (io(io::ErrorKind::PermissionDenied), 2),
            (io(io::ErrorKind::ReadOnlyFilesystem), 74),
            (io(io::ErrorKind::StorageFull), 74),
            (damaged, 65),
            (Error::StoreBusy { store: "store".into(), process: None }, 75),
            (Error::Usage("no".into()), 2),
            (Error::Interrupted, 130),
        ] {
            let text = error.to_string();
            assert_eq!(exit_code(&error.into()), code, "{text}");
        }
        let wrapped = Err::<(), _>(full()).context("report.html").unwrap_err();
        assert_eq!(exit_code(&wrapped), 74);
        let bare = Err::<(), _>(io::Error::from_raw_os_error(28)).context("cannot write bans.txt").unwrap_err();
        assert_eq!((exit_code(&bare), text_of(&bare).contains("bans.txt")), (74, true));
    }

    #[test]
    fn what_was_told_is_not_told_twice_and_ends_as_it_would() {
        let unknown = Error::Unknown { what: "acct_1".into(), hint: String::new(), nearest: Vec::new() };
        let told = anyhow::Error::from(unknown).context(Told);
        assert!(told.is::<Told>());
        assert_eq!((exit_code(&told), text_of(&told)), (3, "acct_1 not found in the store".to_owned()));
    }

    #[test]
    fn programs_read_what_went_wrong() {
        let unknown =
            Error::Unknown { what: "acct_1".into(), hint: "; did you mean acct_2?".into(), nearest: vec!["acct_2".into()] };
        let error = anyhow::Error::from(unknown);
        let read: serde_json::Value = serde_json::from_str(&json_of(&error, &text_of(&error))).expect("JSON");
        assert_eq!((&read["error"]["kind"], &read["error"]["exit_code"]), (&"unknown_id".into(), &3.into()));
        assert_eq!(read["error"]["nearest"], serde_json::json!(["acct_2"]));
        assert!(read["error"]["message"].as_str().is_some_and(|text| text.contains("did you mean")), "{read}");
        let list = anyhow::anyhow!("line 3 is wrong");
        assert_eq!(json_of(&list, "line 3"), r#"{"error":{"kind":"usage","message":"line 3","exit_code":2}}"#);
    }
}
