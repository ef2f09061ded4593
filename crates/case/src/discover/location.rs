use kernel::facts::Bounds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Refusal;

/// Most characters of a place in words.
pub(crate) const TEXT_MAX: usize = 200;

/// Where in the grid, as it is sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationInput {
    /// In words: estate, building, storey; at most 200 characters. Not the address of a person.
    #[schemars(length(min = 1, max = TEXT_MAX))]
    pub text: String,
    /// In degrees east, -180 to 180; only together with the latitude.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = -180, "maximum" = 180))]
    pub longitude: Option<f64>,
    /// In degrees north, -90 to 90; only together with the longitude.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minimum" = -90, "maximum" = 90))]
    pub latitude: Option<f64>,
    /// In which datum the degrees are.
    #[serde(default)]
    pub datum: Datum,
}

/// What degrees refer to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Datum {
    /// WGS 84: what satellite receivers give.
    #[default]
    Wgs84,
    /// GCJ-02 (国测局坐标): what maps and telephones in China give. It is off by up to some 700 m.
    Gcj02,
}

/// Where in the grid, as it is recorded: in WGS 84, whatever was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// In words.
    pub text: String,
    /// WGS 84 longitude in degrees, to 7 decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// WGS 84 latitude in degrees, to 7 decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// What was sent, where it was in another datum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
}

/// Degrees as they were sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// Longitude in degrees, to 7 decimals.
    pub longitude: f64,
    /// Latitude in degrees, to 7 decimals.
    pub latitude: f64,
    /// What they refer to.
    pub datum: Datum,
}

impl LocationInput {
    /// Both degrees, or neither.
    fn degrees(&self) -> Result<Option<(f64, f64)>, Refusal> {
        match (self.longitude, self.latitude) {
            (Some(longitude), Some(latitude)) if longitude.abs() <= 180.0 && latitude.abs() <= 90.0 => {
                Ok(Some((longitude, latitude)))
            }
            (Some(_), Some(_)) => Err(Refusal::NotOnTheMap),
            (None, None) if self.datum == Datum::Wgs84 => Ok(None),
            _ => Err(Refusal::HalfACoordinate),
        }
    }

    /// As it is recorded.
    pub(crate) fn recorded(&self) -> Result<Location, Refusal> {
        let text = self.text.clone();
        let Some((longitude, latitude)) = self.degrees()? else {
            return Ok(Location { text, longitude: None, latitude: None, sent: None });
        };
        let sent = Sent { longitude: rounded(longitude), latitude: rounded(latitude), datum: self.datum };
        let (longitude, latitude) = match self.datum {
            Datum::Wgs84 => (longitude, latitude),
            Datum::Gcj02 => from_gcj02(longitude, latitude),
        };
        let sent = Some(sent).filter(|sent| sent.datum != Datum::Wgs84);
        Ok(Location { text, longitude: Some(rounded(longitude)), latitude: Some(rounded(latitude)), sent })
    }

    /// As it is recorded, where it lies in these bounds.
    pub(super) fn recorded_in(&self, bounds: Option<Bounds>) -> Result<Location, Refusal> {
        let recorded = self.recorded()?;
        match (recorded.longitude, recorded.latitude, bounds) {
            (Some(longitude), Some(latitude), Some(bounds)) if !bounds.contains(longitude, latitude) => {
                let (longitude, latitude) = (longitude.to_string(), latitude.to_string());
                Err(Refusal::OutsideTheDistrict { longitude, latitude })
            }
            _ => Ok(recorded),
        }
    }

    /// Whether this is what was recorded. What was converted is compared as it was sent.
    pub(super) fn is(&self, recorded: &Location) -> bool {
        self.recorded().is_ok_and(|own| match (&own.sent, &recorded.sent) {
            (Some(own_sent), Some(sent)) => (&own.text, own_sent) == (&recorded.text, sent),
            _ => own == *recorded,
        })
    }
}

/// Degrees to 7 decimals (a centimetre). So few digits are read back from JSON exactly, which 17 are not; a retry would otherwise
/// look like another discovery.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

/// WGS 84 of a place in GCJ-02: the place that GCJ-02 would move there. Each step comes closer by a factor of about a hundred.
fn from_gcj02(longitude: f64, latitude: f64) -> (f64, f64) {
    const STEPS: usize = 6;
    let mut found = (longitude, latitude);
    for _ in 0..STEPS {
        let moved = to_gcj02(found.0, found.1);
        found = (found.0 + longitude - moved.0, found.1 + latitude - moved.1);
    }
    found
}

/// Where GCJ-02 moves a place in WGS 84. Outside China it moves nothing.
fn to_gcj02(longitude: f64, latitude: f64) -> (f64, f64) {
    use std::f64::consts::PI;
    /// Half the major axis of the ellipsoid of Krasovsky, in metres.
    const AXIS: f64 = 6_378_245.0;
    /// Its eccentricity, squared.
    const ECCENTRICITY: f64 = 0.006_693_421_622_965_943;
    if !(72.004..=137.8347).contains(&longitude) || !(0.8293..=55.8271).contains(&latitude) {
        return (longitude, latitude);
    }
    let (x, y) = (longitude - 105.0, latitude - 35.0);
    let waves = |of: f64, periods: [(f64, f64); 2]| {
        periods.into_iter().map(|(height, period)| height * (of / period * PI).sin()).sum::<f64>() * 2.0 / 3.0
    };
    let short = (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0;
    let root = x.abs().sqrt();
    let north = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * root
        + short
        + waves(y, [(20.0, 1.0), (40.0, 3.0)])
        + waves(y, [(160.0, 12.0), (320.0, 30.0)]);
    let east = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * root
        + short
        + waves(x, [(20.0, 1.0), (40.0, 3.0)])
        + waves(x, [(150.0, 12.0), (300.0, 30.0)]);
    let sine = (latitude / 180.0 * PI).sin();
    let curve = 1.0 - ECCENTRICITY * sine * sine;
    let north = north * 180.0 / (AXIS * (1.0 - ECCENTRICITY) / (curve * curve.sqrt()) * PI);
    let east = east * 180.0 / (AXIS / curve.sqrt() * (latitude / 180.0 * PI).cos() * PI);
    (longitude + east, latitude + north)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(longitude: Option<f64>, latitude: Option<f64>, datum: Datum) -> LocationInput {
        LocationInput { text: "大悦城北座".into(), longitude, latitude, datum }
    }

    #[test]
    fn degrees_come_in_pairs_and_lie_on_the_earth() {
        let refused = |longitude, latitude, datum| at(longitude, latitude, datum).recorded().unwrap_err();
        for datum in [Datum::Wgs84, Datum::Gcj02] {
            assert_eq!(refused(Some(121.4), None, datum), Refusal::HalfACoordinate);
            assert_eq!(refused(None, Some(31.2), datum), Refusal::HalfACoordinate);
            for (longitude, latitude) in [(31.2, 121.4), (180.1, 0.0), (-181.0, 0.0), (0.0, 90.1), (0.0, -91.0)] {
                assert_eq!(refused(Some(longitude), Some(latitude), datum), Refusal::NotOnTheMap);
            }
        }
        assert_eq!(refused(None, None, Datum::Gcj02), Refusal::HalfACoordinate, "a datum of nothing");
        let nowhere = at(None, None, Datum::Wgs84).recorded().unwrap();
        assert_eq!((nowhere.longitude, nowhere.latitude, nowhere.sent), (None, None, None));
    }

    #[test]
    fn gcj_02_is_recorded_in_wgs_84_beside_what_was_sent() {
        // As the package coordtransform (npm, 2.1.2) gives it.
        let moved = to_gcj02(116.404, 39.915);
        assert!(
            (moved.0 - 116.410_244_499_169_38).abs() < 1e-9 && (moved.1 - 39.916_404_281_501_64).abs() < 1e-9,
            "{moved:?}"
        );
        for (longitude, latitude) in [(121.471_5, 31.243_7), (116.404, 39.915), (87.6, 43.8), (110.3, 20.0)] {
            let recorded = at(Some(longitude), Some(latitude), Datum::Gcj02).recorded().unwrap();
            let found = (recorded.longitude.unwrap(), recorded.latitude.unwrap());
            assert!((found.0 - longitude).abs() > 0.0005, "it is elsewhere");
            let back = to_gcj02(found.0, found.1);
            assert!((back.0 - longitude).abs() < 2e-7 && (back.1 - latitude).abs() < 2e-7, "{back:?}");
            assert_eq!(recorded.sent, Some(Sent { longitude, latitude, datum: Datum::Gcj02 }));
        }
        let abroad = at(Some(2.2945), Some(48.8584), Datum::Gcj02).recorded().unwrap();
        assert_eq!((abroad.longitude, abroad.latitude), (Some(2.2945), Some(48.8584)));
    }

    #[test]
    fn what_is_sent_again_is_the_same_and_in_another_datum_is_not() {
        let input = at(Some(121.446_312_345_678), Some(31.223_48), Datum::Gcj02);
        let recorded = input.recorded().unwrap();
        let read: Location = serde_json::from_str(&serde_json::to_string(&recorded).unwrap()).unwrap();
        assert_eq!(read, recorded);
        assert!(input.is(&recorded));
        assert!(!LocationInput { datum: Datum::Wgs84, ..input.clone() }.is(&recorded));
        assert!(!LocationInput { text: "别处".into(), ..input }.is(&recorded));
    }
}
