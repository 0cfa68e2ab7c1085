//! The report's layout: text, tables and blocks flow down A4 sheets, and no heading is alone at the end of one.

use unicode_bidi::{Level, ParagraphBidiInfo};

use super::fonts::{Face, Fonts};
use super::lines;

/// Width and height of A4, in points.
pub(super) const PAPER: (f32, f32) = (595.28, 841.89);
/// The left edge of the text.
pub(super) const LEFT: f32 = 62.0;
/// How wide text is.
pub(super) const WIDTH: f32 = PAPER.0 - 2.0 * LEFT;
/// The upper edge of the text.
const TOP: f32 = 60.0;
/// The lower edge of the text.
const BOTTOM: f32 = PAPER.1 - 78.0;
/// What is between two columns.
const GUTTER: f32 = 9.0;

/// A shade of grey: 0 is black.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ink(pub(super) u8);

pub(super) const DARK: Ink = Ink(0x1e);
pub(super) const MUTED: Ink = Ink(0x62);
pub(super) const LINE: Ink = Ink(0x8c);
const HAIR: Ink = Ink(0xd4);

/// How text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) face: Face,
    pub(super) size: f32,
    /// From one line to the next.
    pub(super) leading: f32,
    pub(super) ink: Ink,
}

const fn style(face: Face, size: f32, leading: f32, ink: Ink) -> Style {
    Style { face, size, leading, ink }
}

const TITLE: Style = style(Face::Bold, 18.5, 25.0, DARK);
const HEADING: Style = style(Face::Bold, 13.0, 18.0, DARK);
const SUBHEADING: Style = style(Face::Bold, 9.0, 13.0, DARK);
const BODY: Style = style(Face::Regular, 10.0, 14.5, DARK);
const CODE: Style = style(Face::Mono, 8.5, 12.0, DARK);
const COLUMN: Style = style(Face::Bold, 8.0, 11.0, MUTED);
/// A name before a value.
pub(super) const LABEL: Style = style(Face::Regular, 8.5, 12.0, MUTED);
/// Text in a table.
pub(super) const CELL: Style = style(Face::Regular, 8.5, 12.0, DARK);
/// Text in a table that must be compared character by character.
pub(super) const CELL_CODE: Style = style(Face::Mono, 8.0, 12.0, DARK);

/// Something drawn, measured from the upper left corner of the sheet.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// Text from `x` on its baseline `y`.
    Text { x: f32, y: f32, text: String, style: Style },
    /// A filled area.
    Area { x: f32, y: f32, width: f32, height: f32, ink: Ink },
}

/// A page, without the parts that every page has.
#[derive(Default)]
pub(super) struct Sheet {
    pub(super) marks: Vec<Mark>,
    /// Headings and their places.
    pub(super) headings: Vec<(String, f32)>,
}

/// A column of a table.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// In parts of the whole.
    pub(super) share: f32,
    pub(super) style: Style,
}

/// Sheets that fill up.
pub(super) struct Flow<'a> {
    fonts: &'a Fonts,
    sheets: Vec<Sheet>,
    y: f32,
    /// Headings that wait for the text below them, so that none is alone at the end of a sheet.
    waiting: Vec<Heading>,
}

/// A heading of a chapter or of a part of one.
struct Heading {
    text: String,
    style: Style,
    above: f32,
    below: f32,
    is_chapter: bool,
}

/// Lines of one cell, with their place and style.
struct Set {
    x: f32,
    style: Style,
    lines: Vec<String>,
}

impl<'a> Flow<'a> {
    pub(super) fn new(fonts: &'a Fonts) -> Self {
        Self { fonts, sheets: vec![Sheet::default()], y: TOP, waiting: Vec::new() }
    }

    pub(super) fn into_sheets(mut self) -> Vec<Sheet> {
        self.keep(0.0);
        self.sheets
    }

    /// The report's title, with a rule below.
    pub(super) fn title(&mut self, text: &str) {
        self.text(text, TITLE);
        self.y += 7.0;
        self.area(LEFT, WIDTH, 1.2, DARK);
        self.y += 13.0;
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.waiting.push(Heading { text: text.into(), style: HEADING, above: 20.0, below: 5.0, is_chapter: true });
    }

    pub(super) fn subheading(&mut self, text: &str) {
        self.waiting.push(Heading { text: text.into(), style: SUBHEADING, above: 6.0, below: 3.0, is_chapter: false });
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.text(text, BODY);
        self.y += 7.0;
    }

    /// Text whose lines are its own, with a bar at its left.
    pub(super) fn quote(&mut self, text: &str) {
        const INDENT: f32 = 11.0;
        let lines = text.lines().flat_map(|line| self.lines(line, CODE, WIDTH - INDENT)).collect();
        let set = Set { x: LEFT + INDENT, style: CODE, lines };
        self.rows(&set, |flow| flow.area(LEFT, 2.0, CODE.leading, HAIR));
        self.y += 12.0;
    }

    /// What is to be typed, on lines of its own.
    pub(super) fn command(&mut self, lines: &[String]) {
        let set =
            Set { x: LEFT, style: CODE, lines: lines.iter().flat_map(|it| self.lines(it, CODE, WIDTH)).collect() };
        self.rows(&set, |_| {});
        self.y += 10.0;
    }

    /// A table that takes its head along to every sheet.
    pub(super) fn table(&mut self, columns: &[Column], rows: &[Vec<String>]) {
        let head: Vec<Set> = self.set(columns, |column| (column.title, COLUMN));
        let head_height = height(&head) + 5.0;
        for (number, row) in rows.iter().enumerate() {
            let cells = self.row(columns, row);
            let needed = height(&cells) + 6.0;
            if number == 0 {
                self.keep(head_height + needed);
                self.head(&head);
            } else if self.y + needed > BOTTOM {
                self.turn();
                self.head(&head);
            }
            self.cells(&cells, Some(&head));
            self.y += 3.0;
            self.area(LEFT, WIDTH, 0.5, HAIR);
            self.y += 3.0;
        }
        self.y += 8.0;
    }

    /// Names with their values, below a title if there is one, on one sheet if they fit.
    pub(super) fn pairs(&mut self, title: Option<&str>, pairs: &[(&str, String, Style)]) {
        let rows: Vec<Vec<Set>> = pairs.iter().map(|(name, value, style)| self.pair(name, value, *style)).collect();
        let total: f32 = rows.iter().map(|cells| height(cells) + 1.0).sum();
        if let Some(title) = title {
            self.subheading(title);
        }
        self.keep(total);
        for cells in &rows {
            self.cells(cells, None);
            self.y += 1.0;
        }
        self.y += 10.0;
    }

    fn pair(&self, name: &str, value: &str, style: Style) -> Vec<Set> {
        const NAME: f32 = 112.0;
        let name = Set { x: LEFT, style: LABEL, lines: self.lines(name, LABEL, NAME - GUTTER) };
        let value = Set { x: LEFT + NAME, style, lines: self.lines(value, style, WIDTH - NAME) };
        vec![name, value]
    }

    fn row(&self, columns: &[Column], row: &[String]) -> Vec<Set> {
        let mut texts = row.iter();
        self.set(columns, |column| (texts.next().map_or("", String::as_str), column.style))
    }

    /// A row, each cell broken to the width of its column.
    fn set<'t>(&self, columns: &[Column], mut cell: impl FnMut(&Column) -> (&'t str, Style)) -> Vec<Set> {
        let mut x = LEFT;
        let mut row = Vec::with_capacity(columns.len());
        for column in columns {
            let (text, style) = cell(column);
            let width = WIDTH * column.share;
            row.push(Set { x, style, lines: self.lines(text, style, width - GUTTER) });
            x += width;
        }
        row
    }

    fn head(&mut self, head: &[Set]) {
        self.cells(head, None);
        self.y += 1.5;
        self.area(LEFT, WIDTH, 0.7, LINE);
        self.y += 3.5;
    }

    /// Draws a row line by line, so that one that is longer than a sheet goes on over the next.
    fn cells(&mut self, cells: &[Set], head: Option<&[Set]>) {
        let leading = leading(cells);
        for number in 0..cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0) {
            if self.y + leading > BOTTOM {
                self.turn();
                if let Some(head) = head {
                    self.head(head);
                }
            }
            for cell in cells {
                if let Some(line) = cell.lines.get(number) {
                    self.line(cell.x, line.clone(), cell.style, leading);
                }
            }
            self.y += leading;
        }
    }

    fn text(&mut self, text: &str, style: Style) {
        let set = Set { x: LEFT, style, lines: self.lines(text, style, WIDTH) };
        self.rows(&set, |_| {});
    }

    /// Draws lines below each other, never one alone at the end or beginning of a sheet.
    fn rows(&mut self, set: &Set, beside: impl Fn(&mut Self)) {
        let (count, leading) = (set.lines.len(), set.style.leading);
        for (number, line) in set.lines.iter().enumerate() {
            let together = if number == 0 || number + 2 == count { 2.min(count - number) } else { 1 };
            self.keep(times(together, leading));
            beside(self);
            self.line(set.x, line.clone(), set.style, leading);
            self.y += leading;
        }
    }

    /// The lines of a text in the order of their characters on the page.
    fn lines(&self, text: &str, style: Style, width: f32) -> Vec<String> {
        let spelled = self.fonts.spell(style.face, text);
        let lines = lines::broken(&spelled, width, |c| self.fonts.advance(style.face, style.size, c));
        lines.into_iter().map(|line| if line.is_ascii() { line } else { in_sight(&line) }).collect()
    }

    fn line(&mut self, x: f32, text: String, style: Style, leading: f32) {
        // The baseline that has capitals in the middle of the line.
        let y = self.y + leading / 2.0 + style.size * 0.36;
        self.sheet().marks.push(Mark::Text { x, y, text, style });
    }

    fn area(&mut self, x: f32, width: f32, height: f32, ink: Ink) {
        let y = self.y;
        self.sheet().marks.push(Mark::Area { x, y, width, height, ink });
    }

    /// Goes to the next sheet if this height does not fit on the current one with the headings that wait, and draws these.
    fn keep(&mut self, height: f32) {
        let waiting: Vec<(Heading, Vec<String>)> = std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|heading| {
                let lines = self.lines(&heading.text, heading.style, WIDTH);
                (heading, lines)
            })
            .collect();
        let headings: f32 = waiting.iter().map(|(heading, lines)| heading.height(lines.len())).sum();
        if self.y + (headings + height).min(BOTTOM - TOP) > BOTTOM {
            self.turn();
        }
        for (heading, lines) in waiting {
            self.draw_heading(heading, lines);
        }
    }

    fn draw_heading(&mut self, heading: Heading, lines: Vec<String>) {
        if self.y > TOP {
            self.y += heading.above;
        }
        if heading.is_chapter {
            let y = self.y;
            self.sheet().headings.push((heading.text, y));
        }
        for line in lines {
            if self.y + heading.style.leading > BOTTOM {
                self.turn();
            }
            self.line(LEFT, line, heading.style, heading.style.leading);
            self.y += heading.style.leading;
        }
        self.y += heading.below;
    }

    fn turn(&mut self) {
        self.sheets.push(Sheet::default());
        self.y = TOP;
    }

    fn sheet(&mut self) -> &mut Sheet {
        self.sheets.last_mut().expect("there is a sheet from the start")
    }
}

impl Heading {
    fn height(&self, lines: usize) -> f32 {
        self.above + times(lines, self.style.leading) + self.below
    }
}

/// So many lines high.
fn times(lines: usize, leading: f32) -> f32 {
    f32::from(u16::try_from(lines).unwrap_or(u16::MAX)) * leading
}

fn leading(cells: &[Set]) -> f32 {
    cells.iter().map(|cell| cell.style.leading).fold(0.0, f32::max)
}

fn height(cells: &[Set]) -> f32 {
    let lines = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
    times(lines, leading(cells))
}

/// A line with what is written from right to left in the order it is seen. The line itself runs from left to right, as the
/// report is in English.
pub(super) fn in_sight(line: &str) -> String {
    let (levels, runs) = ParagraphBidiInfo::new(line, Some(Level::ltr())).visual_runs(0..line.len());
    let seen = |run: std::ops::Range<usize>| -> String {
        if levels[run.start].is_rtl() { line[run].chars().rev().map(mirrored).collect() } else { line[run].to_owned() }
    };
    runs.into_iter().map(seen).collect()
}

/// Brackets open towards what they enclose.
fn mirrored(c: char) -> char {
    const PAIRS: [(char, char); 5] = [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>'), ('\u{ab}', '\u{bb}')];
    let other = |(open, close)| if c == open { Some(close) } else { (c == close).then_some(open) };
    PAIRS.into_iter().find_map(other).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowest(sheet: &Sheet) -> f32 {
        let bottoms = sheet.marks.iter().map(|mark| match mark {
            Mark::Text { y, .. } => *y,
            Mark::Area { y, height, .. } => y + height,
        });
        bottoms.fold(0.0, f32::max)
    }

    #[test]
    fn nothing_is_below_the_bottom_however_much_there_is() {
        let fonts = Fonts::load();
        let mut flow = Flow::new(&fonts);
        let columns = [("A", 0.2), ("B", 0.8)].map(|(title, share)| Column { title, share, style: CELL });
        let rows: Vec<Vec<String>> = (0..80).map(|n| vec![n.to_string(), "word ".repeat(n * n)]).collect();
        for n in 0..30 {
            flow.heading("Heading");
            flow.paragraph(&"word ".repeat(n * 40));
            flow.quote(&"a line\n".repeat(n * 3));
        }
        flow.table(&columns, &rows);
        flow.pairs(Some("Pairs"), &[("name", "x".repeat(20_000), CELL_CODE)]);
        let sheets = flow.into_sheets();
        assert!(sheets.len() > 20 && sheets.iter().all(|sheet| lowest(sheet) < BOTTOM + 8.0));
        assert!(sheets.iter().all(|sheet| !sheet.marks.is_empty()));
    }

    #[test]
    fn a_heading_is_never_the_last_on_its_sheet() {
        let fonts = Fonts::load();
        for lines in 30..60 {
            let mut flow = Flow::new(&fonts);
            flow.quote(&"a line\n".repeat(lines));
            flow.heading("Heading");
            if lines % 2 == 0 {
                flow.paragraph("One line.");
            } else {
                flow.pairs(Some("Pairs"), &[("name", "x".repeat(200 * (lines - 29)), CELL_CODE)]);
            }
            for sheet in flow.into_sheets() {
                let Some((_, top)) = sheet.headings.first() else { continue };
                assert!(lowest(&sheet) > top + HEADING.leading + BODY.leading / 2.0, "{lines}");
            }
        }
    }

    #[test]
    fn hebrew_stands_in_the_order_it_is_seen() {
        assert_eq!(in_sight("a \u{5d0}\u{5d1} b"), "a \u{5d1}\u{5d0} b");
        assert_eq!(in_sight("\u{5d0}(\u{5d1})\u{5d2} [U+1]"), "\u{5d2}(\u{5d1})\u{5d0} [U+1]");
    }
}
