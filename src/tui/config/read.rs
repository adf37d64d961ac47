//! Parses the text of a config file.

use std::path::Path;

use ratatui::style::Color;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::{Config, GlyphChoice, MAX_FRAMES, Problem};
use crate::config::{entries, given, line_of, notify};
use crate::domain::{HomeAddress, Place};
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

struct ConfigReader<'t> {
    path: &'t Path,
    text: &'t str,
    config: Config,
    rebindings: Vec<Rebinding>,
}

/// Returns the settings in the text of the file at `path`.
pub(super) fn read(path: &Path, text: &str) -> Config {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut reader = ConfigReader { path, text, config: Config::default(), rebindings: Vec::new() };
    let broken: Vec<usize> =
        errors.iter().map(|error| reader.line(error.span().map_or(0, |span| span.start))).collect();
    for (line, error) in broken.iter().zip(&errors) {
        reader.report(*line, error.message().replace('\n', ", "));
    }
    for (key, value) in document.get_ref() {
        reader.read_setting(key, value);
    }
    let (keymap, faults) = Keymap::rebound(&reader.rebindings);
    reader.config.keymap = keymap;
    for (line, fault) in faults {
        reader.report(line, fault);
    }
    let mut config = reader.config;
    config.problems.sort_by_key(|problem| problem.line);
    // Errors that follow from an unparsable line are left out.
    let mut reported = Vec::new();
    config.problems.retain(|problem| {
        let line = problem.line.unwrap_or(0);
        let first = !reported.contains(&line);
        reported.push(line);
        first || !broken.contains(&line)
    });
    config
}

impl ConfigReader<'_> {
    fn line(&self, at: usize) -> usize {
        line_of(self.text, at)
    }

    fn line_of<T>(&self, spanned: &Spanned<T>) -> usize {
        self.line(spanned.span().start)
    }

    fn report(&mut self, line: usize, message: String) {
        self.config.problems.push(Problem { file: self.path.to_owned(), line: Some(line), message });
    }

    fn report_all(&mut self, problems: Vec<(usize, String)>) {
        problems.into_iter().for_each(|(line, message)| self.report(line, message));
    }

    /// Reports a value that a setting cannot have, with the accepted ones.
    fn refuse(&mut self, setting: &str, value: &Value<'_>, accepted: &str) {
        let message = format!("{setting} cannot be {}: {accepted}", given(self.text, value));
        self.report(self.line_of(value), message);
    }

    fn read_setting(&mut self, key: &Spanned<DeString<'_>>, value: &Value<'_>) {
        let name = key.get_ref().as_ref();
        match name {
            "keys" => self.table_lines(name, value).iter().for_each(|line| self.read_binding(line)),
            "theme" => self.table_lines(name, value).iter().for_each(|line| self.read_theme(line)),
            // Commands use the places and homes; here they are only checked.
            "places" => self.report_all(entries::read::<Place>(self.text, value).1),
            "homes" => self.report_all(entries::read::<HomeAddress>(self.text, value).1),
            "notify" => {
                let (settings, problems) = notify::read(self.text, value);
                self.config.notify = settings;
                self.report_all(problems);
            }
            "glyphs" => self.config.glyphs = self.read_choice(name, value, &GLYPHS).unwrap_or_default(),
            "graphics" => self.config.graphics = self.read_choice(name, value, &GRAPHICS).unwrap_or_default(),
            "mouse" => match value.get_ref().as_bool() {
                Some(mouse) => self.config.mouse = mouse,
                None => self.refuse("mouse", value, "write true or false"),
            },
            "frames_per_second" => {
                let number = value.get_ref().as_integer().and_then(|number| {
                    u32::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| (1..=MAX_FRAMES).contains(n))
                });
                match number {
                    Some(number) => self.config.frames = number,
                    None => self.refuse(name, value, &format!("write a number from 1 to {MAX_FRAMES}")),
                }
            }
            _ => {
                let settings = "glyphs, graphics, mouse, frames_per_second, [notify], [theme], [keys], [places.NAME] \
                                and [homes.NAME]";
                self.report(self.line_of(key), format!("unknown setting '{name}': the settings are {settings}"));
            }
        }
    }

    /// Returns the lines of a table. A dotted key such as `runs.stop`, written without quotes, is a nested table and is
    /// joined again.
    fn table_lines<'v, 't>(&mut self, name: &str, value: &'v Value<'t>) -> Vec<TableLine<'v, 't>> {
        let mut lines = Vec::new();
        match value.get_ref().as_table() {
            Some(table) => flatten("", table, &mut lines),
            None => self.refuse(name, value, &format!("write its settings below a line [{name}]")),
        }
        lines
    }

    fn read_choice<T: Copy>(&mut self, name: &str, value: &Value<'_>, choices: &[(&str, T)]) -> Option<T> {
        let text = value.get_ref().as_str();
        let found = choices.iter().find(|(choice, _)| text == Some(*choice)).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let names: Vec<String> = choices.iter().map(|(choice, _)| format!("\"{choice}\"")).collect();
            self.refuse(name, value, &format!("write {}", alternatives(&names)));
        }
        found
    }

    fn read_theme(&mut self, TableLine { path, key, value }: &TableLine<'_, '_>) {
        if path == "name" {
            self.config.theme = self.read_choice("theme.name", value, &ThemeName::ALL).unwrap_or_default();
            return;
        }
        let Some((_, role)) = Role::NAMED.iter().find(|(name, _)| name == path) else {
            let roles: Vec<&str> = Role::NAMED.iter().map(|(name, _)| *name).collect();
            let message = format!("unknown colour '{path}': [theme] has name, {}", roles.join(", "));
            return self.report(self.line_of(*key), message);
        };
        if let Some(color) = parse_color(value.get_ref()) {
            self.config.colors.push((*role, color));
        } else {
            let accepted = "write a name such as \"light-blue\", a number from 0 to 255, or \"#rrggbb\"";
            self.refuse(&format!("theme.{path}"), value, accepted);
        }
    }

    fn read_binding(&mut self, TableLine { path, value, .. }: &TableLine<'_, '_>) {
        let one = value.get_ref().as_str().map(|text| vec![(self.line_of(*value), text.to_owned())]);
        let many = || {
            let array = value.get_ref().as_array()?;
            array.iter().map(|key| Some((self.line_of(key), key.get_ref().as_str()?.to_owned()))).collect()
        };
        let Some(texts) = one.or_else(many) else {
            let accepted = "write a key or a list of keys such as [\"S\", \"ctrl-s\"], or [] to remove the binding";
            return self.refuse(path, value, accepted);
        };
        let mut keys = Vec::new();
        for (line, text) in &texts {
            match parse(text) {
                Ok(key) => keys.push(key),
                Err(error) => self.report(*line, error),
            }
        }
        // A binding with one wrong key keeps its valid keys; with only wrong keys it keeps its defaults.
        if texts.is_empty() || !keys.is_empty() {
            self.rebindings.push(Rebinding { name: path.clone(), keys, line: self.line_of(*value) });
        }
    }
}

/// Returns the names joined by commas, with "or" before the last.
fn alternatives(names: &[String]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.concat(),
    }
}

/// A line of a table.
struct TableLine<'v, 't> {
    /// The key, with those of enclosing tables, joined by dots.
    path: String,
    key: &'v Spanned<DeString<'t>>,
    value: &'v Value<'t>,
}

fn flatten<'v, 't>(prefix: &str, table: &'v DeTable<'t>, lines: &mut Vec<TableLine<'v, 't>>) {
    for (key, value) in table {
        let path = format!("{prefix}{}", key.get_ref());
        match value.get_ref().as_table() {
            Some(inner) => flatten(&format!("{path}."), inner, lines),
            None => lines.push(TableLine { path, key, value }),
        }
    }
}

fn parse_color(value: &DeValue<'_>) -> Option<Color> {
    if let Some(number) = value.as_integer() {
        return u8::from_str_radix(number.as_str(), number.radix()).ok().map(Color::Indexed);
    }
    // The colour parser slices bytes, and would panic inside a character that is not ASCII.
    value.as_str().filter(|text| text.is_ascii())?.parse().ok()
}
