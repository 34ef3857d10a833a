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

    /// As code, in which every letter is itself; one with a backtick or a bar, which would end the code or its cell, with
    /// references for all that may be markup. Line breaks and their like are spaces.
    fn name(&self, name: &str, _width: usize) -> String {
        let held = name.replace(|c: char| c.is_control(), " ");
        match held.as_str() {
            "" => String::new(),
            plain if !plain.contains(['`', '|']) => format!("`{plain}`"),
            other => format!("<code>{}</code>", referred(other)),
        }
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

/// Text in which nothing is markup, also where backslashes are letters.
fn referred(text: &str) -> String {
    let letter = |c: char| match c {
        c if c.is_ascii_punctuation() && c != ':' && c != '.' && c != '-' => format!("&#{};", u32::from(c)),
        c => c.to_string(),
    };
    text.chars().map(letter).collect()
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
        // No value is altered: another letter in its place would be another value.
        assert_eq!(Markdown.name("ip:a*b\n# d", 9), "`ip:a*b # d`");
        assert_eq!(Markdown.name("a`b|c</code>_", 9), "<code>a&#96;b&#124;c&#60;&#47;code&#62;&#95;</code>");
        assert_eq!(Markdown.name("", 9), "");
        assert_eq!(escaped("prompt_template <b>"), "prompt\\_template \\<b>");
        let table = Markdown.table(&[("x", 3, false), ("y", 3, true)], &[vec!["1".to_owned(), "2".to_owned()]]);
        assert_eq!(table, "| x | y |\n| --- | ---: |\n| 1 | 2 |\n");
    }
}
