//! A small canvas of at most 256 colours that becomes a PNG picture.
//!
//! Shapes are filled row by row, so that drawing is quick even without optimisation.

use std::ops::Range;

/// A colour: red, green, blue.
pub(super) type Colour = [u8; 3];

/// The width of every picture.
pub(super) const WIDTH: i32 = 960;
/// The height of every picture.
pub(super) const HEIGHT: i32 = 540;

/// A picture under way.
pub(super) struct Canvas {
    pixels: Vec<u8>,
    palette: Vec<Colour>,
}

impl Canvas {
    /// A sky that goes from one colour at the top to another at the horizon.
    pub(super) fn sky(top: Colour, horizon: Colour) -> Self {
        const BANDS: i32 = 45;
        let mut canvas = Self {
            pixels: vec![0; usize_of(WIDTH) * usize_of(HEIGHT)],
            palette: Vec::new(),
        };
        canvas.rectangle(0, 0, WIDTH, HEIGHT, horizon);
        for band in 0..BANDS {
            // The horizon lies at two thirds of the height.
            let colour = mixed(top, horizon, band, BANDS - 1);
            canvas.rectangle(0, band * 8, WIDTH, 8, colour);
        }
        canvas
    }

    fn ink(&mut self, colour: Colour) -> u8 {
        let known = self.palette.iter().position(|other| *other == colour);
        let index = known.unwrap_or_else(|| {
            if self.palette.len() < 256 {
                self.palette.push(colour);
            }
            self.palette.len().saturating_sub(1)
        });
        u8::try_from(index).unwrap_or(u8::MAX)
    }

    fn span(&mut self, y: i32, x: Range<i32>, ink: u8) {
        if !(0..HEIGHT).contains(&y) {
            return;
        }
        let row = usize_of(y) * usize_of(WIDTH);
        let (from, to) = (
            usize_of(x.start.clamp(0, WIDTH)),
            usize_of(x.end.clamp(0, WIDTH)),
        );
        if let Some(pixels) = self.pixels.get_mut(row + from..row + to.max(from)) {
            pixels.fill(ink);
        }
    }

    /// A rectangle by its upper left corner.
    pub(super) fn rectangle(&mut self, x: i32, y: i32, width: i32, height: i32, colour: Colour) {
        let ink = self.ink(colour);
        for row in y..y + height {
            self.span(row, x..x + width, ink);
        }
    }

    /// An ellipse by its centre.
    pub(super) fn ellipse(&mut self, (x, y): (i32, i32), (wide, high): (i32, i32), colour: Colour) {
        let ink = self.ink(colour);
        for row in -high..=high {
            let part = f64::from(row) / f64::from(high.max(1));
            let half = whole(f64::from(wide) * (1.0 - part * part).max(0.0).sqrt());
            self.span(y + row, x - half..x + half, ink);
        }
    }

    /// A triangle that stands on a level line: its top, the height, half of the width.
    pub(super) fn peak(&mut self, (x, y): (i32, i32), height: i32, half: i32, colour: Colour) {
        let ink = self.ink(colour);
        for row in 0..height {
            let reach = half * row / height.max(1);
            self.span(y + row, x - reach..x + reach, ink);
        }
    }

    /// A trapezium that gets wider downwards: a roof, a road seen along its length.
    pub(super) fn slope(
        &mut self,
        (x, y): (i32, i32),
        height: i32,
        halves: (i32, i32),
        colour: Colour,
    ) {
        let ink = self.ink(colour);
        for row in 0..height {
            let reach = halves.0 + (halves.1 - halves.0) * row / height.max(1);
            self.span(y + row, x - reach..x + reach, ink);
        }
    }

    /// Everything below a wavy line: a hill, waves, a bank.
    pub(super) fn land(&mut self, base: i32, swell: i32, length: f64, shift: f64, colour: Colour) {
        let ink = self.ink(colour);
        let line = |x: i32| {
            let along = f64::from(x) / length + shift;
            base - whole(f64::from(swell) * (along.sin() * 0.7 + (along * 2.3 + shift).sin() * 0.3))
        };
        let tops: Vec<i32> = (0..WIDTH).map(line).collect();
        for row in base - swell..base + swell {
            let mut start = None;
            for (x, top) in (0..).zip(tops.iter().copied().chain([HEIGHT + swell])) {
                match (row >= top, start) {
                    (true, None) => start = Some(x),
                    (false, Some(from)) => {
                        self.span(row, from..x, ink);
                        start = None;
                    }
                    _ => {}
                }
            }
        }
        for row in base + swell..HEIGHT {
            self.span(row, 0..WIDTH, ink);
        }
    }

    /// The picture as a PNG file.
    pub(super) fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let side = |length: i32| u32::try_from(length).unwrap_or(0);
        let mut encoder = png::Encoder::new(&mut file, side(WIDTH), side(HEIGHT));
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(self.palette.concat());
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.pixels)?;
        writer.finish()?;
        Ok(file)
    }
}

/// A colour between two, `part` of `whole` on the way.
pub(super) fn mixed(from: Colour, to: Colour, part: i32, whole: i32) -> Colour {
    let [red, green, blue] = from;
    let [to_red, to_green, to_blue] = to;
    let mix = |a: u8, b: u8| {
        let value = i32::from(a) + (i32::from(b) - i32::from(a)) * part / whole.max(1);
        u8::try_from(value.clamp(0, 255)).unwrap_or(0)
    };
    [mix(red, to_red), mix(green, to_green), mix(blue, to_blue)]
}

fn usize_of(length: i32) -> usize {
    usize::try_from(length).unwrap_or(0)
}

/// The nearest whole number; lengths here are far within the range.
fn whole(length: f64) -> i32 {
    length.round() as i32
}
