//! Valid and invalid config files.

use proptest::prelude::*;

use super::*;
use crate::tui::key::Key;
use crate::tui::messages;
use crate::tui::messages::{Action, Context, RunsAction};
use crate::tui::terminal_facts::Graphics;

fn read(text: &str) -> Config {
    read::read(Path::new("config.toml"), text)
}

fn problems(text: &str) -> Vec<String> {
    read(text).problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_default_file_equals_the_defaults() {
    assert_eq!(read(&defaults()), Config::default());
    let uncommented: String = defaults()
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned() + "\n")
        .collect();
    let config = read(&uncommented);
    assert_eq!(config.problems, []);
    for context in Context::all() {
        for binding in messages::all().filter(|binding| binding.works_in(context)) {
            assert_eq!(config.keymap.keys(binding), binding.keys, "{}", binding.name);
        }
    }
    let settings = (config.glyphs, config.graphics, config.mouse, config.frames, config.theme);
    assert_eq!(settings, (GlyphChoice::Auto, None, false, MAX_FRAMES, ThemeName::Auto));
    assert_eq!(config.notify, Notify::default());
}

#[test]
fn every_setting_is_read() {
    let config = read(
        "glyphs = 'ascii'\ngraphics = 'sixel'\nmouse = true\nframes_per_second = 5\n\
         [notify]\nbell = false\non_end = 'true'\n[theme]\nname = 'light'\nbad = '#ff0000'\ngood = 28\naccent = 'light-blue'\n\
         [keys]\n'runs.stop' = ['c', 'ctrl-s']\nruns.resume = 'ctrl-r'\n'runs.mark' = []\n",
    );
    assert_eq!(config.problems, []);
    assert_eq!(
        (config.glyphs, config.graphics, config.mouse, config.frames),
        (GlyphChoice::Ascii, Some(Graphics::Sixel), true, 5)
    );
    assert_eq!(config.notify, Notify { bell: false, on_end: Some("true".into()), ..Notify::default() });
    assert_eq!(config.theme, ThemeName::Light);
    assert_eq!(
        config.colors,
        [(Role::Accent, Color::LightBlue), (Role::Bad, Color::Rgb(255, 0, 0)), (Role::Good, Color::Indexed(28))]
    );
    let action = |key| config.keymap.action(messages::runs::LIST, key);
    assert_eq!(action(Key::char('c')), Some(Action::Runs(RunsAction::Stop)));
    assert_eq!(action(Key::ctrl('s')), Some(Action::Runs(RunsAction::Stop)));
    assert_eq!(action(Key::ctrl('r')), Some(Action::Runs(RunsAction::Resume)));
    assert_eq!(action(Key::char(' ')), None);
    assert_eq!(config.keymap.key("runs.stop"), "c");
    assert_eq!(config.keymap.key("runs.mark"), "");
}

#[test]
fn errors_name_their_line_and_other_lines_take_effect() {
    let table = [
        ("glyhps = 'ascii'", "config.toml:1: unknown setting 'glyhps': the settings are glyphs, graphics"),
        ("\nglyphs = 'latin1'", "config.toml:2: glyphs cannot be 'latin1': write \"auto\", \"unicode\" or \"ascii\""),
        ("graphics = 3", "config.toml:1: graphics cannot be 3: write \"auto\""),
        ("mouse = 'yes'", "config.toml:1: mouse cannot be 'yes': write true or false"),
        ("frames_per_second = 21", "config.toml:1: frames_per_second cannot be 21: write a number from 1 to 20"),
        ("frames_per_second = 0", "config.toml:1: frames_per_second cannot be 0: write a number"),
        ("theme = 'dark'", "config.toml:1: theme cannot be 'dark': write its settings below a line [theme]"),
        ("[theme]\nname = 'blue'", "config.toml:2: theme.name cannot be 'blue': write \"auto\", \"dark\""),
        ("[theme]\nbda = 'red'", "config.toml:2: unknown colour 'bda': [theme] has name, dim"),
        ("[theme]\nbad = 'redd'", "config.toml:2: theme.bad cannot be 'redd': write a name such as"),
        ("[theme]\nbad = 256", "config.toml:2: theme.bad cannot be 256"),
        ("[theme]\nbad = '#ääb'", "config.toml:2: theme.bad cannot be '#ääb'"),
        (
            "[keys]\n'runs.stopp' = 'x'",
            "config.toml:2: there is no binding 'runs.stopp' (did you mean runs.stop?); `mien config defaults` lists",
        ),
        ("[keys]\n'qqq' = 'x'", "config.toml:2: there is no binding 'qqq'; `mien config defaults` lists"),
        ("[keys]\n'runs.stop' = ['c',\n 'hyper-x']", "config.toml:3: unknown key 'hyper-x': write a character"),
        ("[keys]\n'runs.stop' = 7", "config.toml:2: runs.stop cannot be 7: write a key or a list of keys"),
        ("[keys]\n'runs.stop' = 'r'", "config.toml:2: r is already 'runs.repeat' (copy the run's settings"),
        ("[keys]\n'runs.stop' = ['c', 'c']", "config.toml:2: c is listed twice"),
        ("[keys]\nquit_anywhere = []", "config.toml:2: quit_anywhere needs a key"),
        ("[keys]\nquit_anywhere = 'Q'", "config.toml:2: Q could no longer be typed"),
        ("[keys]\n'train.launch' = 'L'", "config.toml:2: L could no longer be typed where 'train.launch' works"),
        ("[notify]\non_ned = 'x'", "config.toml:2: there is no setting 'notify.on_ned' (did you mean on_end?)"),
        ("[notify]\nterminal = 'x'", "config.toml:2: notify.terminal cannot be 'x': write \"auto\", \"osc9\""),
        ("[keys", "config.toml:1: "),
        ("mouse = = true", "config.toml:1: "),
        ("[keys]\n'runs.stop' = 'c'\n'runs.stop' = 'X'", "config.toml:3: duplicate key"),
        ("[keys]\n\"\u{1b}[2J\" = 'x'", "config.toml:2: "),
    ];
    for (text, message) in table {
        let found = problems(text);
        assert!(found.len() == 1 && found[0].starts_with(message), "{text:?}: {found:#?}");
        assert!(!found[0].contains('\u{1b}'), "{found:?}");
        // The other lines take effect.
        let rest = read(&format!("frames_per_second = 7\n{text}\n"));
        assert_eq!(rest.frames, if text.starts_with("frames") { rest.frames } else { 7 }, "{text}");
    }
}

#[test]
fn keys_can_be_swapped_and_the_later_of_two_conflicting_bindings_is_ignored() {
    let config = read("[keys]\n'runs.stop' = 'r'\n'runs.repeat' = 'S'\n");
    assert_eq!(config.problems, []);
    assert_eq!(config.keymap.action(messages::runs::LIST, Key::char('r')), Some(Action::Runs(RunsAction::Stop)));
    assert_eq!(config.keymap.action(messages::runs::LIST, Key::char('S')), Some(Action::Runs(RunsAction::Repeat)));
    let config = read("[keys]\n'runs.stop' = 'c'\n'runs.repeat' = 'c'\n");
    assert_eq!(config.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [Some(3)]);
    assert_eq!(config.keymap.action(messages::runs::LIST, Key::char('c')), Some(Action::Runs(RunsAction::Stop)));
    assert_eq!(config.keymap.action(messages::runs::LIST, Key::char('r')), Some(Action::Runs(RunsAction::Repeat)));
}

#[test]
fn a_missing_file_is_an_error_only_if_it_must_exist() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    assert_eq!(load_from(&file, false), Config::default());
    assert_eq!(load_from(&file, true).problems.len(), 1);
    assert_eq!(load_from(folder.path(), false).problems.len(), 1, "a folder is no file");
    std::fs::write(&file, b"mouse = true\n# \xff\n").expect("written");
    let config = load_from(&file, false);
    assert!(config.problems[0].to_string().contains("valid UTF-8"), "{:?}", config.problems);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(\\PC|\n|[\\[\\]\"'=.#]|keys|theme){0,60}") {
        let config = read(&text);
        for context in Context::all() {
            prop_assert!(config.keymap.action(context, Key::ctrl('c')).is_some() || text.contains("quit_anywhere"));
        }
    }
}
