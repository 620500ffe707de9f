//! Marks that do not lie on each other: where anchors are close, marks move away and a line leads back.

use super::axes::Rect;
use super::canvas::Point;

/// Room that a mark takes about its place: to the left and right, on the side of its label, on the side of its anchor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub side: f64,
    pub label: f64,
    pub bare: f64,
}

impl Room {
    fn about(self, mark: Point, anchor: Point) -> Rect {
        let (above, below) = match labelled_above(mark, anchor) {
            true => (self.label, self.bare),
            false => (self.bare, self.label),
        };
        Rect {
            left: mark.0 - self.side,
            right: mark.0 + self.side,
            top: mark.1 - above,
            bottom: mark.1 + below,
        }
    }
}

/// Whether the label of a mark stands above it, so that the line to its anchor does not pass through it.
pub(super) fn labelled_above(mark: Point, anchor: Point) -> bool {
    mark.1 < anchor.1 - 1.0
}

/// Distances from the anchor that are tried, and directions.
const RADII: [f64; 12] = [
    30.0, 38.0, 46.0, 56.0, 68.0, 82.0, 98.0, 116.0, 136.0, 160.0, 185.0, 210.0,
];
const DIRECTIONS: u32 = 72;

fn overlap(a: &Rect, b: &Rect) -> bool {
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

fn holds(rect: &Rect, (x, y): Point) -> bool {
    (rect.left..=rect.right).contains(&x) && (rect.top..=rect.bottom).contains(&y)
}

/// Whether a line between two points passes through a rectangle.
fn crosses(rect: &Rect, from: Point, to: Point) -> bool {
    const STEPS: u32 = 64;
    (0..=STEPS).any(|i| {
        let part = f64::from(i) / f64::from(STEPS);
        let at = (
            from.0 + part * (to.0 - from.0),
            from.1 + part * (to.1 - from.1),
        );
        holds(rect, at)
    })
}

/// A place for the mark of every anchor, within `frame`: the anchor itself where it stands alone, else one about it,
/// as near as all marks of that anchor find room, so that no mark lies on another, on an anchor or on a line to one.
/// `None` where there is no room.
pub(super) fn places(anchors: &[Point], room: Room, frame: &Rect) -> Option<Vec<Point>> {
    let crowded = |index: usize| {
        let own = room.about(anchors[index], anchors[index]);
        let mut others = anchors.iter().enumerate();
        others.any(|(other, at)| other != index && overlap(&own, &room.about(*at, *at)))
    };
    let mut marks: Vec<Option<Point>> = (0..anchors.len())
        .map(|index| (!crowded(index)).then_some(anchors[index]))
        .collect();
    while let Some(first) = marks.iter().position(Option::is_none) {
        let anchor = anchors[first];
        let members: Vec<usize> = (first..anchors.len())
            .filter(|index| marks[*index].is_none() && same(anchors[*index], anchor))
            .collect();
        let placed: Vec<(Point, Point)> = marks
            .iter()
            .zip(anchors)
            .filter_map(|(mark, from)| Some(((*mark)?, *from)))
            .collect();
        let free = (1..=RADII.len()).find_map(|rings| {
            let free = fan(anchor, &RADII[..rings], anchors, &placed, room, frame);
            (free.len() >= members.len()).then_some(free)
        })?;
        // All round.
        for (turn, index) in members.iter().enumerate() {
            marks[*index] = Some(free[turn * free.len() / members.len()]);
        }
    }
    marks.into_iter().collect()
}

fn same(a: Point, b: Point) -> bool {
    (a.0 - b.0).abs() < 1.0 && (a.1 - b.1).abs() < 1.0
}

/// Places about an anchor that are free and do not lie on each other: in every direction in turn, the nearest.
fn fan(
    anchor: Point,
    radii: &[f64],
    anchors: &[Point],
    placed: &[(Point, Point)],
    room: Room,
    frame: &Rect,
) -> Vec<Point> {
    let mut free: Vec<Point> = Vec::new();
    for direction in 0..DIRECTIONS {
        let angle = std::f64::consts::TAU * f64::from(direction) / f64::from(DIRECTIONS);
        let at = |radius: &f64| {
            (
                anchor.0 + radius * libm::cos(angle),
                anchor.1 + radius * libm::sin(angle),
            )
        };
        let is_free = |at: &Point| {
            let own = room.about(*at, anchor);
            let inside = own.left >= frame.left
                && own.right <= frame.right
                && own.top >= frame.top
                && own.bottom <= frame.bottom;
            let clear = |mark: Point, from: Point| {
                let other = room.about(mark, from);
                !overlap(&own, &other)
                    && !crosses(&own, from, mark)
                    && !crosses(&other, anchor, *at)
            };
            inside
                && !anchors.iter().any(|anchor| holds(&own, *anchor))
                && placed.iter().all(|(mark, from)| clear(*mark, *from))
                && free.iter().all(|mark| clear(*mark, anchor))
        };
        let nearest = radii.iter().map(at).find(is_free);
        free.extend(nearest);
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room {
        side: 12.0,
        label: 20.0,
        bare: 9.0,
    };
    const FRAME: Rect = Rect {
        left: 0.0,
        top: 0.0,
        right: 350.0,
        bottom: 250.0,
    };

    /// Eight marks at one anchor near a corner, three at another, one alone.
    #[test]
    fn no_mark_lies_on_another() {
        let mut anchors = vec![(307.0, 4.0); 8];
        anchors.extend([(120.0, 190.0); 3]);
        anchors.push((307.0, 180.0));
        let marks = places(&anchors, ROOM, &FRAME).expect("there is room");
        assert_eq!(marks[11], anchors[11]);
        let room = |i: usize| ROOM.about(marks[i], anchors[i]);
        for i in 0..marks.len() {
            let own = room(i);
            assert!(own.left >= 0.0 && own.right <= 350.0 && own.bottom <= 250.0);
            for j in (0..marks.len()).filter(|j| *j != i) {
                let (mark, other) = (marks[i], marks[j]);
                assert!(!overlap(&own, &room(j)), "{mark:?} {other:?}");
                assert!(!holds(&own, anchors[j]), "{mark:?} covers {:?}", anchors[j]);
                assert!(!crosses(&own, anchors[j], other), "{mark:?} lies on a line");
            }
        }
    }

    #[test]
    fn where_there_is_no_room_there_are_no_places() {
        assert_eq!(places(&[(20.0, 20.0); 80], ROOM, &FRAME), None);
    }
}
