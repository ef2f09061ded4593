//! MP4 (ISO 14496-12): what a film says of its maker is overwritten where it stands, so that no place in it moves.
//!
//! Samples of tracks are not looked into: a camera that records where it is as a track of its own keeps it (docs/security.md).

use app::port::evidence_store::Captured;
use chrono::{DateTime, TimeDelta, Utc};

use super::{CleanError, Parts};

/// Most boxes that are looked at.
const BOXES_MAX: u32 = 10_000;
/// Deepest box in boxes that is looked into.
const DEPTH_MAX: u32 = 8;
/// Begin of the times of a film: 1904-01-01.
const EPOCH: DateTime<Utc> = DateTime::from_timestamp(-2_082_844_800, 0).expect("a moment of our time");

/// What is to be overwritten, and what it said.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Where names become `free`.
    pub(super) names: Vec<u64>,
    /// Where nothing but zeros is to be: from, and how many.
    pub(super) zeros: Vec<(u64, u64)>,
    pub(super) captured: Captured,
    boxes: u32,
    has_film: bool,
}

/// The head of a box: its name, where it is named, and how long its content is.
struct Head {
    name: [u8; 4],
    named_at: u64,
    content: u64,
}

/// Looks at every box, and into those that hold others.
pub(super) fn look(parts: &mut Parts<'_>) -> Result<Found, CleanError> {
    let (mut found, end) = (Found::default(), parts.left());
    while parts.left() > 0 {
        look_at_box(parts, end, parts.left(), 0, &mut found)?;
    }
    if found.has_film { Ok(found) } else { Err(CleanError::Broken("an MP4 without a film in it")) }
}

/// Looks at one box of which `inside` bytes are left for it and those after it.
fn look_at_box(parts: &mut Parts<'_>, end: u64, inside: u64, depth: u32, found: &mut Found) -> Result<u64, CleanError> {
    found.boxes = found.boxes.saturating_add(1);
    if found.boxes > BOXES_MAX || depth > DEPTH_MAX {
        return Err(CleanError::Broken("an MP4 with too many boxes"));
    }
    let before = parts.left();
    let head = head(parts, end, inside, depth)?;
    found.has_film |= matches!(&head.name, b"moov" | b"moof");
    match &head.name {
        b"moov" | b"trak" | b"mdia" | b"moof" | b"traf" | b"edts" | b"minf" => {
            let until = parts.left().checked_sub(head.content).ok_or(super::CUT)?;
            while parts.left() > until {
                look_at_box(parts, end, parts.left().saturating_sub(until), depth.saturating_add(1), found)?;
            }
        }
        b"mvhd" | b"tkhd" | b"mdhd" => times(parts, end, &head, found)?,
        b"udta" | b"meta" | b"uuid" | b"free" | b"skip" => blank(parts, end, &head, found)?,
        _ => parts.skip(head.content)?,
    }
    Ok(before.saturating_sub(parts.left()))
}

fn head(parts: &mut Parts<'_>, end: u64, inside: u64, depth: u32) -> Result<Head, CleanError> {
    let unfit = CleanError::Broken("an MP4 with a box that does not fit");
    let size = u32::from_be_bytes(parts.array()?);
    let named_at = end.saturating_sub(parts.left());
    let name: [u8; 4] = parts.array()?;
    let (head, size) = match size {
        // To the end of the file.
        0 if depth == 0 => (8, inside),
        1 => (16, u64::from_be_bytes(parts.array()?)),
        size => (8, u64::from(size)),
    };
    match size.checked_sub(head) {
        Some(content) if size <= inside && content <= parts.left() => Ok(Head { name, named_at, content }),
        _ => Err(unfit),
    }
}

/// Takes out when a film, a track or its media was made and changed.
fn times(parts: &mut Parts<'_>, end: u64, head: &Head, found: &mut Found) -> Result<(), CleanError> {
    let at = end.saturating_sub(parts.left());
    let content = parts.whole(head.content)?.unwrap_or_default();
    let length = if content.first() == Some(&1) { 16 } else { 8 };
    let Some(times) = content.get(4..).and_then(|rest| rest.get(..length)) else {
        return Err(CleanError::Broken("an MP4 with a head that cannot be read"));
    };
    if head.name == *b"mvhd" {
        let (made, _) = times.split_at(length / 2);
        let seconds = made.iter().fold(0_u64, |seconds, byte| seconds << 8 | u64::from(*byte));
        let made = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0);
        let made = made.and_then(|seconds| EPOCH.checked_add_signed(TimeDelta::try_seconds(seconds)?));
        found.captured = std::mem::take(&mut found.captured).or(Captured::new(made.map(|at| at.to_rfc3339()), None));
    }
    found.zeros.push((at.saturating_add(4), length as u64));
    Ok(())
}

/// Overwrites a box with nothing that is skipped by everybody, and reads where it says that the film was made.
fn blank(parts: &mut Parts<'_>, end: u64, head: &Head, found: &mut Found) -> Result<(), CleanError> {
    let at = end.saturating_sub(parts.left());
    if let Some(content) = parts.whole(head.content)? {
        let place = place_in(&content);
        found.captured = std::mem::take(&mut found.captured).or(Captured::new(None, place));
    }
    found.names.push(head.named_at);
    found.zeros.push((at, head.content));
    Ok(())
}

/// Where ISO 6709 stands in a box, for example `+31.2304+121.4737/`: longitude and latitude.
fn place_in(content: &[u8]) -> Option<(f64, f64)> {
    let is_sign = |byte: &u8| matches!(byte, b'+' | b'-');
    let is_of_number = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let number = |from: usize| -> Option<(f64, usize)> {
        let rest = content.get(from..)?;
        is_sign(rest.first()?).then_some(())?;
        let digits = rest.iter().skip(1).take_while(|byte| is_of_number(**byte)).count();
        let text = std::str::from_utf8(rest.get(..digits.checked_add(1)?)?).ok()?;
        Some((text.parse().ok()?, from.checked_add(digits)?.checked_add(1)?))
    };
    let mut starts = content.iter().enumerate().filter(|(_, byte)| is_sign(byte)).map(|(at, _)| at);
    starts.find_map(|at| {
        let (latitude, next) = number(at)?;
        let (longitude, _) = number(next)?;
        ((-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude)).then_some((longitude, latitude))
    })
}
