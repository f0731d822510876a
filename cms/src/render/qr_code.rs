//! A QR code as the outline of its dark squares, for the `path` of an SVG.

use std::fmt::Write;

use fast_qr::{ECL, QRBuilder};

/// Light squares around the code, without which it is not found (ISO/IEC 18004 section 6.3.8).
const QUIET: usize = 4;

/// A picture of a text.
pub struct QrCode {
    /// Width and height of the picture, its quiet zone included, in squares.
    pub size: usize,
    /// The dark squares.
    pub outline: String,
}

/// The QR code of a text; none for a text that is too long for one.
#[must_use]
pub fn of(text: &str) -> Option<QrCode> {
    let code = QRBuilder::new(text).ecl(ECL::M).build().ok()?;
    let mut outline = String::new();
    for row in 0..code.size {
        let dark = |column: usize| {
            let squares = code.data.get(row * code.size + column);
            column < code.size && squares.is_some_and(|square| square.value())
        };
        // One rectangle for each run of dark squares keeps the page small.
        let mut column = 0;
        while column < code.size {
            let run = (column..).take_while(|at| dark(*at)).count();
            if run > 0 {
                let (x, y) = (column + QUIET, row + QUIET);
                let _never_fails = write!(outline, "M{x} {y}h{run}v1h-{run}z");
            }
            column += run.max(1);
        }
    }
    Some(QrCode {
        size: code.size + 2 * QUIET,
        outline,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The squares that the outline fills.
    fn filled(picture: &QrCode) -> Vec<Vec<bool>> {
        let mut squares = vec![vec![false; picture.size]; picture.size];
        for rectangle in picture.outline.split('M').skip(1) {
            let (start, rest) = rectangle.split_once('h').unwrap();
            let (x, y) = start.split_once(' ').unwrap();
            let (run, rest) = rest.split_once('v').unwrap();
            assert_eq!(rest, format!("1h-{run}z"));
            let x: usize = x.parse().unwrap();
            let row = &mut squares[y.parse::<usize>().unwrap()];
            row[x..x + run.parse::<usize>().unwrap()].fill(true);
        }
        squares
    }

    /// That a reader of QR codes finds the text is a story of the browser's; here is the shape.
    #[test]
    fn the_three_corners_are_drawn_and_the_rim_is_light() {
        let picture =
            of("otpauth://totp/staff.town.example:hanako?secret=GEZDGNBVGY3TQOJQ").unwrap();
        let squares = filled(&picture);
        let last = picture.size - 1 - QUIET;
        for (row, column) in [(QUIET, QUIET), (QUIET, last - 6), (last - 6, QUIET)] {
            let finder = |y: usize, x: usize| squares[row + y][column + x];
            for at in 0..7 {
                assert!(finder(0, at) && finder(6, at) && finder(at, 0) && finder(at, 6));
            }
            assert!(!finder(1, 1) && finder(3, 3));
        }
        assert!(!squares[..QUIET].concat().contains(&true));
        assert!(
            squares
                .iter()
                .all(|row| !row[picture.size - QUIET..].contains(&true))
        );
    }

    #[test]
    fn what_fits_no_code_has_no_picture() {
        assert!(of(&"x".repeat(5000)).is_none());
    }
}
