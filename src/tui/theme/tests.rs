//! The choice of colours and glyphs from the environment, the terminal and the user.

use super::*;

#[test]
fn the_environment_selects_the_number_of_colours() {
    let table: [(&[(&str, &str)], Depth); 6] = [
        (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Depth::True),
        (&[("TERM", "xterm-256color")], Depth::Indexed),
        (&[("TERM", "linux")], Depth::Sixteen),
        (&[("TERM", "dumb")], Depth::Mono),
        (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Depth::Mono),
        (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Depth::Indexed),
    ];
    for (environment, depth) in table {
        let find = |name: &str| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into());
        assert_eq!(Theme::detect(find).depth, depth, "{environment:?}");
    }
}

fn theme(environment: &[(&str, &str)]) -> Theme {
    Theme::detect(|name| environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into()))
}

#[test]
fn the_locale_selects_the_glyphs() {
    let table: [(&[(&str, &str)], bool); 8] = [
        (&[], true),
        (&[("LANG", "C.UTF-8")], false),
        (&[("LANG", "de_DE.utf8")], false),
        (&[("LANG", "C")], true),
        (&[("LANG", "en_US.ISO-8859-1")], true),
        (&[("LANG", "C.UTF-8"), ("LC_ALL", "POSIX")], true),
        (&[("LANG", "C"), ("LC_CTYPE", "C.UTF-8")], false),
        (&[("LANG", "C.UTF-8"), ("LC_ALL", "")], false),
    ];
    for (environment, ascii) in table {
        assert_eq!(theme(environment).glyphs.ascii, ascii, "{environment:?}");
    }
}

#[test]
fn the_reported_background_is_used_unless_the_user_names_a_theme() {
    for (value, background) in [
        ("15;0", Background::Dark),
        ("0;15", Background::Light),
        ("0;default;15", Background::Light),
        ("0;default", Background::Unknown),
    ] {
        assert_eq!(theme(&[("COLORFGBG", value)]).background, background, "{value}");
    }
    let plain = theme(&[("TERM", "xterm-256color"), ("COLORFGBG", "15;0")]);
    assert_eq!(
        plain.clone().on_background(Some((255, 255, 240))).background,
        Background::Light,
        "the terminal's answer is newer than the variable"
    );
    assert_eq!(plain.clone().on_background(None).background, Background::Dark);
    let named = plain.named(ThemeName::Light);
    assert_eq!(
        named.clone().on_background(Some((0, 0, 0))).background,
        Background::Light,
        "the user's choice overrides the terminal"
    );
    assert_eq!(named.on_background(Some((0, 0, 0))).named(ThemeName::Auto).background, Background::Dark);
}

#[test]
fn without_colours_chosen_colours_are_ignored() {
    let theme = theme(&[("NO_COLOR", "1")]).named(ThemeName::Dark).with_color(Role::Bad, Color::Rgb(255, 0, 0));
    for (name, role) in Role::NAMED {
        assert_eq!(theme.color(role), None, "{name}");
    }
    assert!(theme.selected().add_modifier.contains(Modifier::REVERSED));
}

#[test]
fn chosen_colours_become_the_nearest_of_the_terminal() {
    let chosen = |environment: &[(&str, &str)]| {
        theme(environment).with_color(Role::Good, Color::Rgb(95, 175, 255)).color(Role::Good)
    };
    assert_eq!(chosen(&[("COLORTERM", "truecolor")]), Some(Color::Rgb(95, 175, 255)));
    assert_eq!(chosen(&[("TERM", "xterm-256color")]), Some(Color::Indexed(75)));
    assert_eq!(chosen(&[("TERM", "linux")]), Some(Color::LightBlue));
    assert_eq!(chosen(&[("TERM", "dumb")]), None);
}
