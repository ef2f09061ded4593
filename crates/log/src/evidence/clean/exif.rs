//! Exif (JEITA CP-3451): when and where a picture was taken, and how it is to be turned. Whatever cannot be read says nothing.

use app::port::evidence_store::Captured;

const ORIENTATION: u16 = 0x0112;
const EXIF_PLACE: u16 = 0x8769;
const GPS_PLACE: u16 = 0x8825;
const TAKEN_AT: u16 = 0x9003;
const TAKEN_AT_OFFSET: u16 = 0x9011;
const LATITUDE_REF: u16 = 1;
const LATITUDE: u16 = 2;
const LONGITUDE_REF: u16 = 3;
const LONGITUDE: u16 = 4;
/// Longest text that is read.
const TEXT_MAX: usize = 32;

/// What was found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Exif {
    pub(super) orientation: Option<u16>,
    pub(super) captured: Captured,
}

/// Numbers of a TIFF structure, in its order of bytes.
#[derive(Clone, Copy)]
struct Tiff<'a> {
    bytes: &'a [u8],
    is_little: bool,
}

/// A directory of a TIFF structure: its place.
#[derive(Clone, Copy)]
struct Directory<'a> {
    tiff: Tiff<'a>,
    at: usize,
}

impl<'a> Tiff<'a> {
    fn slice(self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.bytes.get(at..at.checked_add(length)?)
    }
    fn short(self, at: usize) -> Option<u16> {
        let bytes = self.slice(at, 2)?.try_into().ok()?;
        Some(if self.is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }
    fn long(self, at: usize) -> Option<u32> {
        let bytes = self.slice(at, 4)?.try_into().ok()?;
        Some(if self.is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
    fn place(self, at: usize) -> Option<usize> {
        usize::try_from(self.long(at)?).ok()
    }
    fn rational(self, at: usize) -> Option<f64> {
        let (above, below) = (self.long(at)?, self.long(at.checked_add(4)?)?);
        (below != 0).then(|| f64::from(above) / f64::from(below))
    }
}

impl<'a> Directory<'a> {
    /// The place of the value field of an entry: type at -6, count at -4 before it.
    fn entry(self, tag: u16) -> Option<usize> {
        let count = self.tiff.short(self.at)?;
        let first = self.at.checked_add(2)?;
        let entries = (0..usize::from(count)).map_while(|n| first.checked_add(n.checked_mul(12)?));
        let found = entries.take_while(|at| self.tiff.short(*at).is_some());
        found.into_iter().find(|at| self.tiff.short(*at) == Some(tag))?.checked_add(8)
    }
    fn below(self, tag: u16) -> Option<Self> {
        Some(Self { at: self.tiff.place(self.entry(tag)?)?, ..self })
    }
    fn text(self, tag: u16) -> Option<&'a str> {
        let value = self.entry(tag)?;
        let length = self.tiff.place(value.checked_sub(4)?)?;
        let at = if length <= 4 { value } else { self.tiff.place(value)? };
        let bytes = self.tiff.slice(at, length.min(TEXT_MAX))?;
        let text = bytes.split(|byte| *byte == 0).next()?;
        std::str::from_utf8(text).ok().map(str::trim).filter(|text| text.is_ascii() && !text.is_empty())
    }
    /// Degrees, minutes and seconds as degrees.
    fn degrees(self, tag: u16, of: u16, negative: &str) -> Option<f64> {
        let at = self.tiff.place(self.entry(tag)?)?;
        let part = |n: usize| self.tiff.rational(at.checked_add(n.checked_mul(8)?)?);
        let degrees = part(0)? + part(1)? / 60.0 + part(2)? / 3600.0;
        Some(if self.text(of)? == negative { -degrees } else { degrees })
    }
}

/// What a TIFF structure says.
pub(super) fn read(bytes: &[u8]) -> Exif {
    let is_little = match bytes.get(..4) {
        Some(b"II*\0") => true,
        Some(b"MM\0*") => false,
        _ => return Exif::default(),
    };
    let tiff = Tiff { bytes, is_little };
    let Some(at) = tiff.place(4) else { return Exif::default() };
    let first = Directory { tiff, at };
    let taken = first.below(EXIF_PLACE);
    let at = taken.and_then(|it| it.text(TAKEN_AT)).map(|at| {
        let offset = taken.and_then(|it| it.text(TAKEN_AT_OFFSET)).unwrap_or_default();
        format!("{at}{offset}")
    });
    let place = first.below(GPS_PLACE).and_then(|gps| {
        let place = (gps.degrees(LONGITUDE, LONGITUDE_REF, "W")?, gps.degrees(LATITUDE, LATITUDE_REF, "S")?);
        ((-180.0..=180.0).contains(&place.0) && (-90.0..=90.0).contains(&place.1)).then_some(place)
    });
    Exif {
        orientation: first.entry(ORIENTATION).and_then(|value| tiff.short(value)),
        captured: Captured::new(at, place),
    }
}

/// A TIFF structure that says nothing but how the picture is turned.
pub(super) fn only_orientation(orientation: u16) -> Vec<u8> {
    let mut tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
    tiff.extend_from_slice(&orientation.to_be_bytes());
    tiff.extend_from_slice(&[0; 6]);
    tiff
}
