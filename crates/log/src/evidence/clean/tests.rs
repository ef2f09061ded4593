//! Each format with everything that tells of its maker, and what is left of it; then broken and hostile files of every kind.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;

/// A place that must never be found in what is kept.
const SECRET: &[u8] = b"31.2304N121.4737E";

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn cleaned(media_type: MediaType, bytes: &[u8]) -> Result<(Vec<u8>, Captured), CleanError> {
    let (from, mut to) = (file(bytes), tempfile::tempfile().unwrap());
    let captured = clean(media_type, &from, &to)?.unwrap_or_default();
    let mut kept = Vec::new();
    to.seek(SeekFrom::Start(0)).unwrap();
    to.read_to_end(&mut kept).unwrap();
    Ok((kept, captured))
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Exif as a telephone writes it: turned to the right, when, and where.
fn exif_of_a_telephone() -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let directory = |entries: &[Vec<u8>]| {
        [&u16::try_from(entries.len()).unwrap().to_le_bytes()[..], &entries.concat(), &[0; 4]].concat()
    };
    // The first directory at 8 has 3 entries and ends at 50; that of Exif ends at 80, that of GPS at 134.
    tiff.extend(directory(&[entry(0x0112, 3, 1, 6), entry(0x8769, 4, 1, 50), entry(0x8825, 4, 1, 80)]));
    tiff.extend(directory(&[entry(0x9003, 2, 20, 134), entry(0x9011, 2, 7, 154)]));
    let (north, east) = (u32::from(b'N'), u32::from(b'E'));
    tiff.extend(directory(&[entry(1, 2, 2, north), entry(2, 5, 3, 161), entry(3, 2, 2, east), entry(4, 5, 3, 185)]));
    tiff.extend(b"2026:03:02 09:15:00\0+08:00\0");
    for (above, below) in [(31_u32, 1_u32), (13, 1), (4944, 100), (121, 1), (28, 1), (2532, 100)] {
        tiff.extend([above.to_le_bytes(), below.to_le_bytes()].concat());
    }
    [&tiff[..], SECRET].concat()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker][..], &length, content].concat()
}

fn jpeg() -> Vec<u8> {
    [
        b"\xff\xd8".to_vec(),
        segment(0xe0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        segment(0xe1, &[b"Exif\0\0", &exif_of_a_telephone()[..]].concat()),
        segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat()),
        segment(0xe2, b"ICC_PROFILE\0 a profile"),
        segment(0xe2, &[b"MPF\0", SECRET].concat()),
        segment(0xfe, SECRET),
        segment(0xdb, b"tables"),
        segment(0xc0, b"a frame"),
        segment(0xda, b"a scan"),
        b"\x01\x02\xff\x00\x03\xff\xd0\x04".to_vec(),
        segment(0xc4, b"more tables"),
        segment(0xda, b"another scan"),
        b"\x05\xff\xff\xd9".to_vec(),
        SECRET.to_vec(),
    ]
    .concat()
}

fn chunk(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[..], &name, content, b"sum!"].concat()
}

fn png() -> Vec<u8> {
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(*b"IHDR", &[1; 13]),
        chunk(*b"eXIf", &exif_of_a_telephone()),
        chunk(*b"tEXt", SECRET),
        chunk(*b"iTXt", SECRET),
        chunk(*b"tIME", SECRET),
        chunk(*b"prIv", SECRET),
        chunk(*b"gAMA", b"\0\0\x01\0"),
        chunk(*b"IDAT", b"a picture"),
        chunk(*b"IEND", b""),
        SECRET.to_vec(),
    ]
    .concat()
}

fn riff(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    [&name[..], &length, content, &vec![0; content.len() % 2]].concat()
}

fn webp() -> Vec<u8> {
    let inside = [
        riff(*b"VP8X", &[0x2c, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        riff(*b"ICCP", b"a profile"),
        riff(*b"VP8 ", b"a picture"),
        riff(*b"EXIF", &exif_of_a_telephone()),
        riff(*b"XMP ", SECRET),
        riff(*b"what", SECRET),
    ]
    .concat();
    let length = u32::try_from(inside.len() + 4).unwrap().to_le_bytes();
    [b"RIFF", &length[..], b"WEBP", &inside, SECRET].concat()
}

fn mp4_box(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap().to_be_bytes();
    [&length[..], &name, content].concat()
}

fn mp4() -> Vec<u8> {
    // 2026-03-02T01:15:00Z, in seconds since 1904.
    let made = (1_772_414_100_u32 + 2_082_844_800).to_be_bytes();
    let head = [&[0; 4][..], &made, &made, &[0; 8]].concat();
    let place = [b"\0\x12\x15\xc7+31.2304+121.4737/", SECRET].concat();
    let udta = mp4_box(*b"udta", &mp4_box(*b"\xa9xyz", &place));
    let track = mp4_box(
        *b"trak",
        &[mp4_box(*b"tkhd", &head), udta.clone(), mp4_box(*b"mdia", &mp4_box(*b"mdhd", &head))].concat(),
    );
    [
        mp4_box(*b"ftyp", b"isom\0\0\0\0isom"),
        mp4_box(*b"moov", &[mp4_box(*b"mvhd", &head), track, udta, mp4_box(*b"meta", SECRET)].concat()),
        mp4_box(*b"uuid", SECRET),
        mp4_box(*b"free", SECRET),
        mp4_box(*b"mdat", b"the film"),
    ]
    .concat()
}

/// Makes a file.
type Made = fn() -> Vec<u8>;

const ALL: [(MediaType, Made); 4] =
    [(MediaType::Jpeg, jpeg), (MediaType::Png, png), (MediaType::Webp, webp), (MediaType::Mp4, mp4)];

#[test]
fn what_tells_of_its_maker_is_taken_out_and_told_beside() {
    for (media_type, whole) in ALL {
        let name = media_type.as_str();
        let (kept, captured) = cleaned(media_type, &whole()).unwrap();
        assert!(holds(&whole(), SECRET) && !holds(&kept, SECRET), "{name}");
        let (longitude, latitude) = (captured.longitude.unwrap(), captured.latitude.unwrap());
        assert!((longitude - 121.4737).abs() < 1e-6 && (latitude - 31.2304).abs() < 1e-6, "{name}: {captured:?}");
        let at = captured.at.unwrap();
        assert!(at == "2026:03:02 09:15:00+08:00" || at == "2026-03-02T01:15:00+00:00", "{name}: {at}");
        let (again, nothing) = cleaned(media_type, &kept).unwrap();
        assert_eq!((again, nothing), (kept, Captured::default()), "what is clean stays as it is: {name}");
    }
}

#[test]
fn what_a_player_needs_is_left() {
    let left = |media_type, whole: Vec<u8>| cleaned(media_type, &whole).unwrap().0;
    let photo = left(MediaType::Jpeg, jpeg());
    for part in [
        &b"JFIF"[..],
        b"a profile",
        b"tables",
        b"a frame",
        b"a scan",
        b"more tables",
        b"\x01\x02\xff\x00\x03\xff\xd0\x04",
    ] {
        assert!(holds(&photo, part), "{part:?}");
    }
    assert!(photo.ends_with(b"\x05\xff\xd9"));
    assert!(holds(&photo, b"\x01\x12\0\x03\0\0\0\x01\0\x06"), "a photo that is turned stays turned");
    assert_eq!(
        left(MediaType::Png, png()),
        [
            b"\x89PNG\r\n\x1a\n".to_vec(),
            chunk(*b"IHDR", &[1; 13]),
            chunk(*b"gAMA", b"\0\0\x01\0"),
            chunk(*b"IDAT", b"a picture"),
            chunk(*b"IEND", b""),
        ]
        .concat()
    );
    let picture = left(MediaType::Webp, webp());
    assert_eq!(picture[4..8], u32::try_from(picture.len() - 8).unwrap().to_le_bytes());
    assert_eq!(picture[20], 0x20, "the head tells of no Exif and no XMP any more");
    let film = left(MediaType::Mp4, mp4());
    assert_eq!(film.len(), mp4().len(), "no place in a film moves");
    assert!(film.ends_with(b"the film"));
    let example = kernel::evidence::EXAMPLE;
    assert_eq!(left(MediaType::Png, example.to_vec()), example, "the file of the examples is kept as it is");
}

#[test]
fn a_file_that_breaks_off_anywhere_is_refused() {
    for (media_type, whole) in ALL {
        let clean_end = match media_type {
            MediaType::Mp4 => whole().len(),
            _ => whole().len() - SECRET.len(),
        };
        // A film may end after any of its boxes on the outside.
        let is_end = |length: usize| {
            let after = mp4().len() - 16;
            media_type == MediaType::Mp4 && [after, after - 25, after - 50].contains(&length)
        };
        for length in (0..clean_end).filter(|length| !is_end(*length)) {
            let cut = cleaned(media_type, &whole()[..length]).map(|(kept, _)| kept.len());
            assert!(matches!(cut, Err(CleanError::Broken(_))), "{} cut at {length}: {cut:?}", media_type.as_str());
        }
    }
}

#[test]
fn what_is_in_a_file_is_not_believed() {
    let huge = |mut whole: Vec<u8>, at: usize, length: &[u8]| {
        whole[at..at + length.len()].copy_from_slice(length);
        whole
    };
    let broken = [
        (MediaType::Png, huge(png(), 33, &[0xff; 4])),
        (MediaType::Webp, huge(webp(), 16, &[0xff; 4])),
        (MediaType::Webp, huge(webp(), 4, &[0xff; 4])),
        (MediaType::Mp4, huge(mp4(), 20, &[0xff; 4])),
        (MediaType::Jpeg, huge(jpeg(), 4, &[0, 1])),
        (MediaType::Mp4, [mp4(), b"PK\x03\x04 an archive behind it".to_vec()].concat()),
        (MediaType::Mp4, [mp4_box(*b"moov", b""), mp4_box(*b"free", b"").repeat(20_000)].concat()),
        (MediaType::Mp4, (0..40).fold(mp4_box(*b"free", b""), |inside, _| mp4_box(*b"moov", &inside))),
        (MediaType::Jpeg, png()),
        (MediaType::Png, jpeg()),
        (MediaType::Png, [&png()[..33], &chunk(*b"XXXX", b"")].concat()),
    ];
    for (n, (media_type, bytes)) in broken.into_iter().enumerate() {
        let refused = cleaned(media_type, &bytes).map(|(kept, _)| kept.len());
        assert!(matches!(refused, Err(CleanError::Broken(_))), "{n}: {refused:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed in a file, it is refused or kept without a panic, and what is kept is no longer than it was by more than
    /// a few bytes.
    #[test]
    fn no_file_does_more_than_be_refused(
        which in 0..ALL.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let (media_type, whole) = ALL[which];
        let mut bytes = whole();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        match cleaned(media_type, &bytes) {
            Ok((kept, _)) => prop_assert!(kept.len() <= bytes.len() + 40),
            Err(CleanError::Broken(_)) => {}
            Err(CleanError::Io(error)) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn noise_is_refused(which in 0..ALL.len(), noise in prop::collection::vec(any::<u8>(), 0..600)) {
        let (media_type, _) = ALL[which];
        prop_assert!(matches!(cleaned(media_type, &noise), Err(CleanError::Broken(_))));
    }
}
