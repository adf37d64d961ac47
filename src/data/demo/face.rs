//! The drawing of a face: identity, strokes, light.

use super::canvas::{Canvas, Point, ellipse_distance, lens_distance};
use super::expression::{Expression, draw_normal};
use crate::data::random::KeyedRng;

/// The features of a face that do not depend on its expression.
#[derive(Debug, Clone, Copy)]
struct Identity {
    skin: f64,
    hair: f64,
    /// Half width of the head.
    breadth: f64,
    /// Lower edge of the hair on the forehead.
    hairline: f64,
    /// Whether hair frames the face.
    long_hair: bool,
    /// Distance of an eye from the middle, and its height.
    eye: Point,
    /// Half width of an eye.
    eye_size: f64,
    brow_width: f64,
    /// Length of the nose.
    nose: f64,
    /// Height and half width of the mouth.
    mouth: Point,
    lips: f64,
    glasses: bool,
    beard: bool,
    /// Sideways shift of the inner face, as when the head turns.
    turn: f64,
}

impl Identity {
    fn draw(random: &mut KeyedRng) -> Self {
        let skin = random.between(120.0, 215.0);
        Self {
            skin,
            hair: random.between(15.0, 0.75 * skin),
            breadth: random.between(0.68, 0.84),
            hairline: random.between(-0.78, -0.55),
            long_hair: random.chance(0.4),
            eye: [random.between(0.29, 0.37), random.between(-0.2, -0.08)],
            eye_size: random.between(0.135, 0.18),
            brow_width: random.between(0.05, 0.1),
            nose: random.between(0.26, 0.38),
            mouth: [random.between(0.47, 0.58), random.between(0.26, 0.34)],
            lips: random.between(0.05, 0.09),
            glasses: random.chance(0.12),
            beard: random.chance(0.1),
            turn: 0.04 * draw_normal(random),
        }
    }
}

/// Draws the expression on a new face: u8 `[side, side]`.
pub(super) fn draw(expression: &Expression, side: usize, random: &mut KeyedRng) -> Vec<u8> {
    let identity = Identity::draw(random);
    #[allow(clippy::cast_precision_loss)]
    let middle = side as f64 / 2.0;
    let centre = [middle + 0.8 * draw_normal(random), middle + 1.0 + 0.8 * draw_normal(random)];
    let scale = middle * random.between(0.85, 0.95);
    let mut canvas = Canvas::new(side, random.between(20.0, 230.0), centre, scale, 0.035 * draw_normal(random));
    draw_head(&mut canvas, &identity);
    for mirror in [-1.0, 1.0] {
        draw_eye(&mut canvas, &identity, expression, mirror, random);
        draw_brow(&mut canvas, &identity, expression, mirror);
        draw_cheek(&mut canvas, &identity, expression, mirror);
    }
    draw_nose(&mut canvas, &identity, expression);
    draw_mouth(&mut canvas, &identity, expression);
    if identity.glasses {
        draw_glasses(&mut canvas, &identity);
    }
    if random.chance(0.1) {
        draw_occlusion(&mut canvas, random);
    }
    render(&canvas, random)
}

fn draw_head(canvas: &mut Canvas, identity: &Identity) {
    canvas.fill_ellipse([0.0, 1.35], [0.95, 0.42], identity.skin * 0.55, 1.0);
    if identity.long_hair {
        canvas.fill_ellipse([0.0, 0.05], [identity.breadth + 0.2, 1.15], identity.hair, 1.0);
    }
    for mirror in [-1.0, 1.0] {
        canvas.fill_ellipse([mirror * (identity.breadth + 0.02), 0.0], [0.1, 0.18], identity.skin * 0.85, 1.0);
    }
    canvas.fill_ellipse([0.0, -0.12], [identity.breadth + 0.06, 0.98], identity.hair, 1.0);
    canvas.fill_ellipse([0.0, 0.06], [identity.breadth, 0.96], identity.skin, 1.0);
    let (breadth, hairline) = (identity.breadth, identity.hairline);
    let forehead = move |point: Point| {
        let head = ellipse_distance(point, [0.0, 0.0], [breadth + 0.03, 1.04]);
        head.max(point[1] - hairline + 0.25 * point[0] * point[0])
    };
    canvas.fill([-1.0, -1.2], [1.0, -0.4], identity.hair, 1.0, forehead);
    if identity.beard {
        let jaw = move |point: Point| {
            let head = ellipse_distance(point, [0.0, 0.06], [breadth, 0.96]);
            head.max(-ellipse_distance(point, [0.0, 0.0], [0.5, 0.74])).max(0.1 - point[1])
        };
        canvas.fill([-1.0, 0.1], [1.0, 1.1], identity.hair, 0.55, jaw);
    }
}

fn draw_eye(canvas: &mut Canvas, identity: &Identity, expression: &Expression, mirror: f64, random: &mut KeyedRng) {
    let centre = [mirror * identity.eye[0] + identity.turn, identity.eye[1]];
    let half = identity.eye_size;
    let open = 0.09 * (1.0 + expression.eyes);
    let below = 0.055 * (1.0 + 0.5 * expression.eyes) * (1.0 - 0.5 * expression.cheeks.min(1.2));
    let socket = [half * 1.45, 0.15];
    canvas.fill_ellipse([centre[0], centre[1] - 0.03], socket, identity.skin * 0.82, 0.6);
    let opening = move |point: Point| lens_distance(point, centre, half, open, below, 0.0);
    let (low, high) = ([centre[0] - half, centre[1] - 0.25], [centre[0] + half, centre[1] + 0.2]);
    canvas.fill(low, high, (identity.skin + 70.0).min(245.0), 1.0, opening);
    let look = centre[0] + 0.02 * draw_normal(random);
    let iris =
        move |point: Point| opening(point).max(ellipse_distance(point, [look, centre[1] - 0.01], [0.075, 0.085]));
    canvas.fill(low, high, 25.0, 1.0, iris);
    let lid = [[centre[0] - half, centre[1]], [centre[0], centre[1] - 2.0 * open], [centre[0] + half, centre[1]]];
    canvas.stroke(lid, 0.045, identity.skin * 0.3, 0.9);
    let under = [[centre[0] - half, centre[1]], [centre[0], centre[1] + 2.0 * below], [centre[0] + half, centre[1]]];
    canvas.stroke(under, 0.03, identity.skin * 0.55, 0.6);
}

fn draw_brow(canvas: &mut Canvas, identity: &Identity, expression: &Expression, mirror: f64) {
    let at = |u: f64, v: f64| [mirror * u + identity.turn, v];
    let rest = identity.eye[1] - 0.21;
    let inner = at(0.15 - 0.04 * expression.furrow, rest - expression.inner_brow);
    let outer = at(identity.eye[0] + 0.22, rest + 0.03 - expression.outer_brow);
    let arch = at(identity.eye[0] + 0.02, rest - 0.09 - 0.5 * (expression.inner_brow + expression.outer_brow));
    canvas.stroke([inner, arch, outer], identity.brow_width, identity.hair * 0.7, 0.95);
    let furrow = [at(0.06, rest - 0.02), at(0.045, rest + 0.05), at(0.06, rest + 0.12)];
    canvas.stroke(furrow, 0.035, identity.skin * 0.55, 0.7 * expression.furrow.min(1.0));
}

fn draw_cheek(canvas: &mut Canvas, identity: &Identity, expression: &Expression, mirror: f64) {
    let at = |u: f64, v: f64| [mirror * u + identity.turn, v];
    let raised = expression.cheeks.min(1.0);
    canvas.fill_ellipse(at(0.42, 0.22 - 0.06 * raised), [0.17, 0.11], identity.skin * 1.12, 0.6 * raised);
    let fold = [at(0.13, 0.2), at(0.3, 0.3), at(identity.mouth[1] + 0.1, identity.mouth[0] - 0.02)];
    canvas.stroke(fold, 0.035, identity.skin * 0.6, 0.15 + 0.5 * raised.max(0.8 * expression.wrinkle.min(1.0)));
}

fn draw_nose(canvas: &mut Canvas, identity: &Identity, expression: &Expression) {
    let top = identity.eye[1] + 0.03;
    let lift = 0.05 * expression.wrinkle.min(1.2);
    let tip = top + identity.nose - lift;
    let at = |u: f64, v: f64| [u + 1.4 * identity.turn, v];
    canvas.stroke([at(0.03, top), at(0.04, tip - 0.1), at(0.09, tip)], 0.045, identity.skin * 0.7, 0.8);
    for mirror in [-1.0, 1.0] {
        canvas.fill_ellipse(at(0.055 * mirror, tip + 0.02), [0.035, 0.025], identity.skin * 0.35, 0.9);
        for line in [0.06, 0.13] {
            let wrinkle = [
                at(0.04 * mirror, top + line),
                at(0.09 * mirror, top + line - 0.03),
                at(0.14 * mirror, top + line + 0.03),
            ];
            canvas.stroke(wrinkle, 0.03, identity.skin * 0.5, 0.75 * expression.wrinkle.min(1.0));
        }
    }
}

fn draw_mouth(canvas: &mut Canvas, identity: &Identity, expression: &Expression) {
    let half = (identity.mouth[1] * (1.0 + expression.width)).max(0.1);
    let raise = 0.06 * expression.wrinkle.min(1.2);
    let centre = [identity.turn, identity.mouth[0] + 0.4 * expression.mouth - 0.4 * expression.corners - raise];
    // The corners rise as far as the middle sags.
    let sag = expression.corners * 1.4;
    let centre = [centre[0], centre[1] - 0.3 * expression.corners];
    let open = expression.mouth;
    let (low, high) = ([centre[0] - half - 0.1, centre[1] - 0.6], [centre[0] + half + 0.1, centre[1] + 0.7]);
    let lips = identity.lips * (1.0 - 0.4 * (expression.furrow * (1.0 - 4.0 * open)).clamp(0.0, 1.0));
    let outline = move |point: Point| {
        lens_distance(point, centre, half + 0.03, open * 0.5 + lips + raise, open * 0.5 + lips * 1.2, sag)
    };
    canvas.fill(low, high, identity.skin * 0.62, 0.9, outline);
    let gap = (open - 0.02).max(0.0) * 0.5;
    let inside = move |point: Point| lens_distance(point, centre, half * 0.92, gap + raise * 0.5, gap, sag);
    if gap > 0.0 {
        canvas.fill(low, high, 30.0, 1.0, inside);
        // Upper teeth are visible when the lips are stretched or drawn back.
        let teeth = (expression.cheeks + expression.wrinkle * 0.7 + expression.width * 2.0).clamp(0.0, 1.0);
        let edge = centre[1] + sag * 0.8 - gap * 0.1;
        canvas.fill(low, high, 225.0, 0.9 * teeth, move |point| inside(point).max(point[1] - edge));
    }
    let line = [[centre[0] - half, centre[1]], [centre[0], centre[1] + 2.0 * sag], [centre[0] + half, centre[1]]];
    if gap <= 0.02 {
        canvas.stroke(line, 0.04, identity.skin * 0.28, 0.95);
    }
    for end in [line[0], line[2]] {
        canvas.fill_ellipse(end, [0.035, 0.035], identity.skin * 0.4, 0.6);
    }
}

fn draw_glasses(canvas: &mut Canvas, identity: &Identity) {
    for mirror in [-1.0, 1.0] {
        let centre = [mirror * identity.eye[0] + identity.turn, identity.eye[1]];
        let ring = move |point: Point| ellipse_distance(point, centre, [0.25, 0.2]).abs() - 0.02;
        canvas.fill([centre[0] - 0.3, centre[1] - 0.3], [centre[0] + 0.3, centre[1] + 0.3], 30.0, 0.9, ring);
    }
    let bridge = [
        [identity.turn - 0.09, identity.eye[1]],
        [identity.turn, identity.eye[1] - 0.05],
        [identity.turn + 0.09, identity.eye[1]],
    ];
    canvas.stroke(bridge, 0.04, 30.0, 0.9);
}

/// Draws an object in front of the face, such as a hand or a strand of hair.
fn draw_occlusion(canvas: &mut Canvas, random: &mut KeyedRng) {
    let centre = [random.between(-0.7, 0.7), random.between(-0.5, 0.9)];
    let radii = [random.between(0.15, 0.35), random.between(0.15, 0.35)];
    canvas.fill_ellipse(centre, radii, random.between(20.0, 220.0), 1.0);
}

/// Adds light from a side, contrast and grain; returns the pixels as bytes.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn render(canvas: &Canvas, random: &mut KeyedRng) -> Vec<u8> {
    let (across, down) = (0.16 * draw_normal(random), 0.12 * draw_normal(random));
    let (contrast, brightness) = (random.between(0.75, 1.1), random.between(-20.0, 20.0));
    let grain = random.between(2.0, 9.0);
    let side = canvas.side;
    let value = |(index, value): (usize, &f64)| {
        let [u, v] = canvas.to_unit([(index % side) as f64, (index / side) as f64]);
        let lit = value * (1.0 + across * u + down * v).max(0.2);
        let noise = grain * draw_normal(random);
        ((lit - 128.0) * contrast + 128.0 + brightness + noise).round().clamp(0.0, 255.0) as u8
    };
    canvas.values.iter().enumerate().map(value).collect()
}
