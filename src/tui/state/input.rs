//! A text field of one line.

use crate::tui::messages::Action;

/// A line of text with a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    text: String,
    /// The position in characters from the beginning.
    cursor: usize,
    /// The longest text, in characters.
    max_length: usize,
    /// Whether the whole text is selected, so that the next character replaces it.
    selected: bool,
}

impl Default for Input {
    fn default() -> Self {
        Self::new("")
    }
}

impl Input {
    /// Applies an editing action; ignores others.
    pub fn edit(&mut self, edit: Action) {
        self.selected &= matches!(edit, Action::Insert(_));
        match edit {
            Action::Insert(c) => self.insert(c),
            Action::Backspace => self.backspace(),
            Action::Delete => self.delete(),
            Action::ClearLine => self.clear(),
            Action::DeleteWord => self.delete_word(),
            Action::Left => self.step(-1),
            Action::Right => self.step(1),
            Action::LineStart => self.step(isize::MIN),
            Action::LineEnd => self.step(isize::MAX),
            _ => {}
        }
    }

    /// Returns a field with this text and the cursor at its end.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let cursor = text.chars().count();
        Self { cursor, text, max_length: crate::domain::name::MAX_LENGTH, selected: false }
    }

    /// Selects the whole text: the next character or paste replaces it, except for a comma, which continues a list.
    pub fn select(&mut self) {
        self.selected = !self.text.is_empty();
    }

    /// Returns whether the whole text is selected.
    #[must_use]
    pub fn is_selected(&self) -> bool {
        self.selected
    }

    /// Sets the longest text, in characters.
    #[must_use]
    pub fn with_max_length(self, max_length: usize) -> Self {
        Self { max_length, ..self }
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the cursor's position, in characters from the beginning.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    fn byte(&self, characters: usize) -> usize {
        self.text.char_indices().nth(characters).map_or(self.text.len(), |(byte, _)| byte)
    }

    /// Replaces the text and puts the cursor after this many characters.
    pub fn replace(&mut self, text: &str, cursor: usize) {
        *self = Self { text: String::new(), cursor: 0, selected: false, ..*self };
        self.paste(text);
        self.cursor = cursor.min(self.text.chars().count());
    }

    /// Inserts the first line of a text, up to the longest text: a paste may have any size.
    pub fn paste(&mut self, text: &str) {
        let line = text.lines().next().unwrap_or_default().trim();
        line.chars().take(self.max_length).for_each(|c| self.insert(c));
    }

    /// Inserts a character; ignores it once the text has its longest length.
    pub fn insert(&mut self, c: char) {
        if std::mem::take(&mut self.selected) && c != ',' {
            self.text.clear();
            self.cursor = 0;
        }
        if !c.is_control() && self.text.chars().count() < self.max_length {
            self.text.insert(self.byte(self.cursor), c);
            self.cursor += 1;
        }
    }

    /// Moves the cursor by characters, within the text.
    pub fn step(&mut self, by: isize) {
        self.cursor = self.cursor.saturating_add_signed(by).min(self.text.chars().count());
    }

    /// Removes the text between the `from`th character and the cursor.
    fn cut(&mut self, from: usize) {
        let (start, end) = (self.byte(from), self.byte(self.cursor));
        self.text.replace_range(start..end, "");
        self.cursor = from;
    }

    /// Removes the character before the cursor.
    pub fn backspace(&mut self) {
        self.cut(self.cursor.saturating_sub(1));
    }

    /// Removes the character under the cursor.
    pub fn delete(&mut self) {
        if self.cursor < self.text.chars().count() {
            self.cursor += 1;
            self.backspace();
        }
    }

    /// Removes everything before the cursor.
    pub fn clear(&mut self) {
        self.cut(0);
    }

    /// Removes the word before the cursor.
    pub fn delete_word(&mut self) {
        let before: Vec<char> = self.text.chars().take(self.cursor).collect();
        let word = before.iter().rposition(|c| c.is_alphanumeric()).unwrap_or(0);
        let start = before[..word].iter().rposition(|c| !c.is_alphanumeric()).map_or(0, |position| position + 1);
        self.cut(start.min(self.cursor));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editing_actions_change_text_and_cursor() {
        let mut input = Input::new("calm-heron");
        input.backspace();
        assert_eq!(input.text(), "calm-hero");
        input.delete_word();
        assert_eq!(input.text(), "calm-");
        input.delete_word();
        assert_eq!((input.text(), input.cursor()), ("", 0));
        for c in "aéb".chars() {
            input.insert(c);
        }
        input.step(-2);
        input.delete();
        assert_eq!(input.text(), "ab");
        input.step(9);
        input.clear();
        assert_eq!(input.text(), "");
        input.backspace();
        input.insert('\u{1b}');
        assert_eq!(input.text(), "");
    }

    #[test]
    fn a_selected_text_is_replaced_continued_or_edited() {
        let typed = |edits: &[Action]| {
            let mut input = Input::new("15");
            input.select();
            edits.iter().for_each(|edit| input.edit(*edit));
            input.text().to_owned()
        };
        let insert = Action::Insert;
        assert_eq!(typed(&[insert('2'), insert('0')]), "20");
        assert_eq!(typed(&[insert(','), insert('2')]), "15,2");
        assert_eq!(typed(&[Action::LineEnd, insert('0')]), "150");
        assert_eq!(typed(&[Action::Backspace, insert('6')]), "16");
        let mut pasted = Input::new("15");
        pasted.select();
        pasted.paste("1e-3");
        assert_eq!(pasted.text(), "1e-3");
    }
}
