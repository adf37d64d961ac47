//! Reports of made-up runs, in every form.

use super::*;
use crate::domain::{EarlyStoppingStatus, EpochMetrics, Recipe, SplitCounts, Strategy};
use crate::events::{Event, Record};
use crate::runs::Predictions;
use crate::runs::probabilities::Temperature;

fn part(id: &str, right: u16) -> RunPart {
    let mut run = Summary::new(RunId::new(id).expect("an id"), Recipe::sample(Strategy::Cnn));
    let classes = vec!["happy".to_owned(), "<b>sad</b>".to_owned()];
    run.apply(&Record {
        at: 1,
        event: Event::DataOpened { images: SplitCounts { train: 4, validation: 2, test: 4 }, classes: classes.clone() },
    });
    for epoch in 1..=5 {
        let loss = 2.0 / f64::from(epoch);
        let metrics = EpochMetrics {
            epoch,
            train_loss: loss,
            train_accuracy: 0.5,
            val_loss: loss + 0.1,
            val_accuracy: 0.4,
            learning_rate: 1e-3,
            seconds: 1.0,
            images_per_second: 10.0,
        };
        let early_stopping = EarlyStoppingStatus { best_epoch: epoch, ..EarlyStoppingStatus::default() };
        run.apply(&Record { at: 2, event: Event::EpochFinished { metrics, early_stopping } });
    }
    let probabilities = (0..4).flat_map(|image| if image < right { [0.9, 0.1] } else { [0.2, 0.8] }).collect();
    let predictions = Predictions { classes: 2, probabilities, truth: vec![0, 0, 0, 1] };
    let test = Inspection::new(predictions, &classes).expect("predictions");
    run.test = Some(crate::runs::summary::TestResult { epoch: 5, loss: 0.5, confusion: test.confusion() });
    let prediction = test.hardest(1)[0];
    let faces =
        vec![Face { png: "AAAA".into(), heat_map: Some("BBBB".into()), prediction, source: "a/\"b\".png".into() }];
    let temperature = Temperature { value: 1.5, epoch: 5, images: 4 };
    let probabilities = Some(ProbabilityMetrics::new(&test, Ok(temperature)));
    RunPart { run, test: Ok(test), probabilities, faces }
}

fn report(runs: Vec<RunPart>) -> Report {
    let comparison = (runs.len() > 1).then(|| compare(&runs).expect("comparable"));
    Report { runs, comparison, made_at: "2026-11-26 12:00".into() }
}

#[test]
fn a_page_needs_nothing_from_elsewhere_and_escapes_what_comes_from_outside() {
    let page = html::render(&report(vec![part("one", 3), part("two", 1)]));
    for outside in ["<script", "src=\"http", "href=\"http", "@import", "url(", "<b>sad"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Charts of both runs and of all together, each with words for those who do not see it.
    assert_eq!(page.matches("<svg").count(), 10);
    assert_eq!(page.matches("role=\"img\"").count(), 10);
    assert!(page.contains("alt=\"Face labelled"));
    for table in ["Metrics", "F1 by class", "Confusion matrix", "Settings of the run"] {
        assert!(page.contains(table), "{table}");
    }
    // Every image of the matrix: three of happy, one of sad.
    assert!(page.contains("title=\"1 of 1 images\""));
}

#[test]
fn one_run_has_no_comparison() {
    let page = html::render(&report(vec![part("one", 3)]));
    assert!(!page.contains("id=\"comparison\"") && page.contains("id=\"one\""));
}

#[test]
fn the_forms_show_the_same_numbers() {
    let report = report(vec![part("one", 3), part("two", 1)]);
    let (page, text) = (html::render(&report), markdown::render(&report));
    for run in &report.runs {
        let accuracy = format!("{:.4}", run.run.test.as_ref().expect("tested").confusion.scores().accuracy);
        assert!(page.contains(&accuracy) && text.contains(&accuracy), "{accuracy}");
        for line in run.probabilities.as_ref().expect("predictions").text() {
            assert!(page.contains(&line) && text.contains(&line), "{line}");
        }
    }
    assert!(text.contains("&lt;b>sad"));
}

#[test]
fn files_are_written_once_unless_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = report(vec![part("one", 3)]);
    let path = folder.path().join("one.html");
    let bytes = report.write(ReportFormat::Html, &path, false).expect("written");
    assert_eq!(std::fs::metadata(&path).expect("a file").len(), bytes);
    assert!(matches!(report.write(ReportFormat::Html, &path, false), Err(ReportError::Exists(_))));
    report.write(ReportFormat::Markdown, &path, true).expect("replaced");
    let charts = folder.path().join("charts");
    report.write(ReportFormat::Svg, &charts, false).expect("written");
    let mut names: Vec<_> =
        std::fs::read_dir(&charts).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, ["one-accuracy.svg", "one-calibration.svg", "one-loss.svg", "one-precision-recall.svg"]);
}

#[test]
fn bars_of_bins_and_curves_of_classes_have_their_values() {
    let part = part("one", 3);
    let [calibration, curves] = plots::probabilities(&part).expect("predictions");
    // Three images of confidence 0.9 and one of 0.8, all predicted correctly.
    let bars: Vec<(f64, f64)> = calibration.bars.iter().map(|bar| (bar.images, bar.value)).collect();
    assert_eq!(bars, [(0.25, 1.0), (0.75, 1.0)]);
    assert_eq!(
        calibration.lines.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(),
        ["test images", "temperature 1.50", "perfect calibration"]
    );
    assert_eq!(
        curves.lines.iter().map(|line| line.name.as_str()).collect::<Vec<_>>(),
        ["happy 1.000", "<b>sad</b> 1.000"]
    );
    let svg = calibration.file();
    assert_eq!(svg.matches("<rect").count(), 2);
    assert!(!curves.element().contains("<b>"));
}
