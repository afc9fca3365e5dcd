//! The frame every page shares: head, styles, script, and figures with their data.

use std::collections::BTreeMap;

use crate::figure::{Figure, Hover, VARIABLES};
use crate::format::escape;

const STYLE: &str = include_str!("style.css");
const FIGURE: &str = include_str!("../figure/figure.css");
const SCRIPT: &str = include_str!("script.js");

/// A whole page around a body, with the data of the figures in it.
pub(crate) fn shell(title: &str, body: &str, figures: &[Figure]) -> String {
    let points: BTreeMap<&str, &Hover> =
        figures.iter().map(|f| (f.name.as_str(), &f.hover)).collect();
    // `<` could end the script element early; its escape means the same inside JSON strings.
    let points = serde_json::to_string(&points).unwrap_or_default().replace('<', "\\u003c");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"generator\" content=\"Arable\">\n<title>{}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>\n{VARIABLES}{STYLE}{FIGURE}</style>\n\
         </head>\n<body>\n{body}\
         <footer><div class=\"wrap\">Written by Arable. The page is one file and loads nothing \
         else.</div></footer>\n\
         <script type=\"application/json\" id=\"points\">{points}</script>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        escape(title)
    )
}

/// The figures with their captions.
pub(crate) fn figures(figures: &[&Figure]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let mut out = String::from("<div class=\"figures\">\n");
    for figure in figures {
        out += &format!(
            "<figure class=\"panel\" data-figure=\"{}\">\n{}<figcaption>{}</figcaption>\n\
             </figure>\n",
            escape(&figure.name),
            figure.svg,
            escape(&figure.caption)
        );
    }
    out + "</div>\n"
}
