//! Writing the sheets as PDF/A-3b: with the evidence file in it, and the same bytes for the same report.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use krilla::color::luma;
use krilla::configure::validate::Archival;
use krilla::configure::{Configuration, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::{Document, SerializeSettings};

use super::flow::{Ink, LABEL, LEFT, LINE, Mark, PAPER, Sheet, Style, WIDTH, in_sight};
use super::fonts::{Face, Fonts};
use super::{Report, ReportError};

/// Baseline of the text at the foot of each sheet.
const FOOT: f32 = PAPER.1 - 42.0;

/// The bytes of the PDF.
pub(super) fn written(report: &Report<'_>, fonts: &Fonts, sheets: &[Sheet]) -> Result<Vec<u8>, ReportError> {
    if i32::try_from(report.file.len()).is_err() {
        return Err(ReportError::TooLarge(report.file.len()));
    }
    let mut document =
        Document::new_with(SerializeSettings { configuration: configuration(), ..SerializeSettings::default() });
    document.set_metadata(metadata(report, fonts));
    document.set_outline(outline(sheets));
    document.embed_file(embedded(report)).expect("it is the only file");
    let settings = PageSettings::from_wh(PAPER.0, PAPER.1).expect("A4 has a size");
    for (index, sheet) in sheets.iter().enumerate() {
        let mut page = document.start_page_with(settings.clone());
        let mut surface = page.surface();
        for mark in sheet.marks.iter().chain(&foot(report, fonts, index + 1, sheets.len())) {
            draw(&mut surface, fonts, mark);
        }
        surface.finish();
        page.finish();
    }
    Ok(document.finish()?)
}

fn configuration() -> Configuration {
    let builder = ConfigurationBuilder::new().with_archival_validator(Archival::A3_B);
    builder.finish().expect("one standard does not contradict itself")
}

fn metadata(report: &Report<'_>, fonts: &Fonts) -> Metadata {
    Metadata::new()
        .title(format!("Evidence of notification: notice {}", report.notice.id))
        // Spelled, as XML takes no control characters.
        .authors(vec![fonts.spell(Face::Regular, &report.organisation.name)])
        .creator(format!("besked {}", env!("CARGO_PKG_VERSION")))
        .language("en".to_owned())
        .creation_date(date(report.made_at))
}

fn date(at: Timestamp) -> DateTime {
    let at = at.to_zoned_datetime(TimeZone::UTC);
    DateTime::new(u16::try_from(at.year()).unwrap_or(0))
        .month(at.month().unsigned_abs())
        .day(at.day().unsigned_abs())
        .hour(at.hour().unsigned_abs())
        .minute(at.minute().unsigned_abs())
        .second(at.second().unsigned_abs())
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

fn embedded(report: &Report<'_>) -> EmbeddedFile {
    EmbeddedFile {
        path: report.file_name.to_owned(),
        mime_type: MimeType::new("application/json"),
        description: Some("The evidence that this report shows".to_owned()),
        association_kind: AssociationKind::Data,
        data: report.file.to_vec().into(),
        modification_date: Some(date(report.made_at)),
        compress: Some(true),
        location: None,
    }
}

fn outline(sheets: &[Sheet]) -> Outline {
    let mut outline = Outline::new();
    for (index, sheet) in sheets.iter().enumerate() {
        for (heading, y) in &sheet.headings {
            let place = XyzDestination::new(index, Point::from_xy(LEFT, *y));
            outline.push_child(OutlineNode::new(heading.clone(), place));
        }
    }
    outline
}

/// The text at the foot of each sheet.
fn foot(report: &Report<'_>, fonts: &Fonts, number: usize, count: usize) -> [Mark; 3] {
    let width = |text: &str| fonts.width(LABEL.face, LABEL.size, text);
    let text = |x, text| Mark::Text { x, y: FOOT, text, style: LABEL };
    let notice = format!(" \u{b7} notice {}", report.notice.id);
    let page = format!("page {number} of {count}");
    let name = fonts.spell(LABEL.face, &report.organisation.name);
    let name = clipped(fonts, LABEL, &name, WIDTH - width(&notice) - width(&page) - 20.0);
    [
        Mark::Area { x: LEFT, y: FOOT - 15.0, width: WIDTH, height: 0.5, ink: LINE },
        text(LEFT, in_sight(&(name + &notice))),
        text(LEFT + WIDTH - width(&page), page),
    ]
}

/// A text cut short to a width.
fn clipped(fonts: &Fonts, style: Style, text: &str, width: f32) -> String {
    if fonts.width(style.face, style.size, text) <= width {
        return text.to_owned();
    }
    let mut left = width - fonts.advance(style.face, style.size, '\u{2026}');
    let fits = text.chars().take_while(|c| {
        left -= fonts.advance(style.face, style.size, *c);
        left >= 0.0
    });
    fits.chain(['\u{2026}']).collect()
}

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, mark: &Mark) {
    match mark {
        Mark::Text { x, y, text, style } => {
            let glyphs = fonts.glyphs(style.face, text);
            fill(surface, style.ink);
            surface.draw_glyphs(Point::from_xy(*x, *y), &glyphs, fonts.font(style.face), text, style.size, false);
        }
        Mark::Area { x, y, width, height, ink } => {
            let mut path = PathBuilder::new();
            if let Some(area) = Rect::from_xywh(*x, *y, *width, *height) {
                path.push_rect(area);
            }
            if let Some(path) = path.finish() {
                fill(surface, *ink);
                surface.draw_path(&path);
            }
        }
    }
}

fn fill(surface: &mut Surface<'_>, ink: Ink) {
    let paint = luma::Color::new(ink.0).into();
    surface.set_fill(Some(Fill { paint, opacity: NormalizedF32::ONE, rule: FillRule::NonZero }));
}
