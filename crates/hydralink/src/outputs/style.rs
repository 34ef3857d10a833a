//! How the parts of a document are set, as text for a terminal or as Markdown: one order of parts, two styles.

use unicode_width::UnicodeWidthStr;

use crate::node::abridged;

/// How a document's parts are set.
pub(crate) trait Style {
    fn title(&self, title: &str) -> String;
    fn heading(&self, heading: &str) -> String;
    fn item(&self, item: &str) -> String;
    fn name(&self, name: &str, width: usize) -> String;
    /// A sentence that may quote names and remarks.
    fn prose(&self, text: &str) -> String;
    /// Columns: heading, width, and whether it is a number.
    fn table(&self, columns: &[(&str, usize, bool)], rows: &[Vec<String>]) -> String;
}

/// Sentences as items of a list.
pub(crate) fn items(sentences: &[String], style: &dyn Style) -> String {
    sentences.iter().map(|sentence| style.item(&style.prose(sentence))).collect()
}

/// Text for a terminal, whose printer breaks lines of prose.
pub(crate) struct Plain;

impl Style for Plain {
    fn title(&self, title: &str) -> String {
        format!("{title}\n")
    }

    fn heading(&self, heading: &str) -> String {
        format!("\n{heading}\n\n")
    }

    fn item(&self, item: &str) -> String {
        format!("{item}\n")
    }

    fn name(&self, name: &str, width: usize) -> String {
        abridged(name, width)
    }

    fn prose(&self, text: &str) -> String {
        text.to_owned()
    }

    fn table(&self, columns: &[(&str, usize, bool)], rows: &[Vec<String>]) -> String {
        let line = |cells: Vec<&str>| {
            let cells = cells.into_iter().zip(columns).map(|(cell, &(_, width, number))| {
                let pad = " ".repeat(width.saturating_sub(cell.width()));
                if number { pad + cell } else { cell.to_owned() + &pad }
            });
            format!("{}\n", cells.collect::<Vec<String>>().join(" ").trim_end())
        };
        let head = line(columns.iter().map(|&(heading, ..)| heading).collect());
        rows.iter().fold(head, |text, row| text + &line(row.iter().map(String::as_str).collect()))
    }
}

/// Markdown: tables, and names from the logs as code, so that nothing in them is taken for markup.
pub(crate) struct Markdown;

impl Style for Markdown {
    fn title(&self, title: &str) -> String {
        format!("# {}\n\n", escaped(title))
    }

    fn heading(&self, heading: &str) -> String {
        format!("\n## {heading}\n\n")
    }

    fn item(&self, item: &str) -> String {
        format!("* {item}\n")
    }

    /// As code: backticks and bars, which would end it, and line breaks are replaced.
    fn name(&self, name: &str, _width: usize) -> String {
        let held = name.replace('`', "\u{2b9}").replace('|', "\u{a6}").replace(|c: char| c.is_control(), " ");
        if held.is_empty() { String::new() } else { format!("`{held}`") }
    }

    fn prose(&self, text: &str) -> String {
        escaped(text).replace(|c: char| c.is_control(), " ")
    }

    fn table(&self, columns: &[(&str, usize, bool)], rows: &[Vec<String>]) -> String {
        let heads: Vec<&str> = columns.iter().map(|&(heading, ..)| heading).collect();
        let rules: Vec<&str> = columns.iter().map(|&(_, _, number)| if number { "---:" } else { "---" }).collect();
        let head = format!("| {} |\n| {} |\n", heads.join(" | "), rules.join(" | "));
        rows.iter().fold(head, |text, row| format!("{text}| {} |\n", row.join(" | ")))
    }
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| matches!(c, '*' | '_' | '`' | '<' | '[' | '|' | '\\').then_some('\\').into_iter().chain([c]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_takes_nothing_from_the_logs_for_markup() {
        assert_eq!(Markdown.name("a`b|c\n# d", 9), "`a\u{2b9}b\u{a6}c # d`");
        assert_eq!(escaped("prompt_template <b>"), "prompt\\_template \\<b>");
        let table = Markdown.table(&[("x", 3, false), ("y", 3, true)], &[vec!["1".to_owned(), "2".to_owned()]]);
        assert_eq!(table, "| x | y |\n| --- | ---: |\n| 1 | 2 |\n");
    }
}
