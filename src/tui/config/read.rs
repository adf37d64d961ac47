//! From the text of a config file to its meaning.

use std::path::Path;

use ratatui::style::Color;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::{Config, GlyphChoice, MOST_FRAMES, Problem};
use crate::tui::key::parse;
use crate::tui::messages::{Keymap, Rebinding};
use crate::tui::terminal_facts::Graphics;
use crate::tui::theme::{Role, ThemeName};

const GLYPHS: [(&str, GlyphChoice); 3] =
    [("auto", GlyphChoice::Auto), ("unicode", GlyphChoice::Unicode), ("ascii", GlyphChoice::Ascii)];

const GRAPHICS: [(&str, Option<Graphics>); 5] = [
    ("auto", None),
    ("kitty", Some(Graphics::Kitty)),
    ("iterm2", Some(Graphics::Iterm)),
    ("sixel", Some(Graphics::Sixel)),
    ("blocks", Some(Graphics::Blocks)),
];

type Value<'t> = Spanned<DeValue<'t>>;

struct Reader<'t> {
    path: &'t Path,
    text: &'t str,
    config: Config,
    rebindings: Vec<Rebinding>,
}

/// The meaning of this text, which stood in this file.
pub(super) fn read(path: &Path, text: &str) -> Config {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { path, text, config: Config::default(), rebindings: Vec::new() };
    let broken: Vec<usize> =
        errors.iter().map(|error| reader.line(error.span().map_or(0, |span| span.start))).collect();
    for (line, error) in broken.iter().zip(&errors) {
        reader.complain(*line, error.message().replace('\n', ", "));
    }
    for (key, value) in document.get_ref() {
        reader.top(key, value);
    }
    let (keymap, faults) = Keymap::rebound(&reader.rebindings);
    reader.config.keymap = keymap;
    for (line, fault) in faults {
        reader.complain(line, fault);
    }
    let mut config = reader.config;
    config.problems.sort_by_key(|problem| problem.line);
    // What follows from a line that could not be read says nothing new.
    let mut reported = Vec::new();
    config.problems.retain(|problem| {
        let line = problem.line.unwrap_or(0);
        let first = !reported.contains(&line);
        reported.push(line);
        first || !broken.contains(&line)
    });
    config
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        before.split(|byte| *byte == b'\n').count()
    }

    fn line_of<T>(&self, spanned: &Spanned<T>) -> usize {
        self.line(spanned.span().start)
    }

    fn complain(&mut self, line: usize, words: String) {
        self.config.problems.push(Problem { file: self.path.to_owned(), line: Some(line), words });
    }

    fn top(&mut self, key: &Spanned<DeString<'_>>, value: &Value<'_>) {
        let name = key.get_ref().as_ref();
        match name {
            "keys" => self.lines(name, value).iter().for_each(|line| self.keys(line)),
            "theme" => self.lines(name, value).iter().for_each(|line| self.theme(line)),
            "glyphs" => self.config.glyphs = self.choice(name, value, &GLYPHS).unwrap_or_default(),
            "graphics" => self.config.graphics = self.choice(name, value, &GRAPHICS).unwrap_or_default(),
            "mouse" => match value.get_ref().as_bool() {
                Some(mouse) => self.config.mouse = mouse,
                None => self.complain(self.line_of(value), "mouse is true or false".into()),
            },
            "frames_per_second" => {
                let number = value.get_ref().as_integer().and_then(|number| {
                    u32::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| (1..=MOST_FRAMES).contains(n))
                });
                match number {
                    Some(number) => self.config.frames = number,
                    None => self.complain(self.line_of(value), format!("frames_per_second is 1 to {MOST_FRAMES}")),
                }
            }
            _ => {
                let words = format!(
                    "there is no setting '{name}': there are glyphs, graphics, mouse, frames_per_second, [theme] and [keys]"
                );
                self.complain(self.line_of(key), words);
            }
        }
    }

    /// The lines of a table; `runs.stop` may be written with quotes or without, which makes a table of it.
    fn lines<'v, 't>(&mut self, name: &str, value: &'v Value<'t>) -> Vec<Line<'v, 't>> {
        let mut lines = Vec::new();
        match value.get_ref().as_table() {
            Some(table) => flatten("", table, &mut lines),
            None => self.complain(self.line_of(value), format!("{name} is a table: write [{name}] above its lines")),
        }
        lines
    }

    fn choice<T: Copy>(&mut self, name: &str, value: &Value<'_>, choices: &[(&str, T)]) -> Option<T> {
        let text = value.get_ref().as_str();
        let found = choices.iter().find(|(choice, _)| text == Some(*choice)).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let names: Vec<String> = choices.iter().map(|(choice, _)| format!("\"{choice}\"")).collect();
            self.complain(self.line_of(value), format!("{name} is one of {}", names.join(", ")));
        }
        found
    }

    fn theme(&mut self, Line { path, key, value }: &Line<'_, '_>) {
        if path == "name" {
            self.config.theme = self.choice("the theme's name", value, &ThemeName::ALL).unwrap_or_default();
            return;
        }
        let Some((_, role)) = Role::NAMED.iter().find(|(name, _)| name == path) else {
            let roles: Vec<&str> = Role::NAMED.iter().map(|(name, _)| *name).collect();
            let words = format!("there is no colour for '{path}': there are name, {}", roles.join(", "));
            return self.complain(self.line_of(*key), words);
        };
        match color(value.get_ref()) {
            Some(color) => self.config.colors.push((*role, color)),
            None => self.complain(
                self.line_of(*value),
                format!("{path} is a colour: a name such as \"light-blue\", a number from 0 to 255, or \"#rrggbb\""),
            ),
        }
    }

    fn keys(&mut self, Line { path, value, .. }: &Line<'_, '_>) {
        let one = value.get_ref().as_str().map(|text| vec![(self.line_of(*value), text.to_owned())]);
        let many = || {
            let array = value.get_ref().as_array()?;
            array.iter().map(|key| Some((self.line_of(key), key.get_ref().as_str()?.to_owned()))).collect()
        };
        let Some(texts) = one.or_else(many) else {
            let words = format!("{path} is a key or a list of keys, such as [\"S\", \"ctrl-s\"]; [] unbinds it");
            return self.complain(self.line_of(*value), words);
        };
        let mut keys = Vec::new();
        for (line, text) in &texts {
            match parse(text) {
                Ok(key) => keys.push(key),
                Err(error) => self.complain(*line, error),
            }
        }
        // With one of its keys wrong a binding keeps those that are right; with all of them wrong, its own.
        if texts.is_empty() || !keys.is_empty() {
            self.rebindings.push(Rebinding { name: path.clone(), keys, line: self.line_of(*value) });
        }
    }
}

/// One line of a table.
struct Line<'v, 't> {
    /// Its key, with those of the tables around it.
    path: String,
    key: &'v Spanned<DeString<'t>>,
    value: &'v Value<'t>,
}

fn flatten<'v, 't>(prefix: &str, table: &'v DeTable<'t>, lines: &mut Vec<Line<'v, 't>>) {
    for (key, value) in table {
        let path = format!("{prefix}{}", key.get_ref());
        match value.get_ref().as_table() {
            Some(inner) => flatten(&format!("{path}."), inner, lines),
            None => lines.push(Line { path, key, value }),
        }
    }
}

fn color(value: &DeValue<'_>) -> Option<Color> {
    if let Some(number) = value.as_integer() {
        return u8::from_str_radix(number.as_str(), number.radix()).ok().map(Color::Indexed);
    }
    // What has the length of a colour and is none must not be cut inside a character.
    value.as_str().filter(|text| text.is_ascii())?.parse().ok()
}
