//! Bytes as hexadecimal digits, and back.

/// Two digits a byte, in small letters.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of so many digits; nothing where a text isn't that.
pub fn of_hex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let ours = text.len() == 2 * BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut bytes = [0; BYTES];
    for (at, byte) in bytes.iter_mut().enumerate().filter(|_| ours) {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    ours.then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_nothing_else_does() {
        let bytes = [0, 1, 0x7f, 0xff];
        assert_eq!((hex(&bytes).as_str(), of_hex("00017FfF")), ("00017fff", Some(bytes)));
        assert_eq!(of_hex::<4>(&hex(&bytes)), Some(bytes));
        for wrong in ["", "0001", "00017fff00", "+0017fff", "0001 fff", "éé00"] {
            assert_eq!(of_hex::<4>(wrong), None, "{wrong}");
        }
    }
}
