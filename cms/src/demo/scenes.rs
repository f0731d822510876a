//! The pictures: flat scenes of the city, different by seed, each told in words from the same
//! choices it is drawn from.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::canvas::{Canvas, Colour, HEIGHT, WIDTH, mixed};

const WHITE: Colour = [252, 252, 248];
const WALL: Colour = [240, 232, 216];
const GLASS: Colour = [150, 196, 214];
const TRUNK: Colour = [116, 84, 60];
const LEAVES: Colour = [70, 134, 84];
const WATER: Colour = [92, 158, 196];
const STONE: Colour = [150, 150, 152];

/// Skies: what they are called, top, horizon, sun.
const SKIES: [(&str, Colour, Colour, Colour); 4] = [
    (
        "よく晴れた青空",
        [86, 160, 220],
        [206, 234, 246],
        [255, 236, 150],
    ),
    (
        "朝の淡い空",
        [146, 182, 222],
        [252, 232, 210],
        [255, 224, 170],
    ),
    ("夕焼けの空", [96, 96, 160], [250, 182, 120], [255, 150, 90]),
    (
        "春のやわらかな空",
        [150, 198, 226],
        [244, 230, 236],
        [255, 244, 200],
    ),
];

/// Roofs: what they are called, and their colour.
const ROOFS: [(&str, Colour); 4] = [
    ("赤い屋根", [178, 72, 60]),
    ("青い屋根", [64, 100, 150]),
    ("緑の屋根", [72, 118, 92]),
    ("灰色の屋根", [104, 108, 116]),
];

/// A finished picture and what is in it.
pub(super) struct Scene {
    /// The PNG file.
    pub(super) png: Vec<u8>,
    /// What is to be seen, in Japanese.
    pub(super) alt: String,
}

/// Draws a scene of that kind about a subject.
pub(super) fn scene(
    kind: &str,
    subject: &str,
    random: &mut ChaCha8Rng,
) -> Result<Scene, png::EncodingError> {
    let (canvas, told) = match kind {
        "river" => with_backdrop(random, river),
        "sea" => with_backdrop(random, sea),
        "mountain" => with_backdrop(random, mountain),
        "park" => with_backdrop(random, park),
        "town" => with_backdrop(random, town),
        "festival" => festival(random),
        "rain" => rain(),
        "chart" => chart(random),
        "map" => map(random),
        "school" => with_backdrop(random, |canvas, random| building(canvas, random, 3, true)),
        "tower" => with_backdrop(random, |canvas, random| building(canvas, random, 5, false)),
        _ => with_backdrop(random, |canvas, random| building(canvas, random, 2, false)),
    };
    Ok(Scene {
        png: canvas.png()?,
        alt: format!("{subject}のイラスト。{told}"),
    })
}

fn chosen<T: Copy>(items: &[T], random: &mut ChaCha8Rng) -> Option<T> {
    items
        .get(random.random_range(0..items.len().max(1)))
        .copied()
}

/// A sky with sun, clouds and hills, and before it what `draw` adds.
fn with_backdrop(
    random: &mut ChaCha8Rng,
    draw: impl Fn(&mut Canvas, &mut ChaCha8Rng) -> String,
) -> (Canvas, String) {
    let (sky, top, horizon, sun) = chosen(&SKIES, random).unwrap_or(("空", GLASS, WHITE, WHITE));
    let mut canvas = Canvas::sky(top, horizon);
    let place = (
        random.random_range(100..WIDTH - 100),
        random.random_range(70..190),
    );
    canvas.ellipse(place, (52, 52), mixed(sun, horizon, 1, 2));
    canvas.ellipse(place, (40, 40), sun);
    for _ in 0..random.random_range(1..4) {
        cloud(
            &mut canvas,
            (
                random.random_range(60..WIDTH - 60),
                random.random_range(50..170),
            ),
        );
    }
    for (step, base) in (1..).zip([300, 340, 380]) {
        let colour = mixed(horizon, [86, 142, 112], step, 4);
        canvas.land(
            base,
            60 - step * 12,
            f64::from(150 + step * 30),
            random.random_range(0.0..6.0),
            colour,
        );
    }
    let told = draw(&mut canvas, random);
    (canvas, format!("{sky}と緑の丘を背に、{told}"))
}

fn cloud(canvas: &mut Canvas, (x, y): (i32, i32)) {
    for (across, down, size) in [(-44, 8, 26), (-12, -6, 36), (28, 2, 30), (58, 12, 20)] {
        canvas.ellipse((x + across, y + down), (size + 14, size - 6), WHITE);
    }
}

fn tree(canvas: &mut Canvas, (x, y): (i32, i32), size: i32, leaves: Colour) {
    canvas.rectangle(x - size / 10, y - size / 2, size / 5, size / 2, TRUNK);
    canvas.ellipse((x, y - size * 3 / 4), (size / 3, size * 2 / 5), leaves);
    canvas.ellipse(
        (x - size / 9, y - size * 5 / 6),
        (size / 6, size / 5),
        mixed(leaves, WHITE, 1, 6),
    );
}

fn trees(canvas: &mut Canvas, random: &mut ChaCha8Rng, count: i32) {
    let step = WIDTH / (count + 1);
    for number in 1..=count {
        // Half of them left and half right of the middle, so that they hide no building.
        let x = step * number;
        let x = if x < WIDTH / 2 {
            x / 2 + 20
        } else {
            WIDTH - (WIDTH - x) / 2 - 20
        };
        tree(
            canvas,
            (x, 490 + random.random_range(-8..8)),
            random.random_range(90..140),
            LEAVES,
        );
    }
}

fn building(canvas: &mut Canvas, random: &mut ChaCha8Rng, floors: i32, clock: bool) -> String {
    let (roof, colour) = chosen(&ROOFS, random).unwrap_or(("屋根", STONE));
    let columns = random.random_range(6..10);
    let (wide, high) = (columns * 54 + 30, floors * 62 + 30);
    let (left, top) = ((WIDTH - wide) / 2, 470 - high);
    canvas.land(
        452,
        10,
        180.0,
        random.random_range(0.0..6.0),
        [150, 184, 122],
    );
    canvas.rectangle(left, top, wide, high, WALL);
    canvas.slope(
        (WIDTH / 2, top - 44),
        44,
        (wide / 2 - 40, wide / 2 + 18),
        colour,
    );
    for floor in 0..floors {
        for column in 0..columns {
            canvas.rectangle(
                left + 22 + column * 54,
                top + 20 + floor * 62,
                34,
                34,
                GLASS,
            );
            canvas.rectangle(left + 37 + column * 54, top + 20 + floor * 62, 3, 34, WHITE);
        }
    }
    canvas.rectangle(WIDTH / 2 - 46, 470 - 60, 92, 60, mixed(colour, WHITE, 1, 3));
    canvas.rectangle(WIDTH / 2 - 34, 470 - 50, 68, 50, GLASS);
    canvas.rectangle(0, 470, WIDTH, 70, [206, 200, 188]);
    canvas.slope((WIDTH / 2, 470), 70, (50, 130), [228, 222, 208]);
    if clock {
        canvas.ellipse((WIDTH / 2, top - 20), (22, 22), WHITE);
        canvas.rectangle(WIDTH / 2 - 1, top - 36, 3, 17, STONE);
        canvas.rectangle(WIDTH / 2, top - 21, 12, 3, STONE);
    }
    let count = 2 * random.random_range(1..4);
    trees(canvas, random, count);
    let clock = if clock { "時計のある" } else { "" };
    format!("{clock}{roof}の{floors}階建ての建物があり、左右に木が{count}本立っている。")
}

fn river(canvas: &mut Canvas, random: &mut ChaCha8Rng) -> String {
    canvas.land(410, 8, 200.0, 1.0, [132, 176, 112]);
    canvas.slope((WIDTH / 2, 408), HEIGHT - 408, (60, 420), WATER);
    for line in 0..6 {
        canvas.rectangle(
            WIDTH / 2 - 30 - line * 12,
            424 + line * 19,
            60 + line * 24,
            3,
            mixed(WATER, WHITE, 1, 2),
        );
    }
    let arches = random.random_range(3..6);
    canvas.rectangle(0, 396, WIDTH, 20, [196, 120, 96]);
    for arch in 0..=arches {
        canvas.rectangle(arch * WIDTH / arches - 8, 376, 16, 62, [170, 98, 78]);
    }
    trees(canvas, random, 4);
    "広い川がゆったりと流れ、赤茶色の橋がかかっている。岸には木が4本立っている。".to_owned()
}

fn sea(canvas: &mut Canvas, random: &mut ChaCha8Rng) -> String {
    canvas.rectangle(0, 360, WIDTH, 180, WATER);
    for wave in 0..4 {
        let colour = mixed(WATER, [40, 100, 150], wave, 5);
        canvas.land(
            390 + wave * 36,
            6,
            40.0,
            random.random_range(0.0..6.0),
            colour,
        );
    }
    let boats = random.random_range(1..4);
    for boat in 0..boats {
        let (x, y) = (180 + boat * 240, 410 + boat * 26);
        canvas.peak((x, y - 84), 78, 34, WHITE);
        canvas.slope((x, y), 20, (52, 36), [178, 72, 60]);
    }
    canvas.rectangle(820, 250, 34, 120, WHITE);
    canvas.rectangle(820, 286, 34, 26, [178, 72, 60]);
    canvas.peak((837, 222), 30, 24, [178, 72, 60]);
    format!("おだやかな海に帆を張った船が{boats}そう浮かび、右に白い灯台が立っている。")
}

fn mountain(canvas: &mut Canvas, random: &mut ChaCha8Rng) -> String {
    let x = random.random_range(300..660);
    canvas.peak((x, 120), 340, 430, [104, 128, 150]);
    canvas.peak((x, 120), 76, 97, WHITE);
    canvas.land(
        410,
        24,
        130.0,
        random.random_range(0.0..6.0),
        [104, 156, 104],
    );
    canvas.land(
        470,
        14,
        90.0,
        random.random_range(0.0..6.0),
        [132, 180, 110],
    );
    trees(canvas, random, 6);
    "頂に雪の残る高い山がそびえ、ふもとに草原と6本の木がある。".to_owned()
}

fn park(canvas: &mut Canvas, random: &mut ChaCha8Rng) -> String {
    canvas.land(
        400,
        12,
        170.0,
        random.random_range(0.0..6.0),
        [146, 190, 116],
    );
    canvas.ellipse((WIDTH / 2, 470), (210, 38), mixed(WATER, WHITE, 1, 5));
    let blossom = random.random_bool(0.5);
    let leaves = if blossom { [238, 176, 196] } else { LEAVES };
    for (x, y, size) in [
        (120, 450, 170),
        (270, 420, 120),
        (700, 424, 130),
        (840, 456, 180),
    ] {
        tree(canvas, (x, y), size, leaves);
    }
    canvas.rectangle(600, 488, 110, 8, TRUNK);
    canvas.rectangle(612, 496, 8, 20, STONE);
    canvas.rectangle(690, 496, 8, 20, STONE);
    let kind = if blossom {
        "満開の桜"
    } else {
        "葉の茂った木"
    };
    format!("芝生の広場に丸い池とベンチがあり、{kind}が4本並んでいる。")
}

fn town(canvas: &mut Canvas, random: &mut ChaCha8Rng) -> String {
    canvas.rectangle(0, 430, WIDTH, 110, [190, 190, 186]);
    let houses = 8;
    for house in 0..houses {
        let (_, colour) = chosen(&ROOFS, random).unwrap_or(("屋根", STONE));
        let (x, high) = (60 + house * 120, random.random_range(70..130));
        canvas.rectangle(x - 46, 440 - high, 92, high, mixed(WALL, colour, 1, 10));
        canvas.peak((x, 440 - high - 42), 42, 58, colour);
        canvas.rectangle(x - 30, 440 - high + 18, 22, 24, GLASS);
        canvas.rectangle(x + 10, 440 - high + 18, 22, 24, GLASS);
        canvas.rectangle(x - 10, 408, 20, 32, TRUNK);
    }
    for mark in 0..8 {
        canvas.rectangle(30 + mark * 120, 482, 60, 6, WHITE);
    }
    format!("色とりどりの三角屋根の家が{houses}軒、道に沿って並んでいる。")
}

fn festival(random: &mut ChaCha8Rng) -> (Canvas, String) {
    let mut canvas = Canvas::sky([24, 30, 70], [96, 70, 120]);
    let bursts = random.random_range(2..5);
    for burst in 0..bursts {
        let centre = (160 + burst * 210, random.random_range(90..170));
        for (ring, colour) in [
            (74, [250, 200, 110]),
            (56, [244, 130, 120]),
            (36, [250, 240, 180]),
        ] {
            for spark in 0..18 {
                let angle = f64::from(spark) * std::f64::consts::TAU / 18.0;
                let reach = |part: f64| (f64::from(ring) * part) as i32;
                canvas.ellipse(
                    (centre.0 + reach(angle.cos()), centre.1 + reach(angle.sin())),
                    (4, 4),
                    colour,
                );
            }
        }
    }
    canvas.land(400, 26, 160.0, 2.0, [34, 44, 60]);
    canvas.rectangle(0, 440, WIDTH, 100, [58, 52, 60]);
    canvas.rectangle(0, 300, WIDTH, 4, TRUNK);
    for lantern in 0..10 {
        let x = 50 + lantern * 96;
        canvas.ellipse((x, 336), (24, 30), [226, 92, 70]);
        canvas.ellipse((x, 336), (12, 26), [250, 190, 120]);
    }
    (
        canvas,
        format!("夜空に花火が{bursts}つ上がり、手前に赤いちょうちんが10個下がっている。"),
    )
}

fn rain() -> (Canvas, String) {
    let mut canvas = Canvas::sky([84, 96, 112], [156, 166, 176]);
    for (x, y) in [(140, 90), (330, 70), (540, 100), (760, 80), (900, 120)] {
        for (across, size) in [(-60, 40), (0, 60), (60, 44)] {
            canvas.ellipse((x + across, y), (size + 20, size / 2 + 12), [108, 116, 128]);
        }
    }
    canvas.land(380, 30, 170.0, 1.5, [88, 112, 104]);
    canvas.slope((WIDTH / 2, 390), 150, (120, 470), [126, 132, 124]);
    for drop in 0..120 {
        let (column, row) = (drop % 12, drop / 12);
        let (x, y) = (
            column * 80 + row * 29 % 80,
            145 + row * 38 + column * 53 % 38,
        );
        canvas.rectangle(x, y, 2, 18, [196, 208, 220]);
    }
    (
        canvas,
        "暗い雲から強い雨が降り、丘の間の川が茶色くにごって幅いっぱいに流れている。".to_owned(),
    )
}

fn chart(random: &mut ChaCha8Rng) -> (Canvas, String) {
    let mut canvas = Canvas::sky(WHITE, [240, 244, 246]);
    for line in 0..5 {
        canvas.rectangle(90, 90 + line * 85, 800, 2, [212, 216, 220]);
    }
    for bar in 0..5 {
        let high = 130 + (4 - bar) * 42 + random.random_range(0..18);
        let colour = mixed([64, 120, 170], [110, 180, 160], bar, 4);
        canvas.rectangle(150 + bar * 145, 430 - high, 90, high, colour);
    }
    canvas.rectangle(90, 428, 800, 4, STONE);
    let told = "5本の棒グラフが左から右へ少しずつ低くなっている。数値は本文の表に示す。";
    (canvas, told.to_owned())
}

fn map(random: &mut ChaCha8Rng) -> (Canvas, String) {
    let mut canvas = Canvas::sky([236, 240, 226], [236, 240, 226]);
    let across = random.random_range(190..320);
    // One shift for both banks keeps the river as wide everywhere.
    let shift = random.random_range(0.0..6.0);
    canvas.land(across, 50, 150.0, shift, WATER);
    canvas.land(across + 60, 50, 150.0, shift, [226, 232, 210]);
    for road in 0..5 {
        canvas.rectangle(90 + road * 190, 0, 12, HEIGHT, WHITE);
    }
    for road in 0..3 {
        canvas.rectangle(0, 60 + road * 200, WIDTH, 12, WHITE);
    }
    let marks = random.random_range(3..6);
    for mark in 0..marks {
        let y = if mark % 2 == 0 {
            across - 90
        } else {
            across + 150
        };
        let x = 140 + mark * 170;
        canvas.slope((x, y), 26, (12, 2), [206, 66, 56]);
        canvas.ellipse((x, y), (18, 18), [206, 66, 56]);
        canvas.ellipse((x, y), (7, 7), WHITE);
    }
    (
        canvas,
        format!("川と道路をかいた略図で、避難先などの位置を示す赤い印が{marks}か所にある。"),
    )
}
