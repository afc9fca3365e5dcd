//! The page of a study: verdict, answer, figures, tables.

use super::{figure_panels, shell};
use crate::figure::Figure;
use crate::format::escape;

/// What the page of a study shows.
#[derive(Debug, Clone, Default)]
pub struct Study {
    /// Title.
    pub title: String,
    /// What kind of study it is: `tuning`, `sensitivity`, `sweep`.
    pub kind: String,
    /// Short facts: name and value.
    pub facts: Vec<(String, String)>,
    /// How it ended, and whether that is good.
    pub verdict: Option<(bool, String)>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// Figures in order.
    pub figures: Vec<Figure>,
    /// Tables in order.
    pub tables: Vec<Table>,
    /// The command that repeats the study.
    pub replay: String,
}

/// A table of texts.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Heading.
    pub title: String,
    /// Names of the columns; one that ends in ` #` holds numbers.
    pub columns: Vec<String>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<String>>,
}

/// The page as one HTML file. Every text is escaped.
#[must_use]
pub fn render(study: &Study) -> String {
    let facts: String = study
        .facts
        .iter()
        .map(|(k, v)| format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(k), escape(v)))
        .collect();
    let mut body = format!(
        "<header><div class=\"wrap\">\n<div class=\"bar\"><span class=\"brand\"><b>Arable</b> {} \
         report</span><button id=\"theme\" type=\"button\" hidden>Dark</button></div>\n<h1>{}</h1>\n\
         <dl class=\"facts\">\n{facts}</dl>\n<div class=\"replay\"><code id=\"replay\">{}</code>\
         <button type=\"button\" data-copy=\"replay\" hidden>Copy</button></div>\n\
         <nav aria-label=\"Sections\"><a href=\"#verdict\">Verdict</a><a href=\"#figures\">Figures</a>\
         <a href=\"#tables\">Tables</a></nav>\n</div></header>\n<main>\n",
        escape(&study.kind),
        escape(&study.title),
        escape(&study.replay),
    );
    body += "<h2 id=\"verdict\">Verdict</h2>\n";
    if let Some((good, text)) = &study.verdict {
        let class = if *good { "" } else { " bad" };
        body += &format!(
            "<div class=\"panel\"><div class=\"verdict{class}\"><strong>{}</strong></div></div>\n",
            escape(text)
        );
    }
    if !study.notes.is_empty() {
        let notes: String =
            study.notes.iter().map(|note| format!("<li>{}</li>\n", escape(note))).collect();
        body += &format!("<ul class=\"panel notes\">\n{notes}</ul>\n");
    }
    body += "<h2 id=\"figures\">Figures <small>point to read values, click a legend to hide a \
             series</small></h2>\n";
    body += &figure_panels(&study.figures.iter().collect::<Vec<_>>());
    body += "<h2 id=\"tables\">Tables</h2>\n";
    for table in &study.tables {
        body += &self::table(table);
    }
    body += "</main>\n";
    shell(&study.title, &body, &study.figures)
}

fn table(table: &Table) -> String {
    let number = |column: &str| column.ends_with(" #");
    let heads: String = table
        .columns
        .iter()
        .map(|column| {
            let class = if number(column) { " class=\"num\"" } else { "" };
            format!("<th scope=\"col\"{class}>{}</th>", escape(column.trim_end_matches(" #")))
        })
        .collect();
    let row = |cells: &Vec<String>| -> String {
        let cells: String = table
            .columns
            .iter()
            .zip(cells)
            .map(|(column, cell)| {
                let class = if number(column) { " class=\"num\"" } else { "" };
                format!("<td{class}>{}</td>", escape(cell))
            })
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<h3>{}</h3>\n<div class=\"panel scroll\"><table><thead><tr>{heads}</tr></thead>\n<tbody>\n\
         {rows}</tbody></table></div>\n",
        escape(&table.title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_numbers_stand_right() {
        let page = render(&Study {
            title: "a < b".to_owned(),
            tables: vec![Table {
                title: "t".to_owned(),
                columns: vec!["name".to_owned(), "value #".to_owned()],
                rows: vec![vec!["<i>".to_owned(), "1".to_owned()]],
            }],
            ..Study::default()
        });
        assert!(page.contains("a &lt; b") && !page.contains("<i>"));
        assert!(page.contains("<td class=\"num\">1</td>"));
    }
}
