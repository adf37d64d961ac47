//! The Train form: what is typed, whether it can be launched, and the recipe it describes.

use super::DatasetView;
use crate::domain::{DatasetName, Hyperparameter, Recipe, RunId};

/// A line of text with a cursor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
    /// In characters from the beginning.
    cursor: usize,
}

impl Input {
    /// This text, with the cursor behind it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.chars().count(), text }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cursor, in characters from the beginning.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    fn byte(&self, characters: usize) -> usize {
        self.text.char_indices().nth(characters).map_or(self.text.len(), |(byte, _)| byte)
    }

    /// Types a character; more than 64 are refused, as no value is that long.
    pub fn insert(&mut self, c: char) {
        if !c.is_control() && self.text.chars().count() < crate::domain::name::MAX_LENGTH {
            self.text.insert(self.byte(self.cursor), c);
            self.cursor += 1;
        }
    }

    /// Moves the cursor, as far as there is text.
    pub fn step(&mut self, by: isize) {
        self.cursor = self.cursor.saturating_add_signed(by).min(self.text.chars().count());
    }

    /// Removes the text from the cursor's left neighbours down to the `from`th character.
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

/// A line of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Which dataset.
    Dataset,
    /// A setting of the recipe.
    Setting(Hyperparameter),
    /// The run's name.
    Name,
    /// The line that launches.
    Launch,
}

/// The form.
#[derive(Debug, Clone)]
pub struct Form {
    /// The chosen dataset.
    pub dataset: Option<DatasetName>,
    /// One text a setting, in the order of [`Hyperparameter::ALL`].
    values: Vec<Input>,
    /// The run's name.
    pub name: Input,
    /// Whether the user typed the name: a suggestion then leaves it alone.
    pub named: bool,
    /// Where the keyboard is.
    pub focus: Field,
    /// Whether a launch is under way.
    pub launching: bool,
}

impl Default for Form {
    fn default() -> Self {
        Self::new()
    }
}

/// The recipe that defaults are taken from.
fn defaults() -> Recipe {
    // Proof: the text is a valid name. Its value is never used.
    Recipe::cnn(DatasetName::new("any").expect("'any' is a name"), String::new(), 0)
}

impl Form {
    /// The form with every default.
    #[must_use]
    pub fn new() -> Self {
        let recipe = defaults();
        Self {
            dataset: None,
            values: Hyperparameter::ALL.iter().map(|setting| Input::new(setting.get(&recipe))).collect(),
            name: Input::default(),
            named: false,
            focus: Field::Dataset,
            launching: false,
        }
    }

    /// The lines, from the top.
    #[must_use]
    pub fn fields() -> Vec<Field> {
        let settings = Hyperparameter::ALL.into_iter().map(Field::Setting);
        std::iter::once(Field::Dataset).chain(settings).chain([Field::Name, Field::Launch]).collect()
    }

    fn index(setting: Hyperparameter) -> usize {
        Hyperparameter::ALL.iter().position(|other| *other == setting).unwrap_or(0)
    }

    /// What stands in a setting.
    #[must_use]
    pub fn value(&self, setting: Hyperparameter) -> &Input {
        &self.values[Self::index(setting)]
    }

    /// A setting's default.
    #[must_use]
    pub fn default_of(setting: Hyperparameter) -> String {
        setting.get(&defaults())
    }

    /// The text under the keyboard, if the focused line takes text.
    pub fn input(&mut self) -> Option<&mut Input> {
        match self.focus {
            Field::Name => Some(&mut self.name),
            Field::Setting(setting) if setting.choices().is_empty() => Some(&mut self.values[Self::index(setting)]),
            Field::Dataset | Field::Setting(_) | Field::Launch => None,
        }
    }

    /// Puts text into a setting.
    pub fn put(&mut self, setting: Hyperparameter, text: impl Into<String>) {
        self.values[Self::index(setting)] = Input::new(text);
    }

    /// Takes the settings of a recipe over.
    pub fn fill(&mut self, recipe: &Recipe) {
        self.dataset = Some(recipe.dataset.clone());
        for setting in Hyperparameter::ALL {
            self.put(setting, setting.get(recipe));
        }
    }

    /// Moves the focus, around both ends.
    pub fn step(&mut self, by: isize) {
        let fields = Self::fields();
        let here = fields.iter().position(|field| *field == self.focus).unwrap_or(0);
        let count = fields.len();
        self.focus = fields[here.saturating_add_signed(by.rem_euclid(isize::try_from(count).unwrap_or(1))) % count];
    }

    /// What is wrong with a line, if anything.
    #[must_use]
    pub fn error(&self, field: Field, datasets: &[&DatasetView]) -> Option<String> {
        match field {
            Field::Dataset if datasets.is_empty() => Some("there is no dataset yet: see screen 1".into()),
            Field::Dataset => match &self.dataset {
                Some(name) if !datasets.iter().any(|dataset| dataset.name == *name) => {
                    Some(format!("there is no dataset '{name}': choose another with ← →"))
                }
                _ => None,
            },
            Field::Setting(setting) => setting.set(&mut defaults(), self.value(setting).text()).err(),
            Field::Name => RunId::new(self.name.text()).err().map(|error| error.to_string()),
            Field::Launch => None,
        }
    }

    /// The chosen dataset.
    #[must_use]
    pub fn chosen<'a>(&self, datasets: &[&'a DatasetView]) -> Option<&'a DatasetView> {
        datasets.iter().find(|dataset| self.dataset.as_ref() == Some(&dataset.name)).copied()
    }

    /// The run that the form describes.
    ///
    /// # Errors
    /// The first line that is wrong, and what is wrong with it.
    pub fn recipe(&self, datasets: &[&DatasetView], now: u64) -> Result<(RunId, Recipe), (Field, String)> {
        for field in Self::fields() {
            if let Some(error) = self.error(field, datasets) {
                return Err((field, error));
            }
        }
        let dataset = self.chosen(datasets).ok_or_else(|| (Field::Dataset, "choose a dataset".to_owned()))?;
        let mut recipe = Recipe::cnn(dataset.name.clone(), dataset.fingerprint.clone(), now);
        for setting in Hyperparameter::ALL {
            let text = self.value(setting).text();
            setting.set(&mut recipe, text).map_err(|error| (Field::Setting(setting), error))?;
        }
        let name = RunId::new(self.name.text()).map_err(|error| (Field::Name, error.to_string()))?;
        Ok((name, recipe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_edited_as_anywhere() {
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
    fn the_focus_goes_around() {
        let mut form = Form::new();
        form.step(-1);
        assert_eq!(form.focus, Field::Launch);
        form.step(1);
        assert_eq!(form.focus, Field::Dataset);
    }
}
