//! A sheet of shapes in CSS pixels, drawn by plotters to SVG and by resvg from that SVG to PNG.
//!
//! plotters writes integer coordinates into SVG, so the sheet is drawn four times as large and
//! shown through a `viewBox` of its wanted size.

use crate::error::{Error, Result};
use plotters::prelude::{
    Circle, DrawingBackend, IntoDrawingArea, PathElement, Polygon, Rectangle, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color as _, FontDesc, FontFamily, FontStyle, FontTransform, IntoTextStyle, ShapeStyle,
    TextStyle, register_font,
};
use resvg::{tiny_skia, usvg};
use std::sync::{Arc, LazyLock};

/// A colour, red green blue.
pub use plotters::style::RGBColor as Color;

/// Font of all text; the first name is embedded for the PNG.
pub const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Units of the drawing per CSS pixel.
const SCALE: f64 = 4.0;

/// Pixels of the PNG per CSS pixel.
const DENSITY: f32 = 2.0;

/// plotters divides font sizes by this before it writes them.
const PLOTTERS_EM: f64 = 1.24;

/// plotters measures text by its line height (ascent and descent of DejaVu Sans), not by its em.
const LINE_HEIGHT: f64 = 2384.0 / 2048.0;

/// Where plotters' SVG puts the baseline below the top of a text, in em.
const TOP_TO_BASELINE: f64 = 0.76;

/// Half the height of a capital, in em.
const HALF_CAPITAL: f64 = 0.365;

/// Largest distance of a dropped point from the drawn curve, in CSS pixels.
const TOLERANCE: f64 = 0.1;

/// A place on the sheet, from its upper left corner.
pub type Point = (f64, f64);

/// Whether a line is drawn through or broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dash {
    /// Drawn through.
    #[default]
    Solid,
    /// Dashes.
    Dashed,
    /// Dots.
    Dotted,
}

impl Dash {
    fn lengths(self, width: f64) -> Option<(f64, f64)> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some((3.2 * width, 2.0 * width)),
            Self::Dotted => Some((1.1 * width, 1.6 * width)),
        }
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Colour.
    pub color: Color,
    /// Width.
    pub width: f64,
    /// Pattern.
    pub dash: Dash,
}

impl Stroke {
    /// A line that is drawn through.
    pub fn solid(color: Color, width: f64) -> Self {
        Self {
            color,
            width,
            dash: Dash::Solid,
        }
    }

    /// The same line with a pattern.
    pub fn dash(self, dash: Dash) -> Self {
        Self { dash, ..self }
    }
}

/// Which part of a text lies at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Its start.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// How text is set; its capitals are centred on its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Type {
    /// Size of the em.
    pub size: f64,
    /// Colour.
    pub color: Color,
    /// Weight.
    pub bold: bool,
    /// Horizontal alignment.
    pub align: Align,
    /// Whether it runs upwards.
    pub upwards: bool,
}

impl Type {
    /// Upright text of a size and colour that starts at its place.
    pub fn new(size: f64, color: Color) -> Self {
        Self {
            size,
            color,
            bold: false,
            align: Align::Start,
            upwards: false,
        }
    }

    /// The same in bold.
    pub fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// The same with another alignment.
    pub fn align(self, align: Align) -> Self {
        Self { align, ..self }
    }

    /// The same running upwards.
    pub fn upwards(self) -> Self {
        Self {
            upwards: true,
            ..self
        }
    }
}

enum Shape {
    Path(Vec<Point>, Color, f64),
    Fill(Vec<Point>, Color),
    Block(Point, Point, Color),
    Disc(Point, f64, Color),
    Text(Point, String, Type),
}

/// Shapes in the order in which they are laid over each other.
pub struct Canvas {
    size: Point,
    shapes: Vec<Shape>,
}

impl Canvas {
    /// An empty sheet.
    pub fn new(width: f64, height: f64) -> Self {
        Self {
            size: (width, height),
            shapes: Vec::new(),
        }
    }

    /// A line through points; less than two draw nothing.
    pub fn line(&mut self, points: &[Point], stroke: Stroke) {
        let points = simplified(points);
        if points.len() < 2 {
            return;
        }
        match stroke.dash.lengths(stroke.width) {
            None => self
                .shapes
                .push(Shape::Path(points, stroke.color, stroke.width)),
            Some((on, off)) => {
                for dash in dashes(&points, on, off) {
                    self.shapes
                        .push(Shape::Path(dash, stroke.color, stroke.width));
                }
            }
        }
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: &[Point], color: Color) {
        self.shapes.push(Shape::Fill(points.to_vec(), color));
    }

    /// A filled rectangle between two corners.
    pub fn block(&mut self, from: Point, to: Point, color: Color) {
        self.shapes.push(Shape::Block(from, to, color));
    }

    /// A filled circle.
    pub fn disc(&mut self, centre: Point, radius: f64, color: Color) {
        self.shapes.push(Shape::Disc(centre, radius, color));
    }

    /// A circle with an outline over paper.
    pub fn ring(&mut self, centre: Point, radius: f64, color: Color, width: f64) {
        self.disc(centre, radius, color);
        self.disc(centre, radius - width, super::theme::PAPER);
    }

    /// A square on its corner, filled, with its outline.
    pub fn diamond(&mut self, centre: Point, radius: f64, outline: Color, fill: Color, width: f64) {
        let corners = |r: f64| {
            let (x, y) = centre;
            [(x, y - r), (x + r, y), (x, y + r), (x - r, y)]
        };
        self.polygon(&corners(radius), outline);
        self.polygon(&corners(radius - width * std::f64::consts::SQRT_2), fill);
    }

    /// A triangle at `tip` that points from `from` to it.
    pub fn arrowhead(&mut self, from: Point, tip: Point, size: f64, color: Color) {
        let (dx, dy) = (tip.0 - from.0, tip.1 - from.1);
        let length = dx.hypot(dy);
        if length <= 0.0 {
            return;
        }
        let (ux, uy) = (dx / length, dy / length);
        let back = (tip.0 - size * ux, tip.1 - size * uy);
        let half = 0.45 * size;
        self.polygon(
            &[
                tip,
                (back.0 - half * uy, back.1 + half * ux),
                (back.0 + half * uy, back.1 - half * ux),
            ],
            color,
        );
    }

    /// A line of text.
    pub fn text(&mut self, at: Point, text: impl Into<String>, style: Type) {
        self.shapes.push(Shape::Text(at, text.into(), style));
    }

    /// A line of text on a paper ground, to be read over curves.
    pub fn tag(&mut self, at: Point, text: &str, style: Type) {
        let width = text_width(text, style.size, style.bold);
        let left = match style.align {
            Align::Start => at.0,
            Align::Middle => at.0 - 0.5 * width,
            Align::End => at.0 - width,
        };
        let half = 0.56 * style.size;
        self.block(
            (left - 2.0, at.1 - half),
            (left + width + 2.0, at.1 + half),
            super::theme::PAPER,
        );
        self.text(at, text, style);
    }

    /// The sheet as SVG and PNG; `name` is that of the figure, for errors.
    ///
    /// # Errors
    /// A shape that cannot be drawn, or an SVG that cannot be rendered.
    pub fn finish(self, name: &str) -> Result<(String, Vec<u8>)> {
        let svg = self
            .svg()
            .map_err(|cause| Error::output(format!("{name}.svg"), cause))?;
        let png = png(&svg).map_err(|cause| Error::output(format!("{name}.png"), cause))?;
        Ok((svg, png))
    }

    fn svg(&self) -> std::result::Result<String, String> {
        LazyLock::force(&FONTS).as_ref().map_err(Clone::clone)?;
        let size = (
            (self.size.0 * SCALE).round() as u32,
            (self.size.1 * SCALE).round() as u32,
        );
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            area.fill(&super::theme::PAPER).map_err(|e| e.to_string())?;
            for shape in &self.shapes {
                draw(&area, shape).map_err(|e| e.to_string())?;
            }
            area.present().map_err(|e| e.to_string())?;
        }
        let header = format!("<svg width=\"{}\" height=\"{}\" ", size.0, size.1);
        let body = svg
            .strip_prefix(&header)
            .ok_or("the head of the SVG is not as expected")?;
        Ok(format!(
            "<svg width=\"{}\" height=\"{}\" stroke-linejoin=\"round\" {body}",
            self.size.0, self.size.1
        ))
    }
}

type Area<'a> = plotters::drawing::DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type DrawingResult<'a> = std::result::Result<
    (),
    plotters::drawing::DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>,
>;

fn draw<'a>(area: &Area<'a>, shape: &Shape) -> DrawingResult<'a> {
    match shape {
        Shape::Path(points, color, width) => {
            let style: ShapeStyle = color.stroke_width((width * SCALE).round().max(1.0) as u32);
            area.draw(&PathElement::new(scaled(points), style))
        }
        Shape::Fill(points, color) => area.draw(&Polygon::new(scaled(points), color.filled())),
        Shape::Block(from, to, color) => {
            area.draw(&Rectangle::new([units(*from), units(*to)], color.filled()))
        }
        Shape::Disc(centre, radius, color) => area.draw(&Circle::new(
            units(*centre),
            (radius * SCALE).round() as i32,
            color.filled(),
        )),
        Shape::Text(at, text, style) => area.draw(&Text::new(
            text.clone(),
            text_origin(*at, style),
            text_style(style),
        )),
    }
}

/// Where plotters must be told to put a text for its capitals to be centred on a place.
fn text_origin(at: Point, style: &Type) -> (i32, i32) {
    let rise = (TOP_TO_BASELINE - HALF_CAPITAL) * style.size;
    units(if style.upwards {
        (at.0 - rise, at.1)
    } else {
        (at.0, at.1 - rise)
    })
}

fn text_style(style: &Type) -> TextStyle<'_> {
    let transform = if style.upwards {
        FontTransform::Rotate270
    } else {
        FontTransform::None
    };
    let horizontal = match style.align {
        Align::Start => HPos::Left,
        Align::Middle => HPos::Center,
        Align::End => HPos::Right,
    };
    font(style.size, style.bold)
        .transform(transform)
        .into_text_style(&(0, 0))
        .color(&style.color)
        .pos(Pos::new(horizontal, VPos::Top))
}

fn font(size: f64, bold: bool) -> FontDesc<'static> {
    let style = if bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    FontDesc::new(FontFamily::Name(FAMILY), size * SCALE * PLOTTERS_EM, style)
}

/// Width of a text in CSS pixels.
pub fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    let measured = LazyLock::force(&FONTS)
        .is_ok()
        .then(|| font(size, bold).layout_box(text).ok())
        .flatten();
    match measured {
        Some((from, to)) => f64::from(to.0 - from.0) * LINE_HEIGHT / PLOTTERS_EM / SCALE,
        None => 0.6 * size * text.chars().count() as f64,
    }
}

fn units(point: Point) -> (i32, i32) {
    (
        (point.0 * SCALE).round() as i32,
        (point.1 * SCALE).round() as i32,
    )
}

fn scaled(points: &[Point]) -> Vec<(i32, i32)> {
    points.iter().copied().map(units).collect()
}

/// The curve without the points that nobody would miss (Ramer, Douglas and Peucker).
fn simplified(points: &[Point]) -> Vec<Point> {
    if points.len() < 3 {
        return points.to_vec();
    }
    let mut keep = vec![false; points.len()];
    keep[0] = true;
    keep[points.len() - 1] = true;
    let mut pending = vec![(0, points.len() - 1)];
    while let Some((first, last)) = pending.pop() {
        let farthest = (first + 1..last)
            .map(|i| (i, distance(points[i], points[first], points[last])))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((index, distance)) = farthest
            && distance > TOLERANCE
        {
            keep[index] = true;
            pending.push((first, index));
            pending.push((index, last));
        }
    }
    points
        .iter()
        .zip(keep)
        .filter_map(|(point, keep)| keep.then_some(*point))
        .collect()
}

/// Distance of a point from the line piece between two others.
fn distance(point: Point, from: Point, to: Point) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (px, py) = (point.0 - from.0, point.1 - from.1);
    let square = dx * dx + dy * dy;
    let part = if square > 0.0 {
        ((px * dx + py * dy) / square).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (px - part * dx).hypot(py - part * dy)
}

/// The pieces of a line that a pattern leaves.
fn dashes(points: &[Point], on: f64, off: f64) -> Vec<Vec<Point>> {
    let mut dashes = Vec::new();
    let mut current = vec![points[0]];
    let (mut drawing, mut left) = (true, on);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        let mut length = (to.0 - from.0).hypot(to.1 - from.1);
        while length > left {
            let part = left / length;
            from = (
                from.0 + part * (to.0 - from.0),
                from.1 + part * (to.1 - from.1),
            );
            length -= left;
            if drawing {
                current.push(from);
                dashes.push(std::mem::take(&mut current));
            } else {
                current = vec![from];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length;
        if drawing {
            current.push(to);
        }
    }
    if drawing && current.len() > 1 {
        dashes.push(current);
    }
    dashes
}

/// Registers the embedded faces with plotters, once per process.
static FONTS: LazyLock<std::result::Result<(), String>> = LazyLock::new(|| {
    let faces = [
        (FontStyle::Normal, dejavu::sans::regular()),
        (FontStyle::Bold, dejavu::sans::bold()),
    ];
    for (style, bytes) in faces {
        register_font(FAMILY, style, bytes).map_err(|_| "the embedded font cannot be read")?;
    }
    Ok(())
});

/// The embedded faces for the renderer.
static FONT_DATABASE: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
    let mut database = usvg::fontdb::Database::new();
    database.load_font_data(dejavu::sans::regular().to_vec());
    database.load_font_data(dejavu::sans::bold().to_vec());
    Arc::new(database)
});

fn png(svg: &str) -> std::result::Result<Vec<u8>, String> {
    let options = usvg::Options {
        fontdb: FONT_DATABASE.clone(),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|e| e.to_string())?;
    let pixels = |length: f32| (length * DENSITY).ceil() as u32;
    let size = tree.size();
    let mut pixmap = tiny_skia::Pixmap::new(pixels(size.width()), pixels(size.height()))
        .ok_or("the figure has no size")?;
    resvg::render(
        &tree,
        tiny_skia::Transform::from_scale(DENSITY, DENSITY),
        &mut pixmap.as_mut(),
    );
    pixmap.encode_png().map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::theme::{INK, PAPER};

    #[test]
    fn a_rendered_sheet_is_not_blank() {
        let mut canvas = Canvas::new(80.0, 40.0);
        canvas.text(
            (40.0, 20.0),
            "HIF-2α",
            Type::new(13.0, INK).align(Align::Middle),
        );
        let (svg, png) = canvas.finish("test").expect("drawn");
        assert!(svg.starts_with("<svg width=\"80\" height=\"40\""));
        assert!(svg.contains("viewBox=\"0 0 320 160\""));
        let pixmap = tiny_skia::Pixmap::decode_png(&png).expect("a PNG");
        assert_eq!((pixmap.width(), pixmap.height()), (160, 80));
        let dark = pixmap.pixels().iter().filter(|p| p.red() < 128).count();
        assert!(dark > 100, "{dark} dark pixels");
    }

    #[test]
    fn measured_and_drawn_text_agree() {
        let text = "HIF-2α in the tumour (mmHg)";
        let mut canvas = Canvas::new(300.0, 30.0);
        canvas.text((10.0, 15.0), text, Type::new(14.0, INK));
        let (_, png) = canvas.finish("test").expect("drawn");
        let pixmap = tiny_skia::Pixmap::decode_png(&png).expect("a PNG");
        let width = pixmap.width() as usize;
        let last = pixmap
            .pixels()
            .iter()
            .enumerate()
            .filter(|(_, p)| p.red() < 200)
            .map(|(i, _)| i % width)
            .max()
            .expect("some ink");
        let drawn = last as f64 / f64::from(DENSITY) - 10.0;
        let measured = text_width(text, 14.0, false);
        assert!(
            (drawn - measured).abs() < 3.0,
            "{drawn} drawn, {measured} measured"
        );
    }

    #[test]
    fn straight_stretches_lose_their_points_and_corners_stay() {
        let points: Vec<Point> = (0..=10).map(|i| (f64::from(i), 0.0)).collect();
        assert_eq!(simplified(&points).len(), 2);
        assert_eq!(simplified(&[(0.0, 0.0), (5.0, 9.0), (10.0, 0.0)]).len(), 3);
    }

    #[test]
    fn dashes_cover_their_share_of_a_line() {
        let pieces = dashes(&[(0.0, 0.0), (3.0, 0.0), (10.0, 0.0)], 2.0, 1.0);
        let drawn: f64 = pieces.iter().map(|p| p[p.len() - 1].0 - p[0].0).sum();
        assert!((drawn - 7.0).abs() < 1e-9, "{drawn}");
    }

    #[test]
    fn drawing_twice_gives_the_same_bytes() {
        let sheet = || {
            let mut canvas = Canvas::new(60.0, 60.0);
            canvas.disc((30.0, 30.0), 20.0, INK);
            canvas.ring((30.0, 30.0), 10.0, PAPER, 2.0);
            canvas.finish("test").expect("drawn")
        };
        assert_eq!(sheet(), sheet());
    }
}
