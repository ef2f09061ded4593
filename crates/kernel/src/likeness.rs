//! How like two issues are: how near, and in how many words; and by what such issues are found among thousands.
//!
//! Two texts are compared by their pairs of neighbouring characters, which needs no dictionary and fits Chinese. Issues in like
//! words are found by a sketch of these pairs: of each of some random orders of all pairs the first one that the text has. Two texts
//! agree in one of them with the probability that a pair of either is in both.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::GridCode;

/// Characters of a description that are compared.
const DESCRIPTION_CHARS_MAX: usize = 300;
/// The side of a cell in degrees: 111 m of latitude, 95 m of longitude in Shanghai.
const CELL_DEGREES: f64 = 0.001;
/// Metres of a degree of latitude, on a sphere with the mean radius of the earth (6,371,008.8 m).
const METRES_OF_DEGREE: f64 = 111_195.08;
/// Most cells to either side of a place: near the poles a degree of longitude has no length.
const CELLS_ASIDE_MAX: i64 = 10;
/// Values of a sketch. With [`ORDERS`] orders in each, of texts that share 6 pairs in 10 (by [`Likeness::percent`]) 94 in 100 agree in
/// one of them, of those that share 7 in 10 more than 99, of those that share 1 in 10 four.
const VALUES: u64 = 16;
/// Orders that one value of a sketch stands for.
const ORDERS: u64 = 2;

/// The farthest that two issues may be apart and still be taken to be near: what the cells are made for.
pub const METRES_MAX: u32 = 200;

/// What was told of an issue, and where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Told {
    /// What it is, in a line.
    pub title: String,
    /// The first 300 characters of what was found.
    pub description: String,
    /// The grid in which it is and every grid above it, itself first.
    pub grids: Vec<GridCode>,
    /// WGS 84 longitude in degrees, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// WGS 84 latitude in degrees, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
}

/// From when on two issues are like enough to be shown to whoever works on one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LikenessLimits {
    /// Not farther apart than so many metres, at most [`METRES_MAX`].
    pub metres_max: u32,
    /// Or at least so much of their words in common, 1 to 100.
    pub percent_min: u8,
}

/// Why two issues may be one. At least one of the two is within its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Likeness {
    /// Metres between the places, where both are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metres: Option<u32>,
    /// The share of neighbouring characters that title and description have in common, in percent (Dice's coefficient).
    pub percent: u8,
}

/// An issue that may be the same as another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Similar {
    /// Its aggregate.
    pub id: uuid::Uuid,
    /// Why.
    pub likeness: Likeness,
}

impl Told {
    /// What was told. The place is longitude and latitude.
    pub fn new(title: &str, description: &str, grids: &[GridCode], place: Option<(f64, f64)>) -> Self {
        Self {
            title: title.to_owned(),
            description: description.chars().take(DESCRIPTION_CHARS_MAX).collect(),
            grids: grids.to_vec(),
            longitude: place.map(|(longitude, _)| longitude),
            latitude: place.map(|(_, latitude)| latitude),
        }
    }

    /// How like the other one is, where it is like enough.
    pub fn likeness(&self, other: &Self, limits: LikenessLimits) -> Option<Likeness> {
        let metres = self.place().zip(other.place()).map(|(one, other)| metres_between(one, other));
        let percent = share_of(&self.pairs(), &other.pairs());
        let is_like = metres.is_some_and(|metres| metres <= limits.metres_max) || percent >= limits.percent_min;
        is_like.then_some(Likeness { metres, percent })
    }

    /// The cell in which it is.
    pub fn cell(&self) -> Option<String> {
        let (longitude, latitude) = self.place()?;
        Some(cell_text(cell_of(longitude), cell_of(latitude)))
    }

    /// Every cell in which an issue may be that is at most so many metres away.
    pub fn cells_within(&self, metres: u32) -> Vec<String> {
        let Some((longitude, latitude)) = self.place() else { return Vec::new() };
        let degrees = f64::from(metres.min(METRES_MAX)) / METRES_OF_DEGREE;
        let (east, north) = (cell_of(longitude), cell_of(latitude));
        let beside = |degrees: f64| cell_of(degrees).saturating_add(1).clamp(1, CELLS_ASIDE_MAX);
        let (aside, above) = (beside(degrees / latitude.to_radians().cos()), beside(degrees));
        let row = |north| (east - aside..=east + aside).map(move |east| cell_text(east, north));
        (north - above..=north + above).flat_map(row).collect()
    }

    /// By what issues in like words are found: those of the same grid and of its neighbours, which have the grid above in common. Two
    /// that are like in words probably share one of them.
    pub fn sketch(&self) -> Vec<String> {
        let pairs = self.pairs();
        let Some(above) = self.grids.get(1).or(self.grids.first()).filter(|_| !pairs.is_empty()) else {
            return Vec::new();
        };
        let first_in = |order: u64| pairs.iter().map(|pair| mixed(pair ^ mixed(order + 1))).min().unwrap_or_default();
        let value = |n: u64| {
            let first = (n * ORDERS..(n + 1) * ORDERS).map(first_in).fold(n, |value, first| mixed(value ^ first));
            format!("{above}/{first:016x}")
        };
        (0..VALUES).map(value).collect()
    }

    fn place(&self) -> Option<(f64, f64)> {
        self.longitude.zip(self.latitude)
    }

    /// The pairs of neighbouring characters of title and description, sorted, each once. Blanks and punctuation do not count, nor whether
    /// letters are large or wide.
    fn pairs(&self) -> Vec<u64> {
        let plain = |char: char| match char {
            // Full-width forms of ASCII.
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xfee0).unwrap_or(char),
            _ => char,
        };
        let pairs_of = |text: &str| {
            let chars = text.chars().map(plain).filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase);
            let chars: Vec<u64> = chars.map(|char| u64::from(u32::from(char))).collect();
            chars.windows(2).map(|pair| pair[0] << 32 | pair[1]).collect::<Vec<_>>()
        };
        let mut pairs = pairs_of(&self.title);
        pairs.extend(pairs_of(&self.description));
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

/// Twice what both have, of what each has, in whole percent.
fn share_of(one: &[u64], other: &[u64]) -> u8 {
    let common = one.iter().filter(|pair| other.binary_search(pair).is_ok()).count();
    let percent = (200 * common).checked_div(one.len() + other.len()).unwrap_or_default();
    u8::try_from(percent).unwrap_or(100)
}

/// Metres between two places that are not far apart: on a plane that touches the earth between them.
fn metres_between(one: (f64, f64), other: (f64, f64)) -> u32 {
    let middle = f64::midpoint(one.1, other.1).to_radians();
    let (east, north) = ((one.0 - other.0) * middle.cos(), one.1 - other.1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "degrees are on the earth, whose ways are short enough; a distance is not negative"
    )]
    {
        (east.hypot(north) * METRES_OF_DEGREE).round() as u32
    }
}

/// The number of the cell in which these degrees are.
fn cell_of(degrees: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "degrees are few")]
    {
        (degrees / CELL_DEGREES).floor() as i64
    }
}

fn cell_text(east: i64, north: i64) -> String {
    format!("{east},{north}")
}

/// Spreads a number over all numbers, each to another one: the last step of the generator splitmix64.
const fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LikenessLimits = LikenessLimits { metres_max: 50, percent_min: 60 };
    /// Shanghai.
    const PLACE: (f64, f64) = (121.471_5, 31.243_7);

    fn told(title: &str, description: &str, place: Option<(f64, f64)>) -> Told {
        let grids = ["BZ-R01-B01", "BZ-R01", "BZ"].map(|code| GridCode::try_new(code).unwrap());
        Told::new(title, description, &grids, place)
    }

    #[test]
    fn a_degree_is_as_long_as_it_is() {
        // 100 m north is 0.000899 degrees; 100 m east in Shanghai 0.001052.
        let metres = |east: f64, north: f64| metres_between(PLACE, (PLACE.0 + east, PLACE.1 + north));
        assert_eq!([metres(0.0, 0.0), metres(0.0, 0.000_899), metres(0.001_052, 0.0)], [0, 100, 100]);
        assert_eq!(metres(0.001_052, -0.000_899), 141);
        // Beijing to Shanghai, some 1,068 km: on a plane within one in a hundred.
        let far = metres_between((116.407_4, 39.904_2), (121.473_7, 31.230_4));
        assert!((1_057_000..1_080_000).contains(&far), "{far}");
    }

    #[test]
    fn words_are_compared_by_pairs_of_characters_and_not_by_how_they_are_typed() {
        let percent = |one: &str, other: &str| share_of(&told(one, "", None).pairs(), &told(other, "", None).pairs());
        assert_eq!(percent("楼道堆物", "楼道堆物"), 100);
        assert_eq!(percent("楼道堆物，影响通行。", "楼道 堆物影响通行"), 100);
        assert_eq!(percent("Ａ１栋电梯", "a1栋电梯"), 100);
        // 楼道 道堆 堆物 / 楼道 道有 有杂 杂物: one of three and four.
        assert_eq!(percent("楼道堆物", "楼道有杂物"), 28);
        assert_eq!(percent("路灯不亮", "楼道堆物"), 0);
        assert_eq!(percent("", ""), 0, "nothing was said in common");
        assert_eq!(percent("灯", "灯"), 0);
    }

    #[test]
    fn issues_are_like_that_are_near_or_in_like_words() {
        let one = told("楼道堆物", "三楼楼道堆放旧家具，影响通行", Some(PLACE));
        let near = told("路灯不亮", "门口的灯坏了", Some((PLACE.0, PLACE.1 + 0.000_4)));
        assert_eq!(one.likeness(&near, LIMITS), Some(Likeness { metres: Some(44), percent: 0 }));
        let far = told("路灯不亮", "门口的灯坏了", Some((PLACE.0, PLACE.1 + 0.000_5)));
        assert_eq!(one.likeness(&far, LIMITS), None, "56 m");
        let alike = told("楼道堆物", "三楼楼道里堆放了旧家具，影响通行", None);
        let likeness = one.likeness(&alike, LIMITS).unwrap();
        assert_eq!((likeness.metres, likeness.percent >= 60), (None, true));
        assert_eq!(one.likeness(&told("路灯不亮", "灯坏了", None), LIMITS), None);
    }

    #[test]
    fn whatever_is_near_is_in_one_of_the_cells() {
        for latitude in [-60.0, -31.2, 0.0, 0.000_3, 31.243_7, 53.5] {
            for metres in [0, 1, 50, 199, 200] {
                let one = told("", "", Some((121.471_5, latitude)));
                let cells = one.cells_within(metres);
                assert!(cells.len() <= 45, "{}", cells.len());
                for step in 0..72_u32 {
                    let (sine, cosine) = (f64::from(step) * 5.0).to_radians().sin_cos();
                    let degrees = f64::from(metres) / METRES_OF_DEGREE * 0.999;
                    let east = degrees * cosine / f64::to_radians(latitude).cos();
                    let near = told("", "", Some((121.471_5 + east, latitude + degrees * sine)));
                    assert!(cells.contains(&near.cell().unwrap()), "{metres} m from {latitude} at {step}");
                }
            }
        }
        assert_eq!(told("", "", Some((0.0, 90.0))).cells_within(200).len(), 5 * 21, "at the pole there is an end");
        assert_eq!((told("", "", None).cell(), told("", "", None).cells_within(50)), (None, vec![]));
    }

    /// Texts of so many common and own characters each.
    fn texts(n: u32, common: u32, own: u32) -> (Told, Told) {
        let chars = |from: u32, count: u32| -> String {
            (0..count).filter_map(|at| char::from_u32(0x4e00 + (n * 977 + from + at * 31) % 20_000)).collect()
        };
        let text = |from| format!("{}{}", chars(0, common), chars(from, own));
        (told(&text(5_003), "", None), told(&text(11_003), "", None))
    }

    #[test]
    fn like_texts_share_a_value_of_their_sketches_and_others_seldom() {
        let shared = |common, own| {
            let pairs = (0..200).map(|n| texts(n, common, own));
            pairs.filter(|(one, other)| one.sketch().iter().any(|value| other.sketch().contains(value))).count()
        };
        assert!(shared(32, 13) >= 190, "of 200 that share some 70 in 100: {}", shared(32, 13));
        assert!(shared(4, 40) <= 20, "of 200 that share some 7 in 100: {}", shared(4, 40));
        assert_eq!(shared(40, 0), 200);
    }

    #[test]
    fn a_sketch_is_of_the_grids_that_have_the_one_above_in_common_and_never_changes() {
        let one = told("楼道堆物", "影响通行", None);
        let elsewhere = |grids: &[&str]| {
            let grids: Vec<GridCode> = grids.iter().map(|code| GridCode::try_new(code).unwrap()).collect();
            Told { grids, ..one.clone() }.sketch()
        };
        assert_eq!(one.sketch(), elsewhere(&["BZ-R01-B02", "BZ-R01"]));
        assert!(elsewhere(&["BZ-R02-B01", "BZ-R02"]).iter().all(|value| !one.sketch().contains(value)));
        assert_eq!(told("灯", "", None).sketch(), [""; 0]);
        assert_eq!(one.sketch().len(), 16);
        // What is stored must be found by what is asked later.
        assert_eq!(mixed(0), 0xe220_a839_7b1d_cdaf, "the first number of splitmix64 from 0");
    }
}
