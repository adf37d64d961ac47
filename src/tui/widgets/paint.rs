//! Writes text into cells: cut to a width and aligned.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::tui::theme::Theme;

/// Returns the width of a text, in cells.
#[must_use]
pub fn width(text: &str) -> u16 {
    u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX)
}

/// Returns a text cut to a number of cells; an ellipsis marks the cut.
#[must_use]
pub fn fit(text: &str, columns: u16, theme: &Theme) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        let longer = format!("{cut}{c}");
        if width(&longer) >= columns {
            break;
        }
        cut = longer;
    }
    if columns > 0 {
        cut.push_str(theme.glyphs.ellipsis);
    }
    cut
}

/// Returns a run's name cut to a number of cells. The number at its end stays, because runs of a sweep differ in it.
#[must_use]
pub fn fit_name(name: &str, columns: u16, theme: &Theme) -> String {
    let number = name
        .rsplit_once('-')
        .filter(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    let end = number.map_or("", |(begin, _)| &name[begin.len()..]);
    let most = columns.saturating_sub(width(end));
    if width(name) <= columns || most < 4 {
        return fit(name, columns, theme);
    }
    fit(&name[..name.len() - end.len()], most, theme) + end
}

/// Returns the end of a path that does not fit, because images differ in their file names.
#[must_use]
pub fn tail(path: &str, columns: u16, theme: &Theme) -> String {
    if width(path) <= columns {
        return path.to_owned();
    }
    let mut end = path;
    while width(end) >= columns && !end.is_empty() {
        let mut chars = end.chars();
        chars.next();
        end = chars.as_str();
    }
    format!("{}{end}", theme.glyphs.ellipsis)
}

/// A position on a line at which text is written.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    x: u16,
    y: u16,
    end: u16,
}

impl<'a> Pen<'a> {
    /// Returns a pen at the beginning of the area's `row`th line. Outside of the area it writes nothing.
    pub fn new(buffer: &'a mut Buffer, theme: &'a Theme, area: Rect, row: u16) -> Self {
        let area = area.intersection(buffer.area);
        let end = if row < area.height { area.right() } else { area.x };
        Self { buffer, theme, x: area.x, y: area.y.saturating_add(row), end }
    }

    /// Returns the number of cells left on the line.
    #[must_use]
    pub fn room(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    /// Writes a text, cut to the rest of the line.
    pub fn write(&mut self, text: &str, style: Style) -> &mut Self {
        let room = self.room();
        if room > 0 {
            let text = fit(text, room, self.theme);
            (self.x, _) = self.buffer.set_stringn(self.x, self.y, text, room.into(), style);
        }
        self
    }

    /// Writes a text in a column of this width, aligned on the left.
    pub fn left(&mut self, text: &str, columns: u16, style: Style) -> &mut Self {
        let end = self.x.saturating_add(columns).min(self.end);
        let text = fit(text, end.saturating_sub(self.x), self.theme);
        self.write(&text, style);
        self.x = end.max(self.x);
        self
    }

    /// Writes a text in a column of this width, aligned on the right.
    pub fn right(&mut self, text: &str, columns: u16, style: Style) -> &mut Self {
        let text = fit(text, columns, self.theme);
        self.skip(columns.saturating_sub(width(&text))).write(&text, style)
    }

    /// Writes a text at the end of the line, if it fits.
    pub fn flush_right(&mut self, text: &str, style: Style) -> &mut Self {
        let columns = width(text);
        if columns <= self.room() {
            self.x = self.end - columns;
            self.write(text, style);
        }
        self
    }

    /// Skips cells.
    pub fn skip(&mut self, columns: u16) -> &mut Self {
        self.x = self.x.saturating_add(columns).min(self.end.max(self.x));
        self
    }

    /// Returns column and row of the next character.
    #[must_use]
    pub fn position(&self) -> (u16, u16) {
        (self.x, self.y)
    }

    /// Fills the rest of the line with a symbol.
    pub fn fill(&mut self, symbol: &str, style: Style) {
        let text = symbol.repeat(self.room().into());
        self.write(&text, style);
    }
}

/// Draws the rule above a section: `── title ─────── note ──`.
pub fn draw_rule(buffer: &mut Buffer, theme: &Theme, area: Rect, title: &[(&str, Style)], note: &str) {
    let line = theme.glyphs.line;
    let mut pen = Pen::new(buffer, theme, area, 0);
    pen.write(&line.repeat(2), theme.dim());
    if !title.is_empty() {
        pen.write(" ", theme.text());
        for (text, style) in title {
            pen.write(text, *style);
        }
        pen.write(" ", theme.text());
    }
    let note_width = width(note);
    if note.is_empty() || pen.room() < note_width + 5 {
        pen.fill(line, theme.dim());
        return;
    }
    let before = pen.room() - note_width - 4;
    pen.write(&line.repeat(before.into()), theme.dim());
    pen.write(&format!(" {note} "), theme.dim());
    pen.fill(line, theme.dim());
}

/// Returns a text wrapped to a number of cells, between words where possible.
#[must_use]
pub fn wrap(text: &str, columns: u16) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        let space = u16::from(!line.is_empty());
        if width(line) + space + width(word) <= columns {
            if space == 1 {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(String::new());
        }
        let mut rest = word;
        while width(rest) > columns && break_point(rest, columns) < rest.len() {
            let (before, after) = rest.split_at(break_point(rest, columns));
            lines.pop();
            lines.extend([before.to_owned(), String::new()]);
            rest = after;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(rest);
        }
    }
    lines
}

/// Returns the number of bytes of a long word that fit on a line. It is broken after a separator of paths or names,
/// unless most of the line would stay empty.
fn break_point(word: &str, columns: u16) -> usize {
    let ends = word.char_indices().map(|(at, c)| at + c.len_utf8());
    let fitting: Vec<usize> = ends.take_while(|end| width(&word[..*end]) <= columns).collect();
    let joint = |end: &&usize| word[..**end].ends_with(['/', '_', '-', '.', ',', '=', '&']);
    let joint = fitting.iter().rev().find(joint).filter(|end| width(&word[..**end]) * 3 >= columns);
    // A character wider than the line is placed on it nevertheless.
    let first = || word.chars().next().map_or(0, char::len_utf8);
    joint.or(fitting.last()).copied().unwrap_or_else(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_wrapped_at_the_right_width() {
        let theme = Theme::detect(|_| None).with_glyphs(&crate::tui::theme::UNICODE);
        assert_eq!(fit("calm-heron", 10, &theme), "calm-heron");
        assert_eq!(fit("calm-heron", 6, &theme), "calm-…");
        assert_eq!(fit("悲しい", 4, &theme), "悲…");
        let names = ["golden-badger-6", "golden-badger-", "calm-heron", "6-6"].map(|name| fit_name(name, 9, &theme));
        assert_eq!(names, ["golden…-6", "golden-b…", "calm-her…", "6-6"]);
        assert_eq!(fit_name("golden-badger-12345", 9, &theme), "golden-b…", "too little is left of the word");
        assert_eq!(fit("x", 0, &theme), "");
        assert_eq!(wrap("no space left on device", 10), ["no space", "left on", "device"]);
        assert_eq!(wrap("abcdefgh ij", 5), ["abcde", "fgh", "ij"]);
        assert_eq!(
            wrap("see train/happy/Training_10118481.jpg", 16),
            ["see", "train/happy/", "Training_", "10118481.jpg"]
        );
        assert_eq!(wrap("a/bcdefghijkl", 7), ["a/bcdef", "ghijkl"], "a separator at the beginning is no break");
        assert_eq!(wrap("悲しい", 1), ["悲", "し", "い"]);
    }
}
