//! Tables of words, as CSV and as Markdown.

/// A table. Rows have as many cells as there are columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// The headings.
    pub columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// With these headings, and no row yet.
    pub fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// As CSV (RFC 4180, with line feeds). A cell that a spreadsheet would take for a formula gets an apostrophe in front.
    pub fn csv(&self) -> String {
        let cell = |text: &str| {
            let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
            if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
        };
        let line = |cells: Vec<String>| cells.join(",") + "\n";
        let head = line(self.columns.iter().map(|text| cell(text)).collect());
        let rows = self.rows.iter().map(|row| line(row.iter().map(|text| cell(text)).collect()));
        std::iter::once(head).chain(rows).collect()
    }

    /// As a table of GitHub's Markdown.
    pub fn markdown(&self) -> String {
        let cell = |text: &str| text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace(['\n', '\r'], " ");
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let head = line(self.columns.iter().map(|text| cell(text)).collect());
        let rule = line(self.columns.iter().map(|_| "---".to_owned()).collect());
        let rows = self.rows.iter().map(|row| line(row.iter().map(|text| cell(text)).collect()));
        [head, rule].into_iter().chain(rows).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_cells() {
        let mut table = Table::new(&["a", "b"]);
        table.row(["x,y".to_owned(), "say \"so\"".to_owned()]);
        table.row(["=1+1".to_owned(), "p|q\n<r".to_owned()]);
        assert_eq!(table.csv(), "a,b\n\"x,y\",\"say \"\"so\"\"\"\n'=1+1,\"p|q\n<r\"\n");
        assert_eq!(table.markdown(), "| a | b |\n| --- | --- |\n| x,y | say \"so\" |\n| =1+1 | p\\|q &lt;r |\n");
    }
}
