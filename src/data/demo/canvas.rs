//! A gray picture with soft-edged filled shapes, given as signed distances.

/// A square gray picture with the face's coordinates: the face's centre is (0, 0), v points down, and the face spans −1
/// to 1.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    pub(super) side: usize,
    /// Gray values in rows, 0 to 255 before clamping.
    pub(super) values: Vec<f64>,
    centre: [f64; 2],
    /// Pixels per unit.
    scale: f64,
    cos: f64,
    sin: f64,
}

/// A point in the face's coordinates.
pub(super) type Point = [f64; 2];

impl Canvas {
    /// Returns a canvas of one gray. The face's centre is at pixel `centre` (x, y). `half_tilt` is the tangent of half
    /// the head's tilt, which avoids sines (they round differently between machines).
    pub(super) fn new(side: usize, gray: f64, centre: [f64; 2], scale: f64, half_tilt: f64) -> Self {
        let square = half_tilt * half_tilt;
        let (cos, sin) = ((1.0 - square) / (1.0 + square), 2.0 * half_tilt / (1.0 + square));
        Self { side, values: vec![gray; side * side], centre, scale, cos, sin }
    }

    /// Paints inside the shape of signed `distance` (in units, negative inside), within the box from `low` to `high`.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn fill(&mut self, low: Point, high: Point, gray: f64, opacity: f64, distance: impl Fn(Point) -> f64) {
        let corners = [low, [high[0], low[1]], [low[0], high[1]], high].map(|corner| self.to_pixel(corner));
        let limit = self.side as f64;
        let reach = |axis: usize| {
            let values = corners.map(|corner| corner[axis]);
            let first = values.iter().copied().fold(limit, f64::min) - 2.0;
            let last = values.iter().copied().fold(0.0, f64::max) + 2.0;
            (first.clamp(0.0, limit) as usize, last.clamp(0.0, limit) as usize)
        };
        let (columns, rows) = (reach(0), reach(1));
        for y in rows.0..rows.1 {
            for x in columns.0..columns.1 {
                let point = self.to_unit([x as f64 + 0.5, y as f64 + 0.5]);
                let coverage = (0.5 - distance(point) * self.scale).clamp(0.0, 1.0) * opacity;
                let value = &mut self.values[y * self.side + x];
                *value += (gray - *value) * coverage;
            }
        }
    }

    /// Paints an ellipse.
    pub(super) fn fill_ellipse(&mut self, centre: Point, radii: Point, gray: f64, opacity: f64) {
        let (low, high) = ([centre[0] - radii[0], centre[1] - radii[1]], [centre[0] + radii[0], centre[1] + radii[1]]);
        self.fill(low, high, gray, opacity, |point| ellipse_distance(point, centre, radii));
    }

    /// Paints a stroke along the quadratic Bézier curve of three points.
    pub(super) fn stroke(&mut self, curve: [Point; 3], width: f64, gray: f64, opacity: f64) {
        const PIECES: usize = 8;
        #[allow(clippy::cast_precision_loss)]
        let points: [Point; PIECES + 1] = std::array::from_fn(|i| bezier(curve, i as f64 / PIECES as f64));
        let bound = |pick: fn(f64, f64) -> f64, axis: usize| points.iter().map(|p| p[axis]).fold(points[0][axis], pick);
        let low = [bound(f64::min, 0) - width, bound(f64::min, 1) - width];
        let high = [bound(f64::max, 0) + width, bound(f64::max, 1) + width];
        self.fill(low, high, gray, opacity, |point| {
            points.windows(2).map(|pair| segment_distance(point, pair[0], pair[1])).fold(f64::INFINITY, f64::min)
                - width / 2.0
        });
    }

    /// Returns the pixel position of a point of the face.
    fn to_pixel(&self, [u, v]: Point) -> [f64; 2] {
        let (x, y) = (u * self.cos - v * self.sin, u * self.sin + v * self.cos);
        [self.centre[0] + x * self.scale, self.centre[1] + y * self.scale]
    }

    /// Returns the point of the face at a pixel position.
    pub(super) fn to_unit(&self, [x, y]: [f64; 2]) -> Point {
        let (x, y) = ((x - self.centre[0]) / self.scale, (y - self.centre[1]) / self.scale);
        [x * self.cos + y * self.sin, y * self.cos - x * self.sin]
    }
}

/// Returns the approximate distance to an ellipse: its implicit function over the length of its gradient.
pub(super) fn ellipse_distance(point: Point, centre: Point, radii: Point) -> f64 {
    let (u, v) = ((point[0] - centre[0]) / radii[0], (point[1] - centre[1]) / radii[1]);
    let length = (u * u + v * v).sqrt();
    let slope = ((u / radii[0]) * (u / radii[0]) + (v / radii[1]) * (v / radii[1])).sqrt();
    if slope < 1e-9 { -radii[0].min(radii[1]) } else { (length - 1.0) * length / slope }
}

/// Returns the distance to the lens between two arcs over the width 2·`half`. `up` and `down` are the arcs' heights
/// above and below the chord, which sags by `sag`; all three are measured in the middle.
pub(super) fn lens_distance(point: Point, centre: Point, half: f64, up: f64, down: f64, sag: f64) -> f64 {
    let (u, v) = ((point[0] - centre[0]) / half, point[1] - centre[1]);
    let bow = 1.0 - u * u;
    let upper = (sag - up) * bow - v;
    let lower = v - (sag + down) * bow;
    upper.max(lower).max((u.abs() - 1.0) * half)
}

fn segment_distance(point: Point, from: Point, to: Point) -> f64 {
    let (along, offset) = ([to[0] - from[0], to[1] - from[1]], [point[0] - from[0], point[1] - from[1]]);
    let square = along[0] * along[0] + along[1] * along[1];
    let part =
        if square > 0.0 { ((offset[0] * along[0] + offset[1] * along[1]) / square).clamp(0.0, 1.0) } else { 0.0 };
    let (x, y) = (offset[0] - part * along[0], offset[1] - part * along[1]);
    (x * x + y * y).sqrt()
}

fn bezier([a, b, c]: [Point; 3], t: f64) -> Point {
    let rest = 1.0 - t;
    std::array::from_fn(|axis| rest * rest * a[axis] + 2.0 * rest * t * b[axis] + t * t * c[axis])
}
