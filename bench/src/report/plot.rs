//! Bar charts: one block a workload, one bar a peer, as SVG written here and as PNG made of it.
//! What is drawn are ratios to ours, so that blocks of different size can be read side by side.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::{Context, ensure};
use resvg::{tiny_skia, usvg};

use super::table::{self, Column};
use crate::figures::Run;
use crate::peers::OWN;

/// A chart.
#[derive(Clone, Copy)]
pub struct Plot {
    /// Its file, without ending.
    pub name: &'static str,
    title: &'static str,
    note: &'static str,
    column: Column,
}

/// Every chart.
pub const ALL: [Plot; 4] = [
    Plot {
        name: "cpu",
        title: "Server CPU a request, as a ratio to Yagura's",
        note: "shorter is better; the figures are microseconds",
        column: table::CPU,
    },
    Plot {
        name: "rate",
        title: "Requests a second on one core, as a ratio to Yagura's",
        note: "longer is better; the figures are thousands a second",
        column: table::RATE,
    },
    Plot {
        name: "latency",
        title: "The 99th of a hundred answers, as a ratio to Yagura's",
        note: "shorter is better; the figures are microseconds",
        column: table::P99,
    },
    Plot {
        name: "memory",
        title: "Memory of an idle connection, as a ratio to Yagura's",
        note: "shorter is better; the figures are KiB",
        column: table::MEMORY,
    },
];

const WIDTH: f64 = 960.0;
const COLUMN: f64 = 470.0;
const LABEL: f64 = 96.0;
const BAR: f64 = 15.0;
/// Longest bar; a longer one is cut and its figure tells.
const LONGEST: f64 = 250.0;
/// The ratio at which a bar is cut.
const MOST: f64 = 5.0;

impl Plot {
    /// The chart of a run.
    pub fn svg(self, run: &Run) -> String {
        let workloads = table::workloads(run, self.column);
        let mut blocks = String::new();
        let (mut left, mut right) = (64.0, 64.0);
        for (workload, title) in &workloads {
            // Into the shorter of two columns.
            let (x, y) = if left <= right {
                (10.0, &mut left)
            } else {
                (10.0 + COLUMN, &mut right)
            };
            *y += self.block(run, workload, title, (x, *y), &mut blocks);
        }
        let height = f64::max(left, right) + 6.0;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"DejaVu Sans, sans-serif\" font-size=\"11\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"10\" y=\"24\" font-size=\"16\" font-weight=\"bold\" fill=\"#1a1a1a\">{}</text>\n\
             <text x=\"10\" y=\"42\" fill=\"#555555\">{}; {}, {}, median of {} rounds</text>\n{blocks}</svg>\n",
            self.title, self.note, run.machine.processor, run.day, run.rounds
        )
    }

    /// One workload's bars; gives the block's height.
    fn block(
        self,
        run: &Run,
        workload: &str,
        title: &str,
        (x, y): (f64, f64),
        out: &mut String,
    ) -> f64 {
        let value = |peer: &str| (self.column.of)(&run.median(workload, peer)?);
        let Some(own) = value(OWN).filter(|own| *own > 0.0) else {
            return 0.0;
        };
        let _memory_is_there = writeln!(
            out,
            "<text x=\"{x}\" y=\"{}\" font-weight=\"bold\" fill=\"#1a1a1a\">{title}</text>",
            y + 11.0
        );
        let mut line = y + 18.0;
        for peer in table::peers(run) {
            let Some(value) = value(peer) else { continue };
            let ratio = value / own;
            let length = (ratio.min(MOST) / MOST * LONGEST).max(1.0);
            let color = match peer {
                OWN => "#1f6f8b",
                "limit" => "#b9c4c9",
                _ => "#d99a4e",
            };
            let middle = line + BAR - 5.0;
            let _memory_is_there = writeln!(
                out,
                "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\" fill=\"#333333\">{peer}</text>\
                 <rect x=\"{}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\" fill=\"{color}\"/>\
                 <text x=\"{:.1}\" y=\"{middle}\" fill=\"#333333\">{ratio:.2}  ({value:.*})</text>",
                x + LABEL - 6.0,
                x + LABEL,
                line + 1.0,
                BAR - 3.0,
                x + LABEL + length + 5.0,
                self.column.digits
            );
            line += BAR;
        }
        line + 14.0 - y
    }
}

/// The same picture as PNG, twice as large.
pub fn png(svg: &str) -> anyhow::Result<Vec<u8>> {
    const SCALE: f32 = 2.0;
    let mut options = usvg::Options::default();
    Arc::make_mut(&mut options.fontdb).load_system_fonts();
    ensure!(
        !options.fontdb.is_empty(),
        "no font for the plots: install fonts-dejavu-core"
    );
    let tree = usvg::Tree::from_str(svg, &options)?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(SCALE)
        .context("the picture has no size")?;
    let mut picture = tiny_skia::Pixmap::new(size.width(), size.height()).context("no memory")?;
    let twice = tiny_skia::Transform::from_scale(SCALE, SCALE);
    resvg::render(&tree, twice, &mut picture.as_mut());
    Ok(picture.encode_png()?)
}
