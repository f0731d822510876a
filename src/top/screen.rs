//! How rates are drawn. Pure: the same rates, view and width give the same screen.
//!
//! What is wrong is marked with `!` and reversed, so that neither colour nor a wide screen is needed
//! to see it. In a narrow terminal the columns that say least are left out.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Modifier, Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Cell, Row, Table, Widget};

use super::rates::{EdgeRates, Rates, SiteRates, WafRates};
use crate::output;

/// From this width on every column is shown, in characters.
const WIDE: u16 = 110;

/// What the operator chose to see.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Whether the screen stays as it is.
    pub(super) paused: bool,
    /// Lines that are scrolled away above.
    above: u16,
}

impl View {
    /// Scrolls by so many lines; the end is found when drawn.
    pub(super) fn moved(&mut self, by: i16) {
        self.above = self.above.saturating_add_signed(by);
    }
}

/// Draws all that fits.
pub(super) fn draw(frame: &mut Frame<'_>, rates: Option<&Rates>, view: &View) {
    let area = frame.area();
    let Some(rates) = rates else {
        frame.render_widget(Line::from("asking the edges ..."), area);
        return;
    };
    let [body, foot] = area.layout(&ratatui::layout::Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(1),
    ]));
    let height = height(rates);
    let above = view.above.min(height.saturating_sub(body.height));
    let mut whole = Buffer::empty(Rect::new(0, 0, body.width, height));
    render(rates, &mut whole);
    let shown = frame.buffer_mut();
    for row in 0..body.height.min(height - above) {
        for column in 0..body.width {
            let from = whole.cell((column, row + above)).cloned();
            let to = shown.cell_mut((body.x + column, body.y + row));
            if let (Some(from), Some(to)) = (from, to) {
                *to = from;
            }
        }
    }
    let state = if view.paused { "PAUSED  " } else { "" };
    let more = if height > body.height {
        "  up/down: scroll"
    } else {
        ""
    };
    let keys = format!("{state}{}  q: end  space: pause{more}", rates.at.rfc3339());
    frame.render_widget(Line::from(keys).dim(), foot);
}

/// The same without a terminal.
pub(super) fn as_text(rates: &Rates, width: u16) -> String {
    let mut whole = Buffer::empty(Rect::new(0, 0, width, height(rates)));
    render(rates, &mut whole);
    let row = |y| {
        let cells = (0..width).filter_map(|x| whole.cell((x, y)));
        let text: String = cells.map(ratatui::buffer::Cell::symbol).collect();
        format!("{}\n", text.trim_end())
    };
    (0..whole.area.height).map(row).collect()
}

/// Lines of one edge.
fn lines(edge: &EdgeRates) -> u16 {
    let rows = edge.sites.len() + edge.warnings.len() + usize::from(edge.waf.is_some());
    match edge.error {
        Some(_) => 3,
        None => u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(4),
    }
}

fn height(rates: &Rates) -> u16 {
    let lines = rates.edges.iter().map(lines);
    lines.fold(0, u16::saturating_add)
}

fn render(rates: &Rates, buffer: &mut Buffer) {
    let mut y = 0;
    for edge in &rates.edges {
        let height = lines(edge);
        let area = Rect::new(0, y, buffer.area.width, height).intersection(buffer.area);
        of_edge(edge, area, buffer);
        y = y.saturating_add(height);
    }
}

fn of_edge(edge: &EdgeRates, area: Rect, buffer: &mut Buffer) {
    let mut rest = area;
    let mut put = |line: Line<'_>| {
        line.render(Rect { height: 1, ..rest }.intersection(area), buffer);
        rest = Rect {
            y: rest.y + 1,
            height: rest.height.saturating_sub(1),
            ..rest
        };
    };
    if let Some(error) = &edge.error {
        put(marked(format!("! {}  DOES NOT ANSWER", edge.edge)));
        put(Line::from(format!("  {}", error.replace('\n', " "))));
        return;
    }
    let EdgeRates {
        version,
        generation,
        ..
    } = edge;
    let up = output::span(edge.up_s);
    put(Line::from(format!(
        "{}  yagura {version}  up {up}  generation {generation}",
        edge.edge
    ))
    .bold());
    let (hot, most) = (
        output::bytes(edge.hot_bytes),
        output::bytes(edge.hot_capacity_bytes),
    );
    put(Line::from(format!(
        "  connections {} (+{}/s)  under way {}  refused {}/s  failed handshakes {}/s  hot {hot} of {most}",
        edge.connections,
        number(edge.connections_per_s),
        edge.under_way,
        number(edge.refused_per_s),
        number(edge.handshakes_failed_per_s),
    )));
    if let Some(waf) = &edge.waf {
        put(Line::from(waf_line(waf)));
    }
    for warning in &edge.warnings {
        put(marked(format!("! {warning}")));
    }
    of_sites(&edge.sites, rest, buffer);
}

/// Inspection in a line.
fn waf_line(waf: &WafRates) -> String {
    let on = match waf.on.as_slice() {
        [] => "shadow".to_owned(),
        sites => format!("on for {}", sites.join(", ")),
    };
    let ready = if waf.ready {
        on
    } else {
        "NOT READY".to_owned()
    };
    format!(
        "  waf {ready}  {} of {} busy  verdicts {}/s  refused {}/s  told to come back {}/s  shadow finds {}/s  workers ended {}/s",
        waf.busy,
        waf.workers,
        number(waf.verdicts_per_s),
        number(waf.refused_per_s),
        number(waf.postponed_per_s),
        number(waf.shadow_findings_per_s),
        number(waf.ended_per_s),
    )
}

fn of_sites(sites: &[SiteRates], area: Rect, buffer: &mut Buffer) {
    let columns: Vec<&Column> = COLUMNS
        .iter()
        .filter(|column| area.width >= WIDE || !column.only_wide)
        .collect();
    let titles = columns.iter().map(|column| column.title);
    let titles = ["  site"].into_iter().chain(titles).chain(["way"]);
    let longest = sites.iter().map(|site| site.site.len()).max().unwrap_or(0);
    let names = u16::try_from(longest.clamp(6, 24)).unwrap_or(24) + 2;
    let widths = [Constraint::Length(names)]
        .into_iter()
        .chain(
            columns
                .iter()
                .map(|column| Constraint::Length(column.width)),
        )
        .chain([Constraint::Fill(1)]);
    let rows = sites.iter().map(|site| row(site, &columns));
    Table::new(rows, widths)
        .header(Row::new(titles).style(Style::new().add_modifier(Modifier::UNDERLINED)))
        .column_spacing(1)
        .render(area, buffer);
}

fn row<'s>(site: &'s SiteRates, columns: &[&Column]) -> Row<'s> {
    let wrong =
        !site.as_usual || site.upstreams_up < site.upstreams || site.server_errors_per_s > 0.0;
    let mark = if wrong { "! " } else { "  " };
    let name = Cell::from(format!("{mark}{}", site.site));
    let figures = columns
        .iter()
        .map(|column| Cell::from((column.value)(site)));
    let way = Cell::from(site.way.as_str());
    let row = Row::new([name].into_iter().chain(figures).chain([way]));
    if wrong {
        row.style(Style::new().add_modifier(Modifier::REVERSED))
    } else {
        row
    }
}

struct Column {
    title: &'static str,
    width: u16,
    only_wide: bool,
    value: fn(&SiteRates) -> String,
}

const COLUMNS: [Column; 9] = [
    column("up", 4, false, |site| {
        format!("{}/{}", site.upstreams_up, site.upstreams)
    }),
    column("req/s", 7, false, |site| number(site.answers_per_s)),
    column("hit %", 6, false, |site| {
        site.hit_percent
            .map_or_else(|| "-".to_owned(), |percent| format!("{percent:.1}"))
    }),
    column("5xx/s", 7, false, |site| number(site.server_errors_per_s)),
    column("4xx/s", 7, true, |site| number(site.client_errors_per_s)),
    column("last-good/s", 11, true, |site| number(site.last_good_per_s)),
    column("origin err/s", 12, true, |site| {
        number(site.origin_errors_per_s)
    }),
    column("asking", 6, true, |site| site.fetching.to_string()),
    column("body/s", 8, false, |site| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rates are finite and never below zero; the cast saturates"
        )]
        output::bytes(site.bytes_per_s as u64)
    }),
];

const fn column(
    title: &'static str,
    width: u16,
    only_wide: bool,
    value: fn(&SiteRates) -> String,
) -> Column {
    Column {
        title,
        width,
        only_wide,
        value,
    }
}

/// A rate with as many digits as can be read at a glance.
fn number(rate: f64) -> String {
    if rate == 0.0 {
        "0".to_owned()
    } else if rate < 10.0 {
        format!("{rate:.1}")
    } else if rate < 100_000.0 {
        format!("{rate:.0}")
    } else {
        format!("{:.0}k", rate / 1000.0)
    }
}

fn marked(text: String) -> Line<'static> {
    Line::from(text).style(Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED))
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::rates::tests::{look, silent};
    use super::*;

    fn rates() -> Rates {
        Rates::between(&look(10, 100, 10, 0), &look(12, 190, 20, 0))
    }

    fn drawn(rates: &Rates, view: &View, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal
            .draw(|frame| draw(frame, Some(rates), view))
            .unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_town_as_usual() {
        let text = as_text(&rates(), 120);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "edge  yagura 1.2.3  up 12 s  generation 4");
        assert!(lines[1].contains("connections 7 (+45/s)"), "{text}");
        assert!(
            lines[3].starts_with("  town   1/2") || lines[3].starts_with("  town   2/2"),
            "{text}"
        );
        for figure in ["50", "90.0", "primary: the only one that answers"] {
            assert!(lines[3].contains(figure), "{figure} is not in {text}");
        }
    }

    #[test]
    fn what_is_wrong_is_marked_in_words() {
        let failing = Rates::between(&look(10, 100, 10, 1), &look(12, 190, 20, 9));
        let text = as_text(&failing, 120);
        assert!(text.contains("! town"), "{text}");
        assert!(text.contains("1/2"), "{text}");
        let text = as_text(&Rates::between(&silent(), &silent()), 80);
        assert!(
            text.starts_with("! /run/a.socket  DOES NOT ANSWER\n"),
            "{text}"
        );
    }

    #[test]
    fn a_narrow_terminal_shows_what_matters_most() {
        let text = as_text(&rates(), 60);
        assert!(text.contains("req/s") && text.contains("5xx/s"), "{text}");
        assert!(!text.contains("origin err/s"), "{text}");
        assert!(text.contains("primary"), "{text}");
    }

    #[test]
    fn scrolling_ends_at_the_last_line() {
        let mut view = View::default();
        view.moved(1000);
        let end = drawn(&rates(), &view, 100, 4);
        assert!(end.contains("town"), "{end}");
        view.moved(i16::MIN);
        let start = drawn(&rates(), &view, 100, 4);
        assert!(start.contains("yagura 1.2.3"), "{start}");
    }

    #[test]
    fn inspection_is_told_in_a_line() {
        let mut rates = rates();
        rates.edges[0].waf = Some(WafRates {
            ready: true,
            workers: 3,
            busy: 1,
            on: vec!["town".to_owned()],
            ..WafRates::default()
        });
        let text = as_text(&rates, 160);
        assert!(text.contains("waf on for town  1 of 3 busy"), "{text}");
        rates.edges[0].waf = Some(WafRates::default());
        assert!(as_text(&rates, 160).contains("waf NOT READY"), "{text}");
    }

    #[test]
    fn any_size_of_terminal_is_drawn_on() {
        for (width, height) in [(1, 1), (2, 40), (300, 2), (80, 24)] {
            let _screen = drawn(&rates(), &View::default(), width, height);
        }
    }
}
