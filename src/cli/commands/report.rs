//! `report`: writes a report of runs for people without a terminal.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::exit::{CommandError, Exit};
use crate::cli::heat_maps::heat_maps;
use crate::cli::invocation::Invocation;
use crate::cli::options::whole_number;
use crate::cli::{output, privacy};
use crate::domain::{RunId, Size};
use crate::homes::protocol::RunFile;
use crate::report::{self, FACES, ReportFormat};

/// Write a report of runs: one HTML file, Markdown, or charts
///
/// The HTML file needs no network and no script, and can be sent by e-mail and printed. It contains metrics, curves,
/// confusion matrices, the test images with the largest loss, settings, and the comparison of several runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct Report {
    /// Ids, beginnings of ids, or `latest`; two to six are also compared
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// The file to write, or the folder of charts [default: RUN.html, or comparison.html]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// The form of the report [default: by the ending of --out, else html]
    #[arg(long, value_enum, value_name = "FORM")]
    to: Option<ReportFormatName>,
    /// How many test images of each run are shown; 0 leaves all faces out
    #[arg(long, value_name = "N", default_value_t = FACES, value_parser = whole_number::<usize>(0, u64::MAX))]
    faces: usize,
    /// Leave out the heat maps (Grad-CAM) beside the faces
    #[arg(long)]
    no_heat_maps: bool,
    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

/// The forms by the names of `--to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormatName {
    /// An HTML file
    Html,
    /// A Markdown file
    Markdown,
    /// A folder of charts
    Svg,
}

impl ReportFormatName {
    fn form(self) -> ReportFormat {
        match self {
            Self::Html => ReportFormat::Html,
            Self::Markdown => ReportFormat::Markdown,
            Self::Svg => ReportFormat::Svg,
        }
    }

    /// Returns the ending of the default path.
    fn ending(self) -> &'static str {
        match self {
            Self::Html => ".html",
            Self::Markdown => ".md",
            Self::Svg => "-charts",
        }
    }
}

impl Report {
    pub(super) fn run(self, invocation: &Invocation) -> Result<Exit, CommandError> {
        let store = invocation.open_home()?;
        let ids = self.runs.iter().map(|query| store.find(query)).collect::<Result<Vec<RunId>, _>>()?;
        let to = self.form()?;
        let path = self.out.unwrap_or_else(|| {
            let name = if let [id] = ids.as_slice() { id.to_string() } else { "comparison".into() };
            PathBuf::from(name + to.ending())
        });
        ids.iter().for_each(|id| invocation.fetch(id, RunFile::Test));
        let wanted = !self.no_heat_maps && matches!(to, ReportFormatName::Html);
        let mut explain = |id: &RunId, pictures: &[Vec<u8>], classes: &[usize]| {
            let maps = if wanted { heat_maps(&store, id, pictures, classes) } else { Ok(Vec::new()) };
            // A report without heat maps is better than none.
            maps.unwrap_or_else(|error| {
                output::print_error(&format!("heat maps are left out: {error}"));
                Vec::new()
            })
        };
        let report = report::Report::collect(&store, &ids, self.faces, &mut explain)?;
        privacy::restore_umask();
        let bytes = report.write(to.form(), &path, self.force)?;
        output::note(&format!("{}: {}", path.display(), Size(bytes)));
        Ok(Exit::Done)
    }

    /// Returns the form of `--to`, or the form that the ending of `--out` names.
    fn form(&self) -> Result<ReportFormatName, CommandError> {
        if let Some(to) = self.to {
            return Ok(to);
        }
        let Some(out) = &self.out else { return Ok(ReportFormatName::Html) };
        match out.extension().and_then(|ending| ending.to_str()) {
            Some("html" | "htm") => Ok(ReportFormatName::Html),
            Some("md" | "markdown") => Ok(ReportFormatName::Markdown),
            _ => Err(CommandError::Usage(format!(
                "{}: the ending names no form of a report: --to html, markdown or svg chooses one",
                out.display()
            ))),
        }
    }
}
