//! Maps: a quantity over two conditions as cells of colour, with the line on which nothing changes.

use super::axes::{Axes, tidy};
use super::canvas::{Align, Canvas, Point, Stroke, Type};
use super::theme;

/// Steps of colour on either side of 1.
const COLOURS: f64 = 20.0;

/// A region needs this part of the map to be named.
const NAMED: f64 = 0.04;

/// log2 fold changes over a rectangle with scales.
pub(super) struct Map {
    /// Where it lies, with the scales of both conditions.
    pub axes: Axes,
    /// Fold change, in log2, at which the colour is full.
    pub full: f64,
    /// log2 fold change at the corners of cells: rows from below, columns from the left.
    corners: Vec<Vec<f64>>,
}

impl Map {
    /// A map of `cells` (columns, rows) whose corners have the values that `fold` gives to (x, y).
    pub fn new(
        axes: Axes,
        full: f64,
        cells: (usize, usize),
        fold: impl Fn(f64, f64) -> f64,
    ) -> Self {
        let corner = |row: usize, column: usize| {
            let x = axes.x.value(column as f64 / cells.0 as f64);
            let y = axes.y.value(row as f64 / cells.1 as f64);
            libm::log2(fold(x, y))
        };
        Self {
            axes,
            full,
            corners: (0..=cells.1)
                .map(|row| (0..=cells.0).map(|column| corner(row, column)).collect())
                .collect(),
        }
    }

    fn rows(&self) -> usize {
        self.corners.len() - 1
    }

    fn columns(&self) -> usize {
        self.corners[0].len() - 1
    }

    /// Place of a corner, or between corners.
    fn place(&self, row: f64, column: f64) -> Point {
        let rect = &self.axes.rect;
        (
            rect.left + column / self.columns() as f64 * rect.width(),
            rect.bottom - row / self.rows() as f64 * rect.height(),
        )
    }

    fn cell(&self, row: usize, column: usize) -> f64 {
        let c = &self.corners;
        0.25 * (c[row][column] + c[row][column + 1] + c[row + 1][column] + c[row + 1][column + 1])
    }

    /// Draws the cells, the line on which nothing changes and the closed frame without its axes.
    pub fn draw(&self, canvas: &mut Canvas) {
        self.draw_cells(canvas);
        for [a, b] in contour(&self.corners) {
            let line = [self.place(a.0, a.1), self.place(b.0, b.1)];
            canvas.line(&line, Stroke::solid(theme::INK, 1.75));
        }
        let rect = &self.axes.rect;
        let corners = [
            (rect.left, rect.top),
            (rect.right, rect.top),
            (rect.right, rect.bottom),
        ];
        canvas.line(&corners, Stroke::solid(theme::INK, theme::AXIS));
    }

    /// Cells of one colour in a row are drawn as one block.
    fn draw_cells(&self, canvas: &mut Canvas) {
        let shade = |row, column| (self.cell(row, column) / self.full * COLOURS).round();
        for row in 0..self.rows() {
            let mut start = 0;
            for column in 1..=self.columns() {
                let ends = column == self.columns()
                    || shade(row, column).total_cmp(&shade(row, start)).is_ne();
                if ends {
                    let from = self.place(row as f64 + 1.0, start as f64);
                    let to = self.place(row as f64, column as f64);
                    // Overlap hides the seams of antialiasing.
                    let to = ((to.0 + 0.5).min(self.axes.rect.right), to.1);
                    let from = (from.0, (from.1 - 0.5).max(self.axes.rect.top));
                    canvas.block(from, to, theme::diverging(shade(row, start) / COLOURS));
                    start = column;
                }
            }
        }
    }

    /// Writes words into the regions below and above 1, each at its widest place.
    pub fn name_regions(&self, canvas: &mut Canvas, lower: &str, higher: &str) {
        self.name_region(canvas, -1.0, lower);
        self.name_region(canvas, 1.0, higher);
    }

    fn name_region(&self, canvas: &mut Canvas, sign: f64, words: &str) {
        const COARSE: usize = 4;
        let (rows, columns) = (self.rows() / COARSE, self.columns() / COARSE);
        let inside = |row: usize, column: usize| {
            sign * self.cell(row * COARSE + COARSE / 2, column * COARSE + COARSE / 2) > 0.0
        };
        let cells: Vec<(usize, usize)> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .collect();
        let (own, other): (Vec<_>, Vec<_>) = cells.iter().partition(|(r, c)| inside(*r, *c));
        if (own.len() as f64) < NAMED * cells.len() as f64 {
            return;
        }
        // A word is wider than high: room upwards counts more.
        let room = |(row, column): (usize, usize)| {
            let border = (3.0 * (row.min(rows - 1 - row) as f64 + 0.5))
                .min(column.min(columns - 1 - column) as f64 + 0.5);
            other.iter().fold(border, |room, (r, c)| {
                let (dr, dc) = (row.abs_diff(*r) as f64, column.abs_diff(*c) as f64);
                room.min((3.0 * dr).hypot(dc))
            })
        };
        let widest = own.iter().max_by(|a, b| room(**a).total_cmp(&room(**b)));
        if let Some((row, column)) = widest {
            let middle = |index: usize| (index * COARSE + COARSE / 2) as f64;
            let style = Type::new(theme::TEXT, theme::INK)
                .bold()
                .align(Align::Middle);
            canvas.text(self.place(middle(*row), middle(*column)), words, style);
        }
    }
}

/// The bar that explains the colours, from `left` to `right`, with what the folds refer to before it.
pub(super) fn colour_bar(
    canvas: &mut Canvas,
    (left, right): (f64, f64),
    middle: f64,
    full: f64,
    label: &str,
) {
    let steps = 2 * COLOURS as i32;
    let at = |part: f64| left + part * (right - left);
    for step in 0..steps {
        let part = |n: i32| f64::from(n) / f64::from(steps);
        let color = theme::diverging(part(step) + part(step + 1) - 1.0);
        let end = (at(part(step + 1)) + 0.25).min(right);
        canvas.block((at(part(step)), middle - 6.0), (end, middle + 6.0), color);
    }
    let style = Type::new(theme::SMALL, theme::INK).align(Align::Middle);
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let fold = libm::exp2(full * (2.0 * part - 1.0));
        canvas.text((at(part), middle + 17.0), tidy(fold, 2), style);
    }
    let style = Type::new(theme::SMALL, theme::INK).align(Align::End);
    canvas.text((left - 14.0, middle), label, style);
}

/// The line on which a grid is 0, as pieces between edges of cells (marching squares): points are
/// (row, column).
pub(super) fn contour(corners: &[Vec<f64>]) -> Vec<[Point; 2]> {
    let mut pieces = Vec::new();
    for row in 0..corners.len().saturating_sub(1) {
        for column in 0..corners[row].len().saturating_sub(1) {
            let around = [(0, 0), (0, 1), (1, 1), (1, 0)].map(|(r, c)| (row + r, column + c));
            let crossings: Vec<Point> = (0..4)
                .filter_map(|i| {
                    let (a, b) = (around[i], around[(i + 1) % 4]);
                    let (from, to) = (corners[a.0][a.1], corners[b.0][b.1]);
                    ((from < 0.0) != (to < 0.0) && from.is_finite() && to.is_finite()).then(|| {
                        let part = from / (from - to);
                        let along = |a: usize, b: usize| a as f64 + part * (b as f64 - a as f64);
                        (along(a.0, b.0), along(a.1, b.1))
                    })
                })
                .collect();
            pieces.extend(crossings.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contour_of_a_plane_is_straight() {
        let plane: Vec<Vec<f64>> = (0..5)
            .map(|_| (0..5).map(|column| f64::from(column) - 1.5).collect())
            .collect();
        let pieces = contour(&plane);
        assert_eq!(pieces.len(), 4);
        assert!(
            pieces
                .iter()
                .flatten()
                .all(|point| (point.1 - 1.5).abs() < 1e-12)
        );
        assert!(contour(&[vec![1.0, 2.0], vec![f64::NAN, 3.0]]).is_empty());
    }
}
