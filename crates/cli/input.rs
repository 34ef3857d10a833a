//! What is read beside a store: a file, or stdin where it is called `-`.
//!
//! Text is UTF-8, with or without the mark (BOM) that some tools put before it. Stdin is there once: a second `-` in one command
//! is an error, and not an empty file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};

/// What stands for stdin.
pub(crate) const STDIN: &str = "-";

/// What is wrong where two things are called so.
pub(crate) const TAKEN_TWICE: &str = "stdin can be read once, and two things are called -: name a file for one of them";

/// Whether a name stands for stdin.
pub(crate) fn is_stdin(name: impl AsRef<Path>) -> bool {
    name.as_ref() == Path::new(STDIN)
}

/// What messages call it.
pub(crate) fn name_of(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { path.display().to_string() }
}

/// The text of a file or of stdin, without a mark before it.
pub(crate) fn text_of(path: &Path) -> anyhow::Result<String> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let mut bytes = Vec::new();
    if is_stdin(path) {
        if TAKEN.swap(true, Ordering::Relaxed) {
            bail!(TAKEN_TWICE);
        }
        io::stdin().lock().read_to_end(&mut bytes).context("cannot read stdin")?;
    } else {
        let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
        read.with_context(|| format!("cannot read {}", path.display()))?;
    }
    decoded(bytes).map_err(|what| anyhow::anyhow!("{}: {what}", name_of(path)))
}

fn decoded(mut bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16; UTF-8 was expected; iconv -f UTF-16 -t UTF-8 writes it".to_owned());
    }
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(.."\u{feff}".len());
    }
    String::from_utf8(bytes).map_err(|error| {
        let (before, _) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        format!("line {line} is not UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8_with_or_without_a_mark() {
        assert_eq!(decoded("\u{feff}acct_1\n".into()).as_deref(), Ok("acct_1\n"));
        assert_eq!(decoded(b"a\nb\xff\n".to_vec()), Err("line 2 is not UTF-8".to_owned()));
        assert!(decoded(b"\xff\xfea\0".to_vec()).is_err_and(|what| what.contains("UTF-16")));
        assert!(is_stdin("-") && !is_stdin("./-") && name_of(Path::new(STDIN)) == "stdin");
    }
}
