//! Names, passwords and seeds nobody else has.

use std::fmt::Write as _;

use anyhow::Context as _;

/// Random bytes.
pub(crate) fn bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut buffer = [0_u8; N];
    getrandom::fill(&mut buffer).context("the system gave no random bytes")?;
    Ok(buffer)
}

/// A number to start a pseudo-random sequence with.
pub fn seed() -> anyhow::Result<u64> {
    Ok(u64::from_le_bytes(bytes()?))
}

/// So many random bytes, as hexadecimal digits.
pub(crate) fn hex(bytes: usize) -> anyhow::Result<String> {
    let mut buffer = vec![0_u8; bytes];
    getrandom::fill(&mut buffer).context("the system gave no random bytes")?;
    Ok(to_hex(&buffer))
}

/// A password: 128 bits. It opens with a letter, so that no configuration language takes it for a number.
pub(crate) fn password() -> anyhow::Result<String> {
    Ok(format!("p{}", hex(16)?))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_two_digits_each() {
        assert_eq!(to_hex(&[0, 15, 255]), "000fff");
        assert_eq!(hex(4).unwrap().len(), 8);
        assert_ne!(password().unwrap(), password().unwrap());
    }
}
