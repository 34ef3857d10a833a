//! What do the names of folders say of the rows in them? `org=acme` says it of a column.
//!
//! Engines that write one folder for each value of a column (Hive, Spark, DuckDB, Athena) leave that column out of the files.
//! Values are texts, in which a character that no file name may have is written as its number (`%3A`).

use std::path::Path;

use crate::hex::of_hex;

/// What Hive writes where a row has no value.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns that the folders of a path name, from the innermost, each with its value; none is empty.
pub(crate) fn columns_of(path: &Path) -> Vec<(String, Vec<u8>)> {
    let folders = path.ancestors().skip(1).filter_map(Path::file_name);
    let columns = folders.filter_map(|name| {
        let (column, value) = name.to_str()?.split_once('=').filter(|(column, _)| !column.is_empty())?;
        Some((column.to_owned(), if value == NULL { Vec::new() } else { unescaped(value) }))
    });
    columns.collect()
}

/// A text without `%3A`; what only looks alike stays.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(of_hex::<1>);
        match byte {
            Some([byte]) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_name_columns_and_files_do_not() {
        let found = columns_of(Path::new("/lake/a=b=c/org=Acme%20%26%20Co%2/model=__HIVE_DEFAULT_PARTITION__/=x/n=1.csv"));
        let expected = [("model", &b""[..]), ("org", b"Acme & Co%2"), ("a", b"b=c")];
        assert_eq!(found, expected.map(|(column, value)| (column.to_owned(), value.to_vec())));
    }
}
