//! `weights`: import, fetch, list and show pretrained weights.

use std::path::Path;

use serde::Serialize;

use super::arguments::{FetchWeights, ImportWeights, Output, WeightsCommand, WeightsOptions};
use super::exit::{CommandError, Exit};
use super::interrupt::Interrupts;
use super::meter::Meter;
use super::table::{Side, Table, thousands};
use super::{fetch, known, output};
use crate::domain::text::printable;
use crate::domain::{ChannelOrder, Preprocessing, WeightsName};
use crate::runs::Home;
use crate::supervise;
use crate::weights::{self, ImportOptions, Layout, Manifest, Weights, WeightsError};

/// Weights as scripts see them. Keys are a promise: add, never rename.
#[derive(Debug, Serialize)]
struct WeightsEntry<'a> {
    name: &'a WeightsName,
    hash: &'a str,
    layout: Layout,
    parameters: usize,
    preprocessing: Expected,
    source: &'a str,
    source_hash: &'a str,
    licence: &'a str,
    imported_at: u64,
}

/// What weights expect of their input.
#[derive(Debug, Serialize)]
struct Expected {
    /// One of those that `--preprocessing` takes, or `custom`.
    name: String,
    order: ChannelOrder,
    scale: f32,
    mean: [f32; 3],
    deviation: [f32; 3],
}

fn entry<'a>(name: &'a WeightsName, manifest: &'a Manifest) -> WeightsEntry<'a> {
    let Preprocessing { order, scale, mean, deviation } = manifest.preprocessing;
    WeightsEntry {
        name,
        hash: &manifest.hash,
        layout: manifest.layout,
        parameters: manifest.parameters,
        preprocessing: Expected { name: manifest.preprocessing.to_string(), order, scale, mean, deviation },
        source: &manifest.source,
        source_hash: &manifest.source_hash,
        licence: &manifest.licence,
        imported_at: manifest.imported_at,
    }
}

pub(super) fn run(home: &Home, command: WeightsCommand) -> Result<Exit, CommandError> {
    match command {
        WeightsCommand::List { output } => list(home, output),
        WeightsCommand::Show { name, output } => show(home, &name, output),
        WeightsCommand::Import(ImportWeights { file, name, options }) => import(home, &file, &name, None, options),
        WeightsCommand::Fetch(request) => fetch(home, request),
    }
}

fn import(
    home: &Home,
    file: &Path,
    name: &WeightsName,
    source: Option<String>,
    options: WeightsOptions,
) -> Result<Exit, CommandError> {
    let WeightsOptions { preprocessing, replace, output } = options;
    let now = supervise::now();
    let request = ImportOptions { preprocessing, replace, source, imported_at: now };
    let manifest = weights::import(file, name, &home.weights(), &request)?;
    if manifest.imported_at != now {
        output::note(&format!("{name} was imported before and is unchanged"));
    }
    tell(name, &manifest, output)?;
    Ok(Exit::Done)
}

fn fetch(home: &Home, request: FetchWeights) -> Result<Exit, CommandError> {
    let source = known::source(&request.what).map_err(CommandError::Usage)?;
    let Some(name) = request.name.or(source.name) else {
        return Err(CommandError::Usage("what shall they be called? Say --name and a name".into()));
    };
    if let Some(there) = present(home, &name, &source.url, request.options)? {
        output::note(&format!("{name} was fetched from there before"));
        tell(&name, &there, request.options.output)?;
        return Ok(Exit::Done);
    }
    if source.expected.is_none() {
        output::note(
            "no hash of this file is published: what comes is checked layer by layer, and its own hash is kept",
        );
    }
    let instead = format!(
        "Without a way to it from here, fetch {} on another machine, bring the file, and run\n  \
         mien weights import FILE --name {name}",
        source.url
    );
    let fetched = fetch::fetch(
        &source.url,
        &home.weights(),
        source.expected.as_ref(),
        &Interrupts::listen()?,
        Meter { lines: false },
        instead,
    )?;
    import(home, fetched.path(), &name, Some(source.url), request.options)
}

/// What has the name already, before anything is downloaded: the same, which is as good, or something else, which is an
/// error unless it may be replaced.
fn present(
    home: &Home,
    name: &WeightsName,
    url: &str,
    options: WeightsOptions,
) -> Result<Option<Manifest>, CommandError> {
    let path = home.weights_file(name);
    if options.replace || !path.exists() {
        return Ok(None);
    }
    let there = weights::read_manifest(&path)?;
    if there.source == printable(url) && options.preprocessing.is_none_or(|asked| asked == there.preprocessing) {
        return Ok(Some(there));
    }
    let difference = format!("from {}", there.source);
    Err(WeightsError::Exists { name: name.clone(), difference }.into())
}

fn list(home: &Home, Output { json }: Output) -> Result<Exit, CommandError> {
    let listed = weights::list(&home.weights())?;
    let readable: Vec<(&WeightsName, &Manifest)> =
        listed.iter().filter_map(|(name, manifest)| Some((name, manifest.as_ref().ok()?))).collect();
    if json {
        output::json(&readable.iter().map(|(name, manifest)| entry(name, manifest)).collect::<Vec<_>>())?;
    } else if listed.is_empty() {
        output::note(&format!(
            "no weights in {} yet: `mien weights import FILE --name NAME` brings some, `mien weights fetch vggface` \
             fetches some",
            home.weights().display()
        ));
    } else {
        output::print(&table(&readable).render())?;
    }
    for (name, manifest) in &listed {
        if let Err(error) = manifest {
            output::complain(&format!("{name}: {error}"));
        }
    }
    Ok(Exit::Done)
}

fn table(readable: &[(&WeightsName, &Manifest)]) -> Table {
    let mut table = Table::new([
        ("WEIGHTS", Side::Left),
        ("LAYOUT", Side::Left),
        ("INPUT", Side::Left),
        ("HASH", Side::Left),
        ("SOURCE", Side::Left),
        ("LICENCE", Side::Left),
    ]);
    for (name, manifest) in readable {
        table.row(&[
            name.to_string(),
            manifest.layout.to_string(),
            manifest.preprocessing.to_string(),
            manifest.hash.chars().take(8).collect(),
            manifest.source.clone(),
            manifest.licence.clone(),
        ]);
    }
    table
}

/// Shows weights, and reads all of them, so that damage is told here.
fn show(home: &Home, name: &WeightsName, output: Output) -> Result<Exit, CommandError> {
    let path = home.weights_file(name);
    if !path.exists() {
        return Err(CommandError::NoWeights { name: name.clone(), folder: home.weights() });
    }
    tell(name, Weights::open(&path)?.manifest(), output)?;
    Ok(Exit::Done)
}

fn tell(name: &WeightsName, manifest: &Manifest, Output { json }: Output) -> Result<(), CommandError> {
    if json { output::json(&entry(name, manifest)) } else { output::print(&text(name, manifest)) }
}

fn text(name: &WeightsName, manifest: &Manifest) -> String {
    let Preprocessing { order, scale, mean, deviation } = manifest.preprocessing;
    let lines = [
        format!("{name}  the convolutional base of VGG16, {} parameters", thousands(manifest.parameters)),
        format!("hash     {}", manifest.hash),
        format!("input    {}: {order}, (pixel × {scale} − {mean:?}) / {deviation:?}", manifest.preprocessing),
        format!("from     {}", manifest.source),
        format!("         {}, SHA-256 {}", manifest.layout, manifest.source_hash),
        format!("licence  {}", manifest.licence),
    ];
    lines.iter().map(|line| printable(line) + "\n").collect()
}
