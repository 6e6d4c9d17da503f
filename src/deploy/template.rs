//! What Helm says of a chart that it cannot render, with the place of it.

use crate::types::path_from_here;
use std::path::Path;

/// Where Helm says that something of the chart in `directory` is wrong, as the line of it:
/// `template: NAME/templates/FILE:LINE:COLUMN: …` or `execution error at (NAME/templates/FILE:LINE:COLUMN): …`.
pub fn place(said: &str, directory: &Path) -> Option<String> {
    let start = said.find("/templates/")?;
    let mut parts = said[start + 1..].splitn(3, ':');
    let (path, line) = (parts.next()?, parts.next()?.parse::<usize>().ok()?);
    let file = directory.join(path);
    let text = std::fs::read_to_string(&file).ok()?;
    let text = text.lines().nth(line.checked_sub(1)?)?;
    Some(format!("{}:{line}  {}", path_from_here(&file), text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_template_is_found() {
        let chart = tempfile::tempdir().unwrap();
        std::fs::create_dir(chart.path().join("templates")).unwrap();
        std::fs::write(chart.path().join("templates/a.yaml"), "one\n{{ .Values.x.y }}\n").unwrap();
        let said = "execution error at (api/templates/a.yaml:2:4): no x";
        assert!(place(said, chart.path()).unwrap().ends_with("a.yaml:2  {{ .Values.x.y }}"));
        let said = "template: api/templates/a.yaml:2:11: executing \"api/templates/a.yaml\" at <.Values.x.y>: nil";
        assert!(place(said, chart.path()).is_some());
        assert_eq!(place("values don't meet the specifications of the schema", chart.path()), None);
        assert_eq!(place("x (api/templates/gone.yaml:2:1)", chart.path()), None);
    }
}
